"""The loader of the crate `bootloader` 0.9 itself: compiled for one handover, linked with a kernel."""

from __future__ import annotations

from dataclasses import dataclass

from ..action import OUT, Action, Input
from ..errors import Where
from .handover import Bootloader09
from .kernel_object import wrap_action

LINK_INFO = "link.d"  # where the linker says what it read


@dataclass(frozen=True)
class CrateLoader:
    """The crate's loader but for its link.

    Paths are relative to the project root. `objects` is the folder of its object files, `listed` the response file that
    names them; `script` the crate's linker script, `libraries` its crates, in the linker's order, `options` the
    linker's. It hands over by `handover`. `linker` is the linker's name, `identity` that of the compiler with it.
    """

    name: str
    objects: str
    listed: str
    script: str
    libraries: tuple[str, ...]
    options: tuple[str, ...]
    handover: Bootloader09
    linker: str
    identity: str


def link_actions(loader: CrateLoader, elf: str, stem: str, where: Where) -> tuple[Action, Action]:
    """The steps that make STEM.flat of LOADER and the kernel ELF: wrap the kernel as STEM.kernel.o, and link.

    The linker writes memory from the loader's first sector on, as the disk has to hold it.
    """
    wrapped, flat = f"{stem}.kernel.o", f"{stem}.flat"
    name = flat.rpartition("/")[2]
    argv = (
        loader.linker, "-flavor", "gnu", "--oformat=binary", f"--dependency-file={OUT}/{LINK_INFO}",
        f"--script={loader.script}", *loader.options, "-o", f"{OUT}/{name}",
        f"@{loader.listed}", wrapped, *loader.libraries,
    )  # fmt: skip
    inputs = (Input(loader.objects, "tree"), *map(Input, (loader.listed, loader.script, wrapped, *loader.libraries)))
    link = Action("loader", name, argv, inputs, (flat,), loader.identity, where, link_info=LINK_INFO)
    return wrap_action(elf, wrapped, where, loader.handover), link
