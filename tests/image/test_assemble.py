"""The image as written: every part in its place, bound to the others, the same bytes for the same parts."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import replace
from pathlib import Path

import pytest
from elf_maker import DATA, RODATA, TEXT, Elf
from osimage.boot import layout
from osimage.boot.strip import stripped
from osimage.errors import StepError
from osimage.image import assemble
from stages import stage1, stage2

KERNEL = stripped(Elf((RODATA, TEXT, replace(DATA, content=bytes(range(250)) * 2))).build())


def image(folder: Path, *, size: str = "", kernel: bytes = KERNEL, first: bytes = b"", second: bytes = b"") -> Path:
    """The image of these parts, made in FOLDER; stand-ins for the loader's stages where none are given."""
    folder.mkdir(exist_ok=True)
    parts = {"kernel.elf": kernel, "stage1.bin": first or stage1(), "stage2.bin": second or stage2()}
    for name, content in parts.items():
        (folder / name).write_bytes(content)
    assemble.run(["build/hello.img", size, "", *(str(folder / name) for name in parts)], folder)
    return folder / "hello.img"


def test_every_part_is_in_its_place_and_bound(tmp_path: Path) -> None:
    disk = image(tmp_path).read_bytes()
    assert len(disk) == 1008 * 512
    assert disk[128 * 512 :] == KERNEL.ljust(880 * 512, b"\0")

    bound = layout.bind_stage2(
        stage2(),
        stage2_sector=1,
        kernel_sector=128,
        kernel_size=len(KERNEL),
        kernel_sha256=hashlib.sha256(KERNEL).digest(),
    )
    assert disk[512 : 512 + len(bound)] == bound
    assert disk[512 + len(bound) : 128 * 512] == bytes(128 * 512 - 512 - len(bound))
    assert disk[:440] == layout.bind_stage1(stage1(), bound, 1)
    assert disk[446:462] == struct.pack("<8BII", 0x80, 2, 3, 0, 0xDA, 2, 4, 0, 128, 2)
    assert disk[440:444] == hashlib.sha256(disk[:440] + bound).digest()[:4]


def test_the_same_parts_give_the_same_bytes(tmp_path: Path) -> None:
    assert image(tmp_path / "one").read_bytes() == image(tmp_path / "two").read_bytes()


@pytest.mark.parametrize(
    "change",
    [
        {"kernel": stripped(Elf((RODATA, TEXT)).build())},
        {"first": stage1().replace(b"\x90\x90", b"\x90\xf4")},
        {"second": stage2(3001)},
    ],
)
def test_another_part_gives_the_disk_another_signature(tmp_path: Path, change: dict[str, bytes]) -> None:
    usual, other = image(tmp_path / "usual").read_bytes(), image(tmp_path / "other", **change).read_bytes()
    assert usual[440:444] != other[440:444]


def test_a_larger_disk_is_sparse_and_otherwise_the_same(tmp_path: Path) -> None:
    small, large = image(tmp_path / "small"), image(tmp_path / "large", size=str(1 << 30))
    assert large.stat().st_size == 1 << 30
    assert large.stat().st_blocks * 512 < 1 << 20
    with large.open("rb") as file:
        assert file.read(small.stat().st_size + 4096) == small.read_bytes() + bytes(4096)


def test_a_large_kernel_arrives_whole(tmp_path: Path) -> None:
    kernel = stripped(Elf((TEXT, replace(DATA, content=bytes(range(256)) * (9 << 12), memory=None))).build())
    disk = image(tmp_path, kernel=kernel).read_bytes()
    assert len(disk) == -(-len(disk) // 512) * 512 > len(kernel) > 9 << 20
    assert disk[128 * 512 :].rstrip(b"\0") == kernel.rstrip(b"\0")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            {"size": "66048"},
            "hello.img: the kernel does not fit: with its {} bytes the image needs 66560 bytes (65 KiB), size= of "
            'env.DiskImage gives 66048 bytes (64.5 KiB). Give it "size=66560" or more, or leave size= out; or make the '
            "kernel smaller, for example with PROFILE=release.",
        ),
        (
            {"second": bytes(3000)},
            "this is not stage 2 of osimage's loader: at offset 8 it has b'\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00' "
            "instead of b'OSIMAGE2'; a loader source of one's own must begin with the layout of osimage's own",
        ),
    ],
)
def test_what_cannot_be_assembled(tmp_path: Path, change: dict[str, str | bytes], told: str) -> None:
    with pytest.raises(StepError) as error:
        image(tmp_path, **change)  # type: ignore[arg-type]
    assert str(error.value) == told.format(len(KERNEL))
    assert not (tmp_path / "hello.img").exists()
