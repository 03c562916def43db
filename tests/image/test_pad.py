"""A flat image as a disk: zeros behind it, up to what firmware starts or to what a person wants."""

from __future__ import annotations

from pathlib import Path

import pytest
from osimage.boot.layout import MIN_DISK_SIZE
from osimage.errors import StepError
from osimage.image.pad import run


def padded(tmp_path: Path, flat: int, size: str) -> bytes:
    (tmp_path / "hello.flat").write_bytes(b"x" * flat)
    run(("build/hello.img", size, str(tmp_path / "hello.flat")), tmp_path)
    return (tmp_path / "hello.img").read_bytes()


@pytest.mark.parametrize(("flat", "size", "expected"), [
    (1000, "", MIN_DISK_SIZE),
    (MIN_DISK_SIZE + 1, "", MIN_DISK_SIZE + 512),
    (1000, "1048576", 1048576),
])  # fmt: skip
def test_it_ends_with_zeros(tmp_path: Path, flat: int, size: str, expected: int) -> None:
    assert padded(tmp_path, flat, size) == b"x" * flat + bytes(expected - flat)


def test_what_does_not_fit_is_told(tmp_path: Path) -> None:
    with pytest.raises(StepError) as caught:
        padded(tmp_path, 600_000, "516096")
    assert str(caught.value) == (
        "hello.img: the kernel does not fit: with the crate's loader the image needs 600064 bytes (586 KiB), size= of "
        'env.DiskImage gives 516096 bytes (504 KiB). Give it "size=600064" or more, or leave size= out.'
    )
