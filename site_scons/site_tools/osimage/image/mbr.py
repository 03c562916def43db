"""The master boot record: boot code, disk signature and the table of four partitions, in the first sector."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

from ..boot.layout import SECTOR_SIZE, STAGE1_CODE_SIZE

NON_FILESYSTEM = 0xDA  # partition type "Non-FS data": no system looks for files in it
ACTIVE = 0x80
BOOT_SIGNATURE = b"\x55\xaa"
MAX_PARTITIONS = 4

HEADS, SECTORS_PER_TRACK = 255, 63  # the geometry that BIOSes assume of a disk addressed by LBA
LAST_CHS = (1023, 254, 63)  # stands for every sector that cylinder, head and sector cannot name


class Partition(NamedTuple):
    """An entry of the partition table: first sector and length in sectors, type byte, started from or not."""

    first: int
    sectors: int
    type: int
    active: bool


def master_boot_record(code: bytes, signature: int, partitions: Sequence[Partition]) -> bytes:
    """The 512 bytes of LBA 0: CODE (at most 440 bytes), the 32-bit disk SIGNATURE, up to four PARTITIONS.

    Layout as in the UEFI specification 2.10, section 5.2.1 (Legacy Master Boot Record).
    """
    if len(code) > STAGE1_CODE_SIZE or len(partitions) > MAX_PARTITIONS:
        raise ValueError(f"{len(code)} bytes of code and {len(partitions)} partitions do not fit into an MBR")
    table = b"".join(_entry(partition) for partition in partitions).ljust(MAX_PARTITIONS * 16, b"\0")
    record = code.ljust(STAGE1_CODE_SIZE, b"\0") + struct.pack("<IH", signature, 0) + table + BOOT_SIGNATURE
    assert len(record) == SECTOR_SIZE
    return record


def chs(lba: int) -> tuple[int, int, int]:
    """Cylinder, head and sector of LBA; the last nameable one where it lies behind that."""
    cylinder, rest = divmod(lba, HEADS * SECTORS_PER_TRACK)
    head, sector = divmod(rest, SECTORS_PER_TRACK)
    return (cylinder, head, sector + 1) if cylinder <= LAST_CHS[0] else LAST_CHS


def _entry(partition: Partition) -> bytes:
    first, last = chs(partition.first), chs(partition.first + partition.sectors - 1)
    status = ACTIVE if partition.active else 0
    return (
        bytes((status, *_packed(first), partition.type, *_packed(last)))
        + struct.pack("<II", partition.first, partition.sectors)
    )  # fmt: skip


def _packed(place: tuple[int, int, int]) -> tuple[int, int, int]:
    """PLACE in three bytes: head, sector with the two high bits of the cylinder, its eight low bits."""
    cylinder, head, sector = place
    return head, sector | cylinder >> 2 & 0xC0, cylinder & 0xFF
