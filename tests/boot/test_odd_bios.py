"""Machines whose firmware is wanting: the loader finds another way, or says what is missing."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from boards import ENDED_BY_KERNEL, Boot, Machine, Wanted, boot, ended, halted
from elf_maker import SAYS_OK, Elf, Part, R, X
from osimage.boot.handover import Bootloader09
from osimage.boot.layout import SECTOR_SIZE

OK = ("OK",)
FLAT = ("-Clink-arg=--oformat=binary", "-Clink-arg=-Ttext=0x7c00", "-Clink-arg=--image-base=0")
PACKET_OFFSET = 0x1E0
HALTS = SAYS_OK[: SAYS_OK.index(bytes.fromhex("b010e6f4"))] + b"\xf4"  # instead of ending QEMU

Start = Callable[..., Boot]


@pytest.fixture
def start(disk: Callable[..., Path], compiled: Callable[..., bytes]) -> Start:
    """Boots KERNEL, bound as BINDING says, in a machine that is odd in some ways (see kernels/odd_bios.rs)."""

    def boot_oddly(
        ways: tuple[str, ...],
        until: Wanted = ended,
        kernel: bytes = Elf().build(),
        stage1: bytes = b"",
        drive: str = "virtio",
        **binding: Any,
    ) -> Boot:
        image = disk(kernel, **binding)
        content = bytearray(image.read_bytes())
        last = len(content) // SECTOR_SIZE - 1
        content[last * SECTOR_SIZE :] = stage1.ljust(SECTOR_SIZE, b"\0") if stage1 else content[:SECTOR_SIZE]
        mbr = compiled("odd_bios", *FLAT, *(f"--cfg={way}" for way in ways))
        assert len(mbr) <= PACKET_OFFSET
        packet = struct.pack("<HHHHQ", 16, 1, 0x7C00, 0, last)
        first = mbr.ljust(PACKET_OFFSET, b"\0") + packet
        content[:SECTOR_SIZE] = first.ljust(SECTOR_SIZE - 2, b"\0") + b"\x55\xaa"
        image.write_bytes(content)
        return boot(image, until, drive)

    return boot_oddly


@pytest.mark.parametrize("ways", [
    (), ("every_other_read_fails",), ("at_most_8_sectors",), ("no_drive_parameters",),
], ids=lambda ways: " ".join(ways) or "none")  # fmt: skip
def test_there_is_another_way(start: Start, ways: tuple[str, ...]) -> None:
    seen = start(ways)
    assert (seen.status, seen.serial) == (ENDED_BY_KERNEL, OK)


@pytest.mark.parametrize("ways", [
    ("a20_closed_by_port",), ("a20_closed_by_port", "no_a20_call"), ("a20_closed_by_keyboard", "no_a20_call"),
], ids=["by the BIOS", "by port 0x92", "by the keyboard controller"])  # fmt: skip
def test_a_closed_a20_line_is_opened(start: Start, ways: tuple[str, ...]) -> None:
    seen = []

    def done(machine: Machine) -> bool:
        ended = "OK" in machine.serial()
        seen.append(machine.registers().partition("A20=")[2][0])  # after that look: it may be opened in between
        return ended

    # SeaBIOS goes by port 0x92, and its driver for virtio has data above 1 MiB: behind a line that the keyboard controller
    # has closed it divides by what it finds there instead. The one for IDE needs nothing there.
    start(ways, done, Elf((Part("text", 0x20_1000, HALTS, R | X),)).build(), drive="ide")
    assert seen[-1] == "1"
    # With nothing in the place of stage 1 the line stays closed: the machine is as odd as it should be.
    start(ways, lambda machine: "A20=0" in machine.registers(), stage1=b"\xf4", drive="ide")


@pytest.mark.parametrize(("way", "says"), [
    ("no_lba", "osimage: BIOS cannot read by LBA from drive 0x00000080"),
    ("large_sectors", "osimage: drive 0x80 has sectors of 4096 bytes; the loader reads sectors of 512"),
    ("no_map", "osimage: the BIOS tells no usable memory map: INT 15h, AX=E820h answers EAX=0x000020"),
    ("endless_map", "osimage: the BIOS tells no usable memory map: INT 15h, AX=E820h answers EAX=0x534d4150"),
    ("map_without_memory", "osimage: the BIOS tells no usable memory map: INT 15h, AX=E820h answers EAX=0x00000000"),
])  # fmt: skip
def test_what_is_missing_is_told(start: Start, way: str, says: str) -> None:
    assert start((way,), halted()).said(says)


def test_the_sector_that_cannot_be_read_is_named(start: Start) -> None:
    ballast = Part("ballast", 0x40_0000, bytes(100_000), R)
    text = Part("text", 0x20_1000, SAYS_OK, R | X)
    seen = start(("bad_sector",), halted(), Elf((text, ballast)).build())
    assert seen.serial == ("osimage: cannot read sector 100 of drive 0x80: BIOS error 0x20",)


def test_an_untidy_memory_map_is_made_tidy(start: Start, compiled: Callable[..., bytes]) -> None:
    seen = start(("untidy_map",), ended, compiled("report"))
    assert seen.status == ENDED_BY_KERNEL
    lines = re.findall(r"^memory (\S+)\.\.(\S+) (\w+)", "\n".join(seen.serial), re.MULTILINE)
    regions = [(int(base, 16), int(end, 16), kind) for base, end, kind in lines]
    own = {"PageTables", "BootInfo", "KernelStack", "Kernel", "KernelImage"}
    taken = [region for region in regions if region[2] in own]
    told = [region for region in regions if region[2] not in own and region[0] >= 0x10_0000]
    assert {kind for _, _, kind in taken} == own
    assert told == [
        (0x10_0000, 0x200_0000, "Usable"),  # what is empty or disabled does not count
        (0x200_0000, 0x200_1000, "Reserved"),  # 256 bytes, but a whole page is spoilt
        (0x200_1000, 0x300_0000, "Usable"),
        (0x300_0000, 0x308_0000, "AcpiReclaimable"),
        (0x308_0000, 0x318_0000, "Bad"),  # the worse of two
        (0x318_0000, told[5][1], "Usable"),  # from whose end the loader took
        (0x410_0000, 0x410_1000, "Reserved"),  # of a kind that nobody knows
        (0x410_1000, 0x410_2000, "AcpiNvs"),
    ]
    beyond = [(base, end) for base, end, _ in taken if base >= 0x400_0000]
    assert beyond == [(0x400_1000, 0x400_2000)]  # the only whole page of what was told as 0x4000800..0x4002800
    assert all(before[1] <= after[0] for before, after in pairwise(regions))


def test_a_long_memory_map_is_told_to_a_kernel_that_has_room_for_it(
    start: Start, compiled: Callable[..., bytes]
) -> None:
    seen = start(("long_map",), ended, compiled("report"))
    assert seen.status == ENDED_BY_KERNEL
    assert sum(line.startswith("memory ") and " Reserved " in line for line in seen.serial) == 71
    full = start(("long_map",), halted(), handover=Bootloader09())
    assert full.said("osimage: the kernel cannot be loaded: the memory map has more than 64 parts")
