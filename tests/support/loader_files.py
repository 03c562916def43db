"""A loader as built, and disks made of it by hand: with any kernel, and bound as a test wants it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

from osimage.boot.layout import MIN_DISK_SIZE, SECTOR_SIZE, bind_stage1, bind_stage2, stage2_on_disk
from project import Project

STAGE2_SECTOR = 1


class LoaderFiles(NamedTuple):
    """Both stages as they go to disk, not bound to a kernel yet, and the project that they were built in."""

    stage1: bytes
    stage2: bytes
    project: Path


def loader_of(project: Project) -> LoaderFiles:
    """What PROJECT has built as its loader `bios`."""
    stage2 = stage2_on_disk(project.read("build/bios/stage2.bin"))
    return LoaderFiles(project.read("build/bios/stage1.bin"), stage2, project.root)


def bound(loader: LoaderFiles, kernel: bytes, size: int = MIN_DISK_SIZE, **binding: Any) -> bytes:
    """A disk of at least SIZE bytes: the loader bound to KERNEL, which follows it; BINDING is `bind_stage2`'s."""
    sector = STAGE2_SECTOR - -len(loader.stage2) // SECTOR_SIZE
    binding = {
        "stage2_sector": STAGE2_SECTOR,
        "kernel_sector": sector,
        "kernel_size": len(kernel),
        "kernel_sha256": hashlib.sha256(kernel).digest(),
    } | binding
    stage2 = bind_stage2(loader.stage2, **binding)
    stage1 = bind_stage1(loader.stage1, stage2, STAGE2_SECTOR)
    disk = stage1.ljust(SECTOR_SIZE - 2, b"\0") + b"\x55\xaa" + stage2 + kernel
    return disk.ljust(max(size, len(disk) - -len(disk) % SECTOR_SIZE), b"\0")
