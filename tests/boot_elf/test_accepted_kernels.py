"""What kernels of the crate `bootloader` 0.9 may be, as its own loader starts them, what is warned of, what is refused."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from elf_maker import DATA, DYNAMIC, INTERP, RODATA, TEXT, TLS, Elf, Part, R, W, X
from kernel_advice import FIXED, OWN_PAGE
from osimage.boot import strip
from osimage.boot.accepted import address_faults, warnings
from osimage.boot.elf import faults
from osimage.boot.handover import Bootloader09, to_text
from osimage.boot.headers import read_header, read_segments
from osimage.boot.strip import stripped
from osimage.errors import StepError

PLAIN = Bootloader09()
USUAL = (RODATA, TEXT, DATA)
MIXED = Part(".mixed", 0x20_5000, b"\0" * 8, R | W | X)
TEMPLATE = Part(".tdata", 0x20_6000, b"\1" * 8, R, 24, TLS)
RELATIVE = struct.pack("<6Q", 7, 0x20_0000, 8, 48, 0, 0)  # DT_RELA, DT_RELASZ, DT_NULL
UNRELATED = struct.pack("<4Q", 30, 8, 0, 0)  # DT_FLAGS


@pytest.mark.parametrize("elf", [
    Elf((*USUAL, MIXED)),
    Elf((*USUAL, Part(".tdata", 0x20_6000, b"\1" * 8, R), TEMPLATE)),
    Elf((*USUAL, Part(".dynamic", 0x20_7000, UNRELATED, R | W, type=DYNAMIC)), fields={"type": 3}),
    Elf((*USUAL, Part(".interp", 0x20_7000, b"/lib/ld.so\0", R, type=INTERP))),
    Elf((*USUAL, Part(".stack", 0x7FFF_0000_0000, b"\0" * 8, R | W))),
    Elf((*USUAL, Part(".bss", 0x30_0000, b"", R | W, 17 << 20))),
    Elf((replace(TEXT, address=0xFFFF_FFFF_8000_0000),), entry=0xFFFF_FFFF_8000_0000),
    Elf((replace(TEXT, address=0x10_0003),), entry=0x10_0003),
])  # fmt: skip
def test_what_the_crates_loader_starts_is_accepted(elf: Elf) -> None:
    content = elf.build()
    assert faults(content, "kernel.elf", PLAIN) == []
    assert address_faults(content, "kernel.elf", PLAIN) == []


def test_the_template_of_thread_local_storage_goes_with_a_stripped_kernel() -> None:
    content = stripped(Elf((*USUAL, TEMPLATE)).build())
    found = [segment for segment in read_segments(content, read_header(content)) if segment.type == TLS]
    assert [(segment.vaddr, segment.filesz, segment.memsz) for segment in found] == [(0x20_6000, 8, 24)]


def test_what_is_position_independent_and_linked_low_is_told_once() -> None:
    low = (replace(RODATA, address=0), replace(TEXT, address=0x1000), replace(DATA, address=0x2000))
    assert faults(Elf(low, entry=0x1000, fields={"type": 3}).build(), "kernel.elf", PLAIN) == [
        "kernel.elf: position-independent (ET_DYN) and linked low: 0x0..0xc begins below 0x100000 (1 MiB), where loader "
        f"and text screen are. {FIXED}"
    ]


def test_two_templates_are_refused() -> None:
    second = replace(TEMPLATE, name=".more", address=0x20_7000)
    assert faults(Elf((*USUAL, TEMPLATE, second)).build(), "kernel.elf", PLAIN) == [
        "kernel.elf: segment 3 (.tdata) and segment 4 (.more) are all for thread-local storage (PT_TLS), and the boot "
        "information has room for one. Gather .tdata and .tbss in the linker script."
    ]


@pytest.mark.parametrize(("parts", "fields", "handover", "told"), [
    (USUAL, {}, PLAIN, []),
    ((*USUAL, MIXED), {}, PLAIN, [
        "segment 3 (.mixed) is writable and executable at once: .mixed is writable and executable. Keep code and data "
        f"in sections of their own (#[link_section], PHDRS in the linker script), on pages of their own. {OWN_PAGE}"]),
    ((*USUAL, Part(".dynamic", 0x20_7000, UNRELATED, R | W, type=DYNAMIC)), {"type": 3}, PLAIN, []),
    ((*USUAL, Part(".dynamic", 0x20_7000, RELATIVE, R | W, type=DYNAMIC)), {"type": 3}, PLAIN, [
        "it is linked to be relocated when it starts (48 bytes of relocations), which a loader of the crate "
        "`bootloader` 0.9 does not do: addresses in its variables and tables stay as they stand in the file. " + FIXED]),
    (USUAL, {}, Bootloader09(physical_memory_offset=0x1000), [
        "[package.metadata.bootloader]: physical-memory-offset is 0x1000, no multiple of 0x200000 (2 MiB): physical "
        "memory is mapped in pages of that size, from 0x0 on, so that physical address 0 is not at the offset. Take "
        "0x0."]),
])  # fmt: skip
def test_what_is_unsafe_is_warned_of(
    parts: tuple[Part, ...], fields: dict[str, Any], handover: Bootloader09, told: list[str]
) -> None:
    content = Elf(parts, fields=fields).build()
    assert warnings(content, "kernel.elf", handover) == [f"kernel.elf: {line}" for line in told]


@pytest.mark.parametrize(("handover", "told"), [
    (Bootloader09(kernel_stack_address=0x1F_F000), [
        "kernel-stack-address puts the stack of 0x200000 bytes (kernel-stack-size) at 0x200000..0x400000, and segment "
        f"{segment} is at {place}. Move one of them."
        for segment, place in (("0 (.rodata)", "0x200000..0x20000c"), ("1 (.text)", "0x201000..0x20101c"),
                               ("2 (.data)", "0x202000..0x204010"))]),
    (Bootloader09(kernel_stack_size=1, boot_info_address=0x20_0000), [
        "boot-info-address puts the boot information at 0x200000..0x201000, and segment 0 (.rodata) is at "
        "0x200000..0x20000c. Move one of them.",
        "boot-info-address puts the stack of 0x1000 bytes (kernel-stack-size) at 0x202000..0x203000, and segment 2 "
        "(.data) is at 0x202000..0x204010. Move one of them."]),
    (Bootloader09(kernel_stack_size=1, kernel_stack_address=0x9_F000, boot_info_address=0x40_0000), [
        "kernel-stack-address puts the stack of 0x1000 bytes (kernel-stack-size) at 0xa0000..0xa1000, which begins "
        "below 0x100000 (1 MiB), where loader and text screen are."]),
    (Bootloader09(kernel_stack_size=2, kernel_stack_address=0x7FFF_FFFF_E000), [
        "kernel-stack-address puts the stack of 0x2000 bytes (kernel-stack-size) at 0x7ffffffff000..0x800000001000, "
        "and the processor has no addresses in 0x800000000000..0xffff800000000000, nor beyond."]),
    (Bootloader09(physical_memory_offset=0x4000_0000, boot_info_address=0x8000_0000, kernel_stack_size=1), [
        "boot-info-address puts the boot information at 0x80000000..0x80001000, and the first 4 GiB of physical memory "
        "is at 0x40000000..0x140000000. Move one of them.",
        "boot-info-address puts the stack of 0x1000 bytes (kernel-stack-size) at 0x80002000..0x80003000, and the first "
        "4 GiB of physical memory is at 0x40000000..0x140000000. Move one of them."]),
])  # fmt: skip
def test_addresses_that_lie_over_others_are_refused(handover: Bootloader09, told: list[str]) -> None:
    found = address_faults(Elf().build(), "kernel.elf", handover)
    assert found == [f"kernel.elf: [package.metadata.bootloader]: {line}" for line in told]


def test_the_step_tells_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kernel.elf").write_bytes(Elf((*USUAL, MIXED)).build())
    said = strip.run(["kernel.elf", "build/kernel.stripped.elf", to_text(PLAIN)], tmp_path)
    assert said.startswith("warning: kernel.elf: segment 3 (.mixed) is writable and executable at once: ")
    assert said.count("\n") == 1
    assert (tmp_path / "kernel.stripped.elf").exists()
    with pytest.raises(StepError, match="boot-info-address puts the boot information at 0x200000"):
        strip.run(["kernel.elf", "build/no.elf", to_text(Bootloader09(boot_info_address=0x20_0000))], tmp_path)
    assert not (tmp_path / "no.elf").exists()
