"""Where everything lies on the disk, in sectors, before a byte of it is written.

LBA 0 is the master boot record, stage 2 follows in the gap before the first partition, which holds the kernel's ELF
file as it is; what a larger disk has behind it is free.
"""

from __future__ import annotations

from typing import NamedTuple

from ..boot.layout import MIN_DISK_SIZE, SECTOR_SIZE, STAGE2_MAX_SECTORS
from ..errors import StepError
from .size import MAX_SIZE, shown

STAGE2_SECTOR = 1
KERNEL_SECTOR = STAGE2_SECTOR + STAGE2_MAX_SECTORS  # right behind the largest stage 2


class Sectors(NamedTuple):
    """First sectors and lengths of the parts of a disk, in sectors."""

    stage2: int
    stage2_count: int
    kernel: int
    kernel_count: int
    total: int


def lay_out(name: str, stage2: int, kernel: int, size: int | None) -> Sectors:
    """The sectors of disk NAME for a STAGE2 and a KERNEL of so many bytes, in SIZE bytes (None: as few as it can).

    Raises:
        StepError: something does not fit, with the bytes it needs and the bytes there are.
    """
    gap = min(KERNEL_SECTOR - STAGE2_SECTOR, STAGE2_MAX_SECTORS) * SECTOR_SIZE
    if stage2 > gap:
        raise StepError(
            f"{name}: stage 2 of the loader does not fit: it has {shown(stage2)}, and there are {shown(gap)} between "
            "partition table and kernel. Make the loader smaller; osimage's own fits."
        )
    kernel_count = -(-kernel // SECTOR_SIZE)
    needed = (KERNEL_SECTOR + kernel_count) * SECTOR_SIZE
    if needed > (size or MAX_SIZE):
        available = (
            f"size= of env.DiskImage gives {shown(size)}" if size else f"an MBR disk has at most {shown(MAX_SIZE)}"
        )
        advice = f'Give it "size={needed}" or more, or leave size= out; or make' if size else "Make"
        raise StepError(
            f"{name}: the kernel does not fit: with its {shown(kernel)} the image needs {shown(needed)}, {available}. "
            f"{advice} the kernel smaller, for example with PROFILE=release."
        )
    total = (size or max(needed, MIN_DISK_SIZE)) // SECTOR_SIZE
    return Sectors(STAGE2_SECTOR, -(-stage2 // SECTOR_SIZE), KERNEL_SECTOR, kernel_count, total)
