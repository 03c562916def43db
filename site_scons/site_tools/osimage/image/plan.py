"""Disk images: what `env.DiskImage` says, and the steps it takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ..action import Action, Input, Plan
from ..boot.crate_loader import CrateLoader, link_actions
from ..boot.handover import Bootloader09, to_text
from ..boot.layout import MIN_DISK_SIZE
from ..boot.strip import strip_action
from ..errors import DeclarationError, Where
from ..own import code_identity
from .size import parse_size, shown

ASSEMBLE = "osimage.image.assemble"
PAD = "osimage.image.pad"


@dataclass(frozen=True)
class DiskDeclaration:
    """What `env.DiskImage` says: NAME of the image below the build folder, total SIZE (None: as small as it can be)."""

    name: str
    size: int | str | None
    where: Where


@dataclass(frozen=True)
class Disk:
    """A declared image: its path, that of what is in it of the kernel, and of the kernel with debug information."""

    name: str
    path: str
    stripped: str
    elf: str


class KernelFile(Protocol):
    """What an image needs to know of a kernel: the path of its ELF file, and what it is handed (None: our record)."""

    @property
    def elf(self) -> str: ...  # noqa: D102

    @property
    def handover(self) -> Bootloader09 | None: ...  # noqa: D102


class LoaderFiles(Protocol):
    """What an image needs to know of a loader: the paths of its stages."""

    @property
    def stage1(self) -> str: ...  # noqa: D102

    @property
    def stage2(self) -> str: ...  # noqa: D102


def plan(
    disk: DiskDeclaration,
    kernel: KernelFile,
    loader: LoaderFiles | CrateLoader,
    build: str = "build",
    stem: str = "",
) -> tuple[Plan, Disk]:
    """The steps of DISK, below the folder BUILD: strip the kernel, which checks it first, and assemble the image.

    What is made of the kernel is called STEM and a suffix; it lies beside the kernel where there is no STEM.

    Raises:
        DeclarationError: the size is none, or no kernel could fit; the name is that of another file; the loader does
            not hand over what the kernel expects.
    """
    stem = stem or kernel.elf.removesuffix(".elf")
    if not stem.startswith(f"{build}/"):
        stem = f"{build}/{stem}"  # a kernel that was built elsewhere
    size, faults = _size(disk.size)
    if isinstance(loader, CrateLoader):
        return _with_crate(disk, size, faults, kernel, loader, stem, f"{build}/{disk.name}")
    result = Disk(disk.name, f"{build}/{disk.name}", f"{stem}.stripped.elf", kernel.elf)
    if result.path in (kernel.elf, result.stripped, loader.stage1, loader.stage2):
        faults.append(f"'{disk.name}' is the name of a file that goes into the image. Give the image another, such as "
                      f"'{stem.rpartition('/')[2]}.img'.")  # fmt: skip
    if faults:
        raise DeclarationError(disk.where, faults)
    inputs = (result.stripped, loader.stage1, loader.stage2)
    argv = (ASSEMBLE, result.path, str(size or ""), to_text(kernel.handover), *inputs)
    assemble = Action("image", disk.name, argv, tuple(Input(path) for path in inputs), (result.path,),
                      toolchain=code_identity(ASSEMBLE), where=disk.where)  # fmt: skip
    return Plan((strip_action(kernel.elf, result.stripped, disk.where, kernel.handover), assemble)), result


def check(disk: DiskDeclaration) -> None:
    """Check what can be checked of DISK without what goes into it.

    Raises:
        DeclarationError: the size is none, or no kernel could fit.
    """
    faults = _size(disk.size)[1]
    if faults:
        raise DeclarationError(disk.where, faults)


def _with_crate(
    disk: DiskDeclaration, size: int, faults: list[str], kernel: KernelFile, loader: CrateLoader, stem: str, path: str
) -> tuple[Plan, Disk]:
    """The steps of DISK at PATH with the LOADER of the crate, which is linked with KERNEL and knows no partitions.

    FAULTS are those of its SIZE.
    """
    if kernel.handover != loader.handover:
        faults.append(
            f"the loader '{loader.name}' was made for a kernel that expects something else of it. Declare one for this "
            f'kernel: env.Bootloader("…", kernel=…).'
        )
    wrap, link = link_actions(loader, kernel.elf, stem, disk.where)
    (flat,) = link.outputs
    if path in (kernel.elf, flat, *wrap.outputs):
        faults.append(f"'{disk.name}' is the name of a file that goes into the image. Give the image another, such as "
                      f"'{stem.rpartition('/')[2]}.img'.")  # fmt: skip
    if faults:
        raise DeclarationError(disk.where, faults)
    pad = Action("image", disk.name, (PAD, path, str(size or ""), flat), (Input(flat),), (path,),
                 toolchain=code_identity(PAD), where=disk.where)  # fmt: skip
    return Plan((wrap, link, pad)), Disk(disk.name, path, wrap.outputs[0], kernel.elf)


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
