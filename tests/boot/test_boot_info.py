"""The boot information record says what is so, and the processor is in the state that is promised."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest
from boards import ENDED_BY_KERNEL, boot, ended
from elf_maker import LOAD, PROGRAM_HEADER
from osimage.boot.layout import BOOT_INFO_ADDRESS, KERNEL_STACK_TOP, LOADER_NAME

MIB, GIB = 1 << 20, 1 << 30


class Region(NamedTuple):
    base: int
    end: int
    kind: str


class Report:
    """What the kernel `report` printed."""

    def __init__(self, lines: tuple[str, ...]) -> None:
        self.text = "\n".join(lines)
        memory = re.findall(r"^memory (\S+)\.\.(\S+) (\w+) attributes 1$", self.text, re.MULTILINE)
        self.memory = [Region(int(base, 16), int(end, 16), kind) for base, end, kind in memory]
        segments = re.findall(r"^segment (\d+) (\w+) (\S+) at (\S+) size (\S+)$", self.text, re.MULTILINE)
        self.segments = [(int(index), rights, *(int(number, 16) for number in numbers))
                         for index, rights, *numbers in segments]  # fmt: skip

    def number(self, name: str) -> int:
        """The number after `NAME=`."""
        found = re.search(rf"\b{name}=(0x[0-9a-f]+|\d+)", self.text)
        assert found, f"{name} is not in {self.text}"
        return int(found[1], 0)

    def kind_at(self, address: int) -> str | None:
        """What the memory map says of ADDRESS."""
        return next((region.kind for region in self.memory if region.base <= address < region.end), None)


Reporter = Callable[..., Report]


@pytest.fixture
def report(disk: Callable[..., Path], compiled: Callable[..., bytes]) -> Reporter:
    """Boots the kernel `report` with OPTIONS for QEMU and BINDING for the loader."""

    def start(*options: str, **binding: object) -> Report:
        seen = boot(disk(compiled("report"), **binding), ended, "virtio", *options)
        assert seen.status == ENDED_BY_KERNEL, seen
        return Report(seen.serial)

    return start


def test_the_processor_is_in_the_promised_state(report: Reporter) -> None:
    found = report()
    cr0, efer, cr4 = found.number("cr0"), found.number("efer"), found.number("cr4")
    assert cr0 & 1 << 16, "CR0.WP"
    assert cr0 & 1 << 31, "CR0.PG"
    assert not cr0 & (1 << 29 | 1 << 30), "the caches are off"
    assert efer & (1 << 8 | 1 << 10 | 1 << 11) == 1 << 8 | 1 << 10 | 1 << 11, "EFER.LME, LMA, NXE"
    assert cr4 & (1 << 5 | 3 << 9) == 1 << 5 | 3 << 9, "CR4.PAE, OSFXSR, OSXMMEXCPT"
    assert (found.number("cs"), found.number("ss"), found.number("ds")) == (8, 0, 0)
    assert not found.number("rflags") & (1 << 9 | 1 << 10), "interrupts or the direction flag are on"
    assert found.number("rsp") == KERNEL_STACK_TOP - 8, "as after a call: 16-byte aligned before it"
    assert found.number("return_address") == 0
    assert found.number("zeroed") == 0


def test_the_record_is_where_it_should_be_and_whole(report: Reporter) -> None:
    found = report(command_line='root=/dev/sda1 größe="5"', stack_size=8192)
    assert found.number("at") == BOOT_INFO_ADDRESS
    assert f'loader "{LOADER_NAME}"' in found.text
    assert 'command_line "root=/dev/sda1 größe=\\"5\\""' in found.text
    assert (found.number("bottom"), found.number("top")) == (KERNEL_STACK_TOP - 8192, KERNEL_STACK_TOP)
    assert "boot_drive=Some(128)" in found.text
    assert "physical_memory_offset=None" in found.text
    assert "address: 753664, width: 80, height: 25, stride: 160, format: 1" in found.text
    assert 0xE0000 <= found.number("rsdp") < MIB


@pytest.mark.parametrize(("options", "usable"), [
    (("-m", "8M"), 7 * MIB), (("-m", "128M"), 127 * MIB), (("-m", "6G"), 6 * GIB - MIB),
    (("-m", "3G", "-machine", "q35"), 3 * GIB - MIB),
], ids=lambda value: " ".join(value) if isinstance(value, tuple) else "")  # fmt: skip
def test_the_memory_map_tells_all_memory_and_what_became_of_it(
    report: Reporter, options: tuple[str, ...], usable: int
) -> None:
    found = report(*options)
    assert all(region.base % 4096 == region.end % 4096 == 0 < region.end - region.base for region in found.memory)
    for before, after in pairwise(found.memory):
        assert before.end <= after.base
        assert before.end < after.base or before.kind != after.kind, "neighbours of one kind are one region"
    own = ("Kernel", "KernelStack", "PageTables", "BootInfo", "KernelImage")
    high = sum(region.end - region.base for region in found.memory
               if region.base >= MIB and region.kind in ("Usable", *own))  # fmt: skip
    assert usable - MIB < high <= usable
    assert found.kind_at(found.number("cr3")) == "PageTables"
    assert found.kind_at(found.number("kernel_image")) == "KernelImage"
    assert {found.kind_at(segment[3]) for segment in found.segments} == {"Kernel"}
    assert found.kind_at(0) == "Reserved"
    assert found.kind_at(0x8000) == "Usable"
    assert found.kind_at(0x2_0000) == "LoaderReclaimable"
    assert found.kind_at(0x9F000) == "Reserved"
    assert found.kind_at(0xB8000) == "Reserved"


def test_segments_are_told_as_the_file_has_them(report: Reporter, compiled: Callable[..., bytes]) -> None:
    elf = compiled("report")
    count = int.from_bytes(elf[56:58], "little")
    headers = [PROGRAM_HEADER.unpack_from(elf, 64 + 56 * index) for index in range(count)]
    rights = {4: "R", 5: "RX", 6: "RW"}
    expected = [
        (index, rights[header[1]], header[3], header[6]) for index, header in enumerate(headers) if header[0] == LOAD
    ]
    assert [(index, right, address, size) for index, right, address, _, size in report().segments] == expected


def test_without_nx_everything_else_is_the_same(report: Reporter) -> None:
    found = report("-cpu", "qemu64,-nx")
    assert found.number("efer") & (1 << 8 | 1 << 10 | 1 << 11) == 1 << 8 | 1 << 10
