"""Sizes of a disk: read from what a person wrote, and said so that a person can compare them."""

from __future__ import annotations

import re

from ..boot.layout import SECTOR_SIZE

UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
WRITTEN = re.compile(r"\s*(-?[0-9]+)\s*([KMGT]?)(i?B?)\s*", re.IGNORECASE)
MAX_SIZE = 0xFFFF_FFFF * SECTOR_SIZE  # a partition table of the MBR counts sectors in 32 bits
EXAMPLE = 'Write a number of bytes or a text such as "64M".'


def parse_size(written: object) -> int:
    """The size of a disk in bytes that WRITTEN means, a positive multiple of a sector.

    A whole number is bytes; in a text K, M, G and T (also Ki, KiB, …) are powers of 1024.

    Raises:
        ValueError: it means none; the message says why and what to write.
    """
    size = _bytes_meant(written)
    if size <= 0:
        raise ValueError(f"size= is {written}: a disk has at least one sector of {SECTOR_SIZE} bytes. {EXAMPLE}")
    if size % SECTOR_SIZE:
        below = size // SECTOR_SIZE * SECTOR_SIZE
        fitting = f"{below} or {below + SECTOR_SIZE}" if below else f"{SECTOR_SIZE}"
        raise ValueError(f"size= is {size} bytes, which is not a multiple of {SECTOR_SIZE}, a sector. Take {fitting}.")
    if size > MAX_SIZE:
        raise ValueError(f"size= is {shown(size)}: an MBR partition table reaches to {shown(MAX_SIZE)}.")
    return size


def _bytes_meant(written: object) -> int:
    if isinstance(written, int) and not isinstance(written, bool):
        return written
    match = WRITTEN.fullmatch(written) if isinstance(written, str) else None
    if match is None or (match[3][:1] in "iI" and match[3] and not match[2]):
        raise ValueError(f"size= is {written!r}, which is no size. {EXAMPLE}")
    number, unit = int(match[1]), match[2].upper()
    if unit and match[3].upper() == "B":
        raise ValueError(
            f"size= is '{written}', which may mean powers of 1000 or of 1024. Write '{number}{unit}' for "
            f"{number * UNITS[unit]} bytes."
        )
    return number * UNITS[unit]


def shown(size: int) -> str:
    """SIZE in bytes as a person compares it: "1536000 bytes (1.5 MiB)"."""
    for unit in ("T", "G", "M", "K"):
        if size >= UNITS[unit]:
            return f"{size} bytes ({size / UNITS[unit]:.4g} {unit}iB)"
    return f"{size} bytes"
