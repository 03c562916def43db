"""Disk images: what `env.DiskImage` says, and the steps it takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ..action import Action, Input, Plan
from ..boot.layout import MIN_DISK_SIZE
from ..boot.strip import strip_action
from ..errors import DeclarationError, Where
from ..own import code_identity
from .size import parse_size, shown

ASSEMBLE = "osimage.image.assemble"


@dataclass(frozen=True)
class DiskDeclaration:
    """What `env.DiskImage` says: NAME of the image below the build folder, total SIZE (None: as small as it can be)."""

    name: str
    size: int | str | None
    where: Where


@dataclass(frozen=True)
class Disk:
    """A declared image: its path, that of the kernel in it, and of the kernel with its debug information."""

    name: str
    path: str
    stripped: str
    elf: str


class KernelFile(Protocol):
    """What an image needs to know of a kernel: the path of its ELF file."""

    @property
    def elf(self) -> str: ...  # noqa: D102


class LoaderFiles(Protocol):
    """What an image needs to know of a loader: the paths of its stages."""

    @property
    def stage1(self) -> str: ...  # noqa: D102

    @property
    def stage2(self) -> str: ...  # noqa: D102


def plan(disk: DiskDeclaration, kernel: KernelFile, loader: LoaderFiles, build: str = "build") -> tuple[Plan, Disk]:
    """The two steps of DISK, below the folder BUILD: strip the kernel, which checks it first, and assemble the image.

    Raises:
        DeclarationError: the size is none, or no kernel could fit; the name is that of another file.
    """
    stem = kernel.elf.removesuffix(".elf")
    result = Disk(disk.name, f"{build}/{disk.name}", f"{stem}.stripped.elf", kernel.elf)
    size, faults = _size(disk.size)
    if result.path in (kernel.elf, result.stripped, loader.stage1, loader.stage2):
        faults.append(f"'{disk.name}' is the name of a file that goes into the image. Give the image another, such as "
                      f"'{stem.rpartition('/')[2]}.img'.")  # fmt: skip
    if faults:
        raise DeclarationError(disk.where, faults)
    inputs = (result.stripped, loader.stage1, loader.stage2)
    assemble = Action("image", disk.name, argv=(ASSEMBLE, result.path, str(size or ""), *inputs),
                      inputs=tuple(Input(path) for path in inputs), outputs=(result.path,),
                      toolchain=code_identity(ASSEMBLE), where=disk.where)  # fmt: skip
    return Plan((strip_action(kernel.elf, result.stripped, disk.where), assemble)), result


def check(disk: DiskDeclaration) -> None:
    """Check what can be checked of DISK without what goes into it.

    Raises:
        DeclarationError: the size is none, or no kernel could fit.
    """
    faults = _size(disk.size)[1]
    if faults:
        raise DeclarationError(disk.where, faults)


def _size(written: int | str | None) -> tuple[int, list[str]]:
    """The bytes of a disk (0: what it needs) and what is wrong with them."""
    try:
        size = parse_size(written) if written is not None else 0
    except ValueError as error:
        return 0, [str(error)]
    if 0 < size < MIN_DISK_SIZE:
        return size, [
            f"size= is {shown(size)}: a BIOS starts no disk of less than {shown(MIN_DISK_SIZE)}, one cylinder."
        ]
    return size, []
