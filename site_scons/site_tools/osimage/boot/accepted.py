"""What else is checked of a kernel that uses the crate `bootloader` 0.9: what is accepted though it is unsafe, as the
crate's loader accepts it, and addresses that the kernel's manifest asks for where something else is.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

from . import elf as checks
from . import handover as expectation
from . import headers
from .handover import PHYSICAL_MEMORY, STACK_SIZE, TABLE, Bootloader09
from .headers import PF_W, PF_X, PT_DYNAMIC, Segment
from .layout import HIGHER_HALF, KERNEL_MIN_VADDR, LARGE_PAGE_SIZE, LOADER_WINDOW_END, PAGE_SIZE
from .names import Names

LEAST_PHYSICAL_MEMORY = 1 << 32  # a PC's firmware lies right below
RELOCATION_SIZES = {2: "DT_PLTRELSZ", 8: "DT_RELASZ", 18: "DT_RELSZ", 35: "DT_RELRSZ"}
ENTRY = struct.Struct("<QQ")  # Elf64_Dyn


class Range(NamedTuple):
    """Virtual addresses from START up to END (exclusive), what is there, and the key that asks for them."""

    start: int
    end: int
    what: str
    key: str = ""


def address_faults(elf: bytes, name: str, handover: Bootloader09) -> list[str]:
    """Where addresses of HANDOVER lie over each other or over ELF, a kernel called NAME in which `faults` finds none.

    Those left to the loader it chooses apart from all others.
    """
    asked = list(_asked(handover))
    if not asked:
        return []
    names = Names(elf)
    kernel = [Range(s.vaddr, s.end, checks.call(s, names)) for s in _loaded(elf) if s.memsz]
    unmappable = (_unmappable(each) for each in asked)
    pairs = (pair for pair in combinations([*asked, *kernel], 2) if pair[0].key)
    overlaps = (_overlap(*pair) for pair in pairs)
    return [f"{name}: {TABLE}: {fault}" for fault in (*unmappable, *overlaps) if fault]


def warnings(elf: bytes, name: str, handover: Bootloader09) -> list[str]:
    """What of ELF, a kernel called NAME in which `faults` finds none, and of HANDOVER is accepted though unsafe."""
    names = Names(elf)
    writable = [s for s in _loaded(elf) if s.protection == PF_W | PF_X]
    said = [
        *(checks.writable_code(segment, names) for segment in writable),
        *_relocation_warnings(elf),
        *(f"{TABLE}: {warning}" for warning in expectation.warnings(handover)),
    ]
    return [f"{name}: {warning}" for warning in said]


def _loaded(elf: bytes) -> list[Segment]:
    return headers.loaded(headers.read_segments(elf, headers.read_header(elf)))


def _asked(handover: Bootloader09) -> Iterator[Range]:
    """What HANDOVER puts at addresses of its own."""
    stack, physical, boot_info = handover[5:]
    if boot_info is not None:
        yield Range(boot_info, boot_info + PAGE_SIZE, "the boot information", "boot-info-address")
    if stack is not None or boot_info is not None:
        guard = stack if stack is not None else (boot_info or 0) + PAGE_SIZE
        size = handover.kernel_stack_size * PAGE_SIZE
        key = "boot-info-address" if stack is None else "kernel-stack-address"
        yield Range(guard + PAGE_SIZE, guard + PAGE_SIZE + size, f"the stack of {size:#x} bytes ({STACK_SIZE})", key)
    if physical is not None:
        start = physical // LARGE_PAGE_SIZE * LARGE_PAGE_SIZE
        yield Range(start, start + LEAST_PHYSICAL_MEMORY, "the first 4 GiB of physical memory", PHYSICAL_MEMORY)


def _unmappable(asked: Range) -> str:
    start, end, what, key = asked
    place = f"{key} puts {what} at {start:#x}..{end:#x}"
    if start < KERNEL_MIN_VADDR:
        return f"{place}, which begins below {KERNEL_MIN_VADDR:#x} (1 MiB), where loader and text screen are."
    if end > 1 << 64 or start < LOADER_WINDOW_END < end:
        return f"{place}, and the processor has no addresses in {LOADER_WINDOW_END:#x}..{HIGHER_HALF:#x}, nor beyond."
    return ""


def _overlap(one: Range, other: Range) -> str:
    if one.end <= other.start or other.end <= one.start:
        return ""
    return (
        f"{one.key} puts {one.what} at {one.start:#x}..{one.end:#x}, and {other.what} is at {other.start:#x}.."
        f"{other.end:#x}. Move one of them."
    )


def _relocation_warnings(elf: bytes) -> Iterator[str]:
    dynamic = [s for s in headers.read_segments(elf, headers.read_header(elf)) if s.type == PT_DYNAMIC]
    for segment in dynamic[:1]:
        content = elf[segment.offset : segment.offset + segment.filesz]
        entries = ENTRY.iter_unpack(content[: len(content) // ENTRY.size * ENTRY.size])
        size = sum(value for tag, value in entries if tag in RELOCATION_SIZES)
        if size:
            yield (
                f"it is linked to be relocated when it starts ({size} bytes of relocations), which a loader of the "
                "crate `bootloader` 0.9 does not do: addresses in its variables and tables stay as they stand in the "
                f"file. {checks.FIXED_ADDRESS}"
            )
