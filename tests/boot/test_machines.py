"""The loader starts a kernel from every kind of disk, in little and much memory, on processors with more and less."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from boards import COLUMNS, DISKS, ENDED_BY_KERNEL, Machine, boot, ended, halted, shows
from elf_maker import DATA, RODATA, SAYS_OK, TEXT, Elf, Part, R, W, X
from osimage.boot.layout import SECTOR_SIZE

LIGHT_CYAN = 0x0B
OK = ("OK",)
MIB = 1 << 20
HALTS = SAYS_OK[: SAYS_OK.index(bytes.fromhex("b010e6f4"))] + b"\xf4"  # instead of ending QEMU


@pytest.fixture(scope="session")
def hello(compiled: Callable[..., bytes]) -> bytes:
    """The kernel of "A Minimal Rust Kernel"."""
    return compiled("hello")


@pytest.mark.parametrize("kind", DISKS)
def test_hello_world_stands_in_light_cyan_on_a_screen_that_is_empty_otherwise(
    hello: bytes, disk: Callable[..., Path], kind: str
) -> None:
    seen = boot(disk(hello), shows("Hello World!"), kind)
    assert "".join(cell.character for cell in seen.cells[:12]) == "Hello World!"
    assert {cell.colour for cell in seen.cells[:12]} == {LIGHT_CYAN}
    assert {cell.character for cell in seen.cells[12:]} == {" "}
    assert seen.serial == ()


@pytest.mark.parametrize("options", [
    ("-m", "8M"), ("-m", "6G"), ("-m", "5G", "-machine", "q35"), ("-cpu", "max"), ("-cpu", "qemu64,-nx"), ("-smp", "2"),
    ("-cpu", "core2duo"), ("-cpu", "EPYC"),
], ids=" ".join)  # fmt: skip
def test_memory_and_processors(disk: Callable[..., Path], options: tuple[str, ...]) -> None:
    seen = boot(disk(Elf().build()), ended, "virtio", *options)
    assert (seen.status, seen.serial) == (ENDED_BY_KERNEL, OK)


def test_no_screen_is_no_hindrance(disk: Callable[..., Path]) -> None:
    seen = boot(disk(Elf().build()), ended, vga="none")
    assert (seen.status, seen.serial) == (ENDED_BY_KERNEL, OK)


@pytest.mark.parametrize(("cpu", "says"), [
    ("qemu32", "osimage: this processor has no 64-bit mode (CPUID signature 0x"),
    ("pentium3", "osimage: this processor has no 64-bit mode (CPUID signature 0x"),
    ("486", "osimage: this processor has no 64-bit mode (CPUID signature 0x"),
    ("486,-vme,family=4", "osimage: this processor has no 64-bit mode (CPUID signature 0x"),
])  # fmt: skip
def test_processors_without_64_bits_are_told(disk: Callable[..., Path], cpu: str, says: str) -> None:
    seen = boot(disk(Elf().build()), halted(), "ide", "-cpu", cpu)
    assert seen.said(says)
    assert seen.said("); the kernel needs a 64-bit x86 processor")


HIGH = 0xFFFF_FFFF_8000_0000
LAYOUTS = {
    "in the higher half": Elf((Part("text", HIGH, SAYS_OK, R | X),), HIGH),
    "right below the end": Elf((Part("text", 0xFFFF_FFFF_FFFF_E000, SAYS_OK, R | X),), 0xFFFF_FFFF_FFFF_E000),
    "at the first address that may be mapped": Elf((Part("text", 0x10_0000, SAYS_OK, R | X),), 0x10_0000),
    "with segments in any order": Elf((DATA, TEXT, RODATA)),
    "with several segments of equal rights in a page": Elf((
        Part("a", 0x20_0000, b"a" * 9, R), Part("b", 0x20_0010, b"b", R, 100), Part("text", 0x20_1000, SAYS_OK, R | X),
        Part("c", 0x20_0ff0, b"c", R, 2))),
    "with 32 segments": Elf((TEXT, *(Part(f"s{n}", 0x40_0000 + n * 0x1000, b"x", R | W) for n in range(31)))),
    "with a bss of 17 MiB": Elf((TEXT, Part("bss", 0x100_0000, b"", R | W, 17 * MIB))),
}  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
def test_kernels_may_lie(disk: Callable[..., Path], layout: str) -> None:
    seen = boot(disk(LAYOUTS[layout].build()), ended)
    assert (seen.status, seen.serial) == (ENDED_BY_KERNEL, OK)


@pytest.mark.parametrize("size", [512 * 127 - 1, 512 * 127, 512 * 127 + 1, 3 * MIB])
def test_kernels_of_every_size(disk: Callable[..., Path], size: int) -> None:
    ballast = Part("ballast", 0x40_0000, os.urandom(size - 4096), R)
    kernel = Elf((TEXT, ballast), sections=False).build()
    seen = boot(disk(kernel + bytes(size - len(kernel))), ended, "ahci")
    assert (seen.status, seen.serial) == (ENDED_BY_KERNEL, OK)


def test_a_large_kernel_is_shown_arriving_and_then_gone(disk: Callable[..., Path]) -> None:
    ballast = Part("ballast", 0x40_0000, os.urandom(MIB) * 8, R)
    image = disk(Elf((Part("text", 0x20_1000, HALTS, R | X), ballast), sections=False).build())
    assert boot(image, shows("Loading the kernel: "), "ide").screen[0].rstrip().endswith(" of 9 MiB")
    done = boot(image, lambda machine: "OK" in machine.serial(), "ide")
    assert done.screen[0] == "OK".ljust(COLUMNS)


FLAT = ("-Clink-arg=--oformat=binary", "-Clink-arg=-Ttext=0x7c00", "-Clink-arg=--build-id=none")


def closed_a20(mbr: bytes, image: Path) -> None:
    """Put MBR before the boot code of IMAGE, which then lies in its last sector."""
    content = bytearray(image.read_bytes())
    last = len(content) // SECTOR_SIZE - 1
    content[last * SECTOR_SIZE :] = content[:SECTOR_SIZE]
    packet = struct.pack("<HHHHQ", 16, 1, 0x7C00, 0, last)
    content[:SECTOR_SIZE] = mbr.ljust(SECTOR_SIZE - 16, b"\0") + packet
    content[SECTOR_SIZE - 2 : SECTOR_SIZE] = b"\x55\xaa"  # the sector number needs no more than the bytes before it
    image.write_bytes(content)


@pytest.mark.parametrize("flags", [(), ("--cfg=no_bios",), ("--cfg=no_bios", "--cfg=by_keyboard")], ids=[
    "by the BIOS", "by port 0x92", "by the keyboard controller"])  # fmt: skip
def test_a_closed_a20_line_is_opened(
    disk: Callable[..., Path], compiled: Callable[..., bytes], flags: tuple[str, ...]
) -> None:
    mbr = compiled("closed_a20", *FLAT, *flags)
    image = disk(Elf((Part("text", 0x20_1000, HALTS, R | X),)).build())
    closed_a20(mbr, image)
    a20: list[str] = []

    def done(machine: Machine) -> bool:
        a20.append(machine.registers().partition("A20=")[2][0])
        return "OK" in machine.serial()

    boot(image, done)
    assert a20[-1] == "1"
    content = bytearray(image.read_bytes())
    content[-SECTOR_SIZE:] = b"\xf4".ljust(SECTOR_SIZE, b"\0")  # in the place of stage 1, so that the line stays as it is
    image.write_bytes(content)
    boot(image, lambda machine: "A20=0" in machine.registers())
