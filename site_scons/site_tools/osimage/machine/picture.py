"""Pictures of the screen: QEMU's PPM as PNG, the same bytes for the same picture."""

from __future__ import annotations

import re
import struct
import zlib
from typing import NamedTuple

TEXT_MODE_SIZE = (720, 400)  # 80 x 25 characters of 9 x 16 pixels


class Picture(NamedTuple):
    """A picture: width and height in pixels, and three bytes (red, green, blue) a pixel, row by row from the top."""

    width: int
    height: int
    pixels: bytes


def from_ppm(data: bytes) -> Picture:
    """The picture in DATA, a binary PPM (`P6`) with 8 bits a colour.

    Raises:
        ValueError: DATA is not that.
    """
    found = re.match(rb"P6\s+(\d+)\s+(\d+)\s+255\s", data)
    if not found:
        raise ValueError(f"not a binary PPM: {data[:16]!r}")
    width, height = int(found[1]), int(found[2])
    pixels = data[found.end() :]
    if len(pixels) != 3 * width * height:
        raise ValueError(f"a PPM of {width} x {height} with {len(pixels)} bytes of pixels")
    return Picture(width, height, pixels)


def to_png(picture: Picture) -> bytes:
    """PICTURE as PNG (ISO/IEC 15948): 8 bits a colour, no filter."""
    row = 3 * picture.width
    scanlines = b"".join(
        b"\0" + picture.pixels[start : start + row] for start in range(0, len(picture.pixels), row or 1)
    )
    header = struct.pack(">IIBBBBB", picture.width, picture.height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(scanlines, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, body) for kind, body in chunks)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
