"""A disk that is cut off or has a wrong bit is found out, and what is wrong is told."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from boards import ENDED_BY_KERNEL, boot, ended, halted
from elf_maker import RODATA, TEXT, Elf, Part, R
from loader_files import LoaderFiles, bound
from osimage.boot.layout import MIN_DISK_SIZE, SECTOR_SIZE, STAGE2_FIRST_SECTORS, STAGE2_MAX_SECTORS

KERNEL = Elf((RODATA, TEXT, Part("ballast", 0x40_0000, bytes(600_000), R)), sections=False).build()


def kernel_sector(loader_files: tuple[bytes, bytes]) -> int:
    return 1 - -len(loader_files[1]) // SECTOR_SIZE


def flip(image: Path, bit: int) -> None:
    content = bytearray(image.read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    image.write_bytes(content)


@pytest.mark.parametrize("chance", range(6))
@pytest.mark.parametrize("what", ["stage 2", "the rest of stage 2"])
def test_a_wrong_bit_in_stage_2_is_found(
    disk: Callable[..., Path], loader_files: tuple[bytes, bytes], what: str, chance: int
) -> None:
    image = disk(KERNEL)
    border = 1 + STAGE2_FIRST_SECTORS
    start, end = (1, border) if what == "stage 2" else (border, kernel_sector(loader_files))
    flip(image, random.Random(chance).randrange(start * SECTOR_SIZE * 8, end * SECTOR_SIZE * 8))
    seen = boot(image, halted())
    assert seen.serial[0].startswith(f"osimage: {what} on the disk is damaged: sum 0x")
    assert seen.said(seen.serial[0])


@pytest.mark.parametrize("chance", range(6))
def test_a_wrong_bit_in_the_kernel_is_found(
    disk: Callable[..., Path], loader_files: tuple[bytes, bytes], chance: int
) -> None:
    image = disk(KERNEL)
    start = kernel_sector(loader_files) * SECTOR_SIZE
    flip(image, random.Random(chance).randrange(start * 8, (start + len(KERNEL)) * 8))
    seen = boot(image, halted())
    assert seen.serial[0].startswith("osimage: the kernel on the disk is damaged: its SHA-256 is ")
    assert seen.said(seen.serial[0])


def test_the_digests_are_shown(disk: Callable[..., Path]) -> None:
    import hashlib

    found = hashlib.sha256(KERNEL).hexdigest()
    seen = boot(disk(KERNEL, kernel_sha256=bytes(range(32))), halted())
    assert seen.serial == (
        f"osimage: the kernel on the disk is damaged: its SHA-256 is {found}, not {bytes(range(32)).hex()}",
    )


@pytest.mark.parametrize("size", [0, 1, 55, 56, 57, 63, 64, 65, 119, 120, 128, 65_024, 65_025])
def test_the_digest_is_right_for_every_length(disk: Callable[..., Path], size: int) -> None:
    kernel = random.Random(size).randbytes(size)
    says = "the kernel cannot be loaded: it " if size else "no kernel is bound to this loader"
    assert boot(disk(kernel), halted()).said(f"osimage: {says}")


@pytest.mark.parametrize("kind", ["virtio", "ide", "ahci"])
def test_a_disk_that_is_cut_off_is_told(
    disk: Callable[..., Path], loader_files: tuple[bytes, bytes], kind: str
) -> None:
    image = disk(KERNEL)
    content = image.read_bytes()
    assert len(content) > MIN_DISK_SIZE
    image.write_bytes(content[:MIN_DISK_SIZE])
    seen = boot(image, halted(), kind)
    sectors = MIN_DISK_SIZE // SECTOR_SIZE
    assert seen.said(
        f"osimage: the disk is cut off: the kernel goes on at sector {sectors}, drive 0x80 has {sectors} sectors"
    )


@pytest.mark.parametrize(("sectors", "what"), [(5, "stage 2"), (20, "the rest of stage 2")])
def test_a_disk_that_ends_in_stage_2_is_told(disk: Callable[..., Path], sectors: int, what: str) -> None:
    image = disk(KERNEL)
    image.write_bytes(image.read_bytes()[: sectors * SECTOR_SIZE])
    seen = boot(image, halted(), "ide")  # the only kind that the firmware reads when it is as small as that
    assert seen.said(f"osimage: cannot read {what}: BIOS error 0x0000000C")


@pytest.mark.parametrize("kind", ["virtio", "ide", "ahci"])
def test_the_longest_stage_2_is_read_whole(loader_files: LoaderFiles, tmp_path: Path, kind: str) -> None:
    stage2 = loader_files.stage2.ljust(STAGE2_MAX_SECTORS * SECTOR_SIZE, b"Z")
    image = tmp_path / "long.img"
    image.write_bytes(bound(loader_files._replace(stage2=stage2), Elf().build()))
    assert boot(image, ended, kind).status == ENDED_BY_KERNEL
