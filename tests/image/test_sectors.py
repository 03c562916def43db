"""Where the parts of a disk lie, and what is said when they do not fit."""

from __future__ import annotations

import pytest
from osimage.errors import StepError
from osimage.image.sectors import Sectors, lay_out


@pytest.mark.parametrize(
    ("stage2", "kernel", "size", "sectors"),
    [
        (1, 1, None, Sectors(1, 1, 128, 1, 1008)),
        (28848, 1 << 20, None, Sectors(1, 57, 128, 2048, 2176)),
        (28848, 2680, None, Sectors(1, 57, 128, 6, 1008)),
        (127 * 512, 512, None, Sectors(1, 127, 128, 1, 1008)),
        (28848, 880 * 512, 1008 * 512, Sectors(1, 57, 128, 880, 1008)),
        (28848, 2680, 64 << 20, Sectors(1, 57, 128, 6, 131072)),
    ],
)
def test_layout(stage2: int, kernel: int, size: int | None, sectors: Sectors) -> None:
    assert lay_out("hello.img", stage2, kernel, size) == sectors


@pytest.mark.parametrize(
    ("stage2", "kernel", "size", "told"),
    [
        (
            127 * 512 + 1,
            512,
            None,
            "hello.img: stage 2 of the loader does not fit: it has 65025 bytes (63.5 KiB), and there are 65024 bytes "
            "(63.5 KiB) between partition table and kernel. Make the loader smaller; osimage's own fits.",
        ),
        (
            28848,
            2 << 20,
            1 << 20,
            "hello.img: the kernel does not fit: with its 2097152 bytes (2 MiB) the image needs 2162688 bytes (2.062 "
            "MiB), "
            'size= of env.DiskImage gives 1048576 bytes (1 MiB). Give it "size=2162688" or more, or leave size= out; '
            "or make the kernel smaller, for example with PROFILE=release.",
        ),
        (
            28848,
            1 << 41,
            None,
            "hello.img: the kernel does not fit: with its 2199023255552 bytes (2 TiB) the image needs 2199023321088 "
            "bytes "
            "(2 TiB), an MBR disk has at most 2199023255040 bytes (2 TiB). Make the kernel smaller, for example with "
            "PROFILE=release.",
        ),
    ],
)
def test_what_does_not_fit(stage2: int, kernel: int, size: int | None, told: str) -> None:
    with pytest.raises(StepError) as error:
        lay_out("hello.img", stage2, kernel, size)
    assert str(error.value) == told
