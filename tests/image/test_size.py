"""What a person may write for the size of a disk."""

from __future__ import annotations

import pytest
from osimage.image.size import parse_size, shown

EXAMPLE = 'Write a number of bytes or a text such as "64M".'


@pytest.mark.parametrize(
    ("written", "size"),
    [
        (65536, 65536),
        ("65536", 65536),
        ("65536B", 65536),
        ("512K", 512 << 10),
        ("64M", 64 << 20),
        ("64m", 64 << 20),
        ("64Mi", 64 << 20),
        ("64MiB", 64 << 20),
        (" 64 MiB ", 64 << 20),
        ("1G", 1 << 30),
        ("1TiB", 1 << 40),
        (0xFFFF_FFFF * 512, 0xFFFF_FFFF * 512),
    ],
)
def test_sizes(written: object, size: int) -> None:
    assert parse_size(written) == size


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("", f"size= is '', which is no size. {EXAMPLE}"),
        ("big", f"size= is 'big', which is no size. {EXAMPLE}"),
        ("64X", f"size= is '64X', which is no size. {EXAMPLE}"),
        ("1.5G", f"size= is '1.5G', which is no size. {EXAMPLE}"),
        ("64iB", f"size= is '64iB', which is no size. {EXAMPLE}"),
        ("٦٤M", f"size= is '٦٤M', which is no size. {EXAMPLE}"),
        (1.5, f"size= is 1.5, which is no size. {EXAMPLE}"),
        (True, f"size= is True, which is no size. {EXAMPLE}"),
        (["64M"], f"size= is ['64M'], which is no size. {EXAMPLE}"),
        (
            "64MB",
            "size= is '64MB', which may mean powers of 1000 or of 1024. Write '64M' for 67108864 bytes.",
        ),
        (0, f"size= is 0: a disk has at least one sector of 512 bytes. {EXAMPLE}"),
        ("-64M", f"size= is -64M: a disk has at least one sector of 512 bytes. {EXAMPLE}"),
        (100, "size= is 100 bytes, which is not a multiple of 512, a sector. Take 512."),
        (65537, "size= is 65537 bytes, which is not a multiple of 512, a sector. Take 65536 or 66048."),
        (
            "2T",
            "size= is 2199023255552 bytes (2 TiB): an MBR partition table reaches to 2199023255040 bytes (2 TiB).",
        ),
    ],
)
def test_what_is_no_size(written: object, told: str) -> None:
    with pytest.raises(ValueError, match="size= is") as error:
        parse_size(written)
    assert str(error.value) == told


@pytest.mark.parametrize(
    ("size", "says"),
    [
        (512, "512 bytes"),
        (35840, "35840 bytes (35 KiB)"),
        (1536000, "1536000 bytes (1.465 MiB)"),
        (64 << 20, "67108864 bytes (64 MiB)"),
        (3 << 40, "3298534883328 bytes (3 TiB)"),
    ],
)
def test_sizes_are_shown_in_bytes_and_a_unit(size: int, says: str) -> None:
    assert shown(size) == says
