"""The loader starts a kernel from every kind of disk, in little and much memory, on processors with more and less."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from boards import COLUMNS, DISKS, ENDED_BY_KERNEL, boot, ended, halted, shows
from elf_maker import DATA, RODATA, SAYS_OK, TEXT, Elf, Part, R, W, X

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
