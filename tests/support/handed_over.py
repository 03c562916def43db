"""What the kernel `bootloader_09` prints, as far as it does not depend on firmware, compiler and the loader's own size."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

LARGE_PAGE = 2 << 20
REGION = re.compile(r"^region (0x[0-9a-f]+)\.\.(0x[0-9a-f]+) (\w+)$")
LOW = re.compile(r"^low (0x[0-9a-f]+)\.\.(0x[0-9a-f]+)$")
MAPPED = re.compile(r"^mapped (0x[0-9a-f]+)\.\.(0x[0-9a-f]+) (.*)$")
TEMPLATE = re.compile(r"start_addr: [0-9a-f]+")
KERNELS_END = 1 << 39  # pages of the kernel itself lie below, and what is mapped for it above


class Region(NamedTuple):
    """A region of the memory map."""

    start: int
    end: int
    kind: str


def regions(lines: Iterable[str]) -> list[Region]:
    """The memory map."""
    return [Region(int(m[1], 16), int(m[2], 16), m[3]) for m in map(REGION.match, lines) if m]


def mapped(lines: Iterable[str]) -> list[tuple[int, int, str]]:
    """Which virtual addresses are mapped, from where up to where, and how."""
    return [(int(m[1], 16), int(m[2], 16), m[3]) for m in map(MAPPED.match, lines) if m]


def low(lines: Iterable[str]) -> range:
    """The addresses that can be written from the second page on; how far depends on the size of the crate's loader."""
    found = next(m for m in map(LOW.match, lines) if m)
    return range(int(found[1], 16), int(found[2], 16))


def comparable(lines: list[str]) -> list[str]:
    """LINES without addresses that another loader may choose; the end of physical memory is told as such."""
    memory = max((region.end for region in regions(lines)), default=0) // LARGE_PAGE * LARGE_PAGE + LARGE_PAGE
    kept = []
    for line in lines:
        found = MAPPED.match(line)
        if line.startswith(("low ", "root ", "regions ", "region ", "root entry 31 ")):
            continue  # entry 31: left behind by the crate's loader, and empty
        if found is None:
            kept.append(TEMPLATE.sub("start_addr: (the kernel's)", line))
        elif int(found[1], 16) >= KERNELS_END:
            physical = int(found[2], 16) - int(found[1], 16) == memory
            kept.append(f"mapped {found[1]}..{'(all memory)' if physical else found[2]} {found[3]}")
        elif int(found[1], 16) == 0xA0000:
            kept.append(line)
    return kept
