"""`env.Kernel`: the rustc calls that make a kernel ELF of a Cargo package."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from ..action import Plan
from ..errors import DeclarationError, ToolchainError
from . import config as configuration
from . import consulted, linker
from .fault import FaultError
from .kernel import Kernel, KernelDeclaration
from .place import Place
from .query import RunsCargo
from .resolve import ForTarget, resolve
from .resolve import check as check_choice
from .steps import Steps, Tools

if TYPE_CHECKING:
    from ..sysroot.plan import Sysroot
    from ..toolchain.rustc import Rustc

__all__ = ["Kernel", "KernelDeclaration", "plan"]


def plan(
    declaration: KernelDeclaration,
    sysroot: Sysroot,
    rustc: Rustc,
    cargo: RunsCargo,
    root: Path,
    environ: Mapping[str, str],
    build: str = "build",
) -> tuple[Plan, Kernel]:
    """The steps that compile the kernel of DECLARATION, in the project at ROOT, for SYSROOT.

    ENVIRON is the person's environment, which steers cargo as it would on the command line. Cargo is asked what there
    is to compile; where there is no Cargo.lock it writes one, and a note says so.

    Raises:
        DeclarationError: everything that is wrong with the declaration, the manifests or cargo's configuration, and
            what of the project cannot be built.
        ToolchainError: the compiler or cargo cannot be run.
    """
    place = Place(str(root), build)
    before = _locks(declaration, place)
    try:
        made, kernel = _plan(declaration, sysroot, rustc, cargo, place, environ)
    except (DeclarationError, FaultError) as fault:
        faults = fault.faults if isinstance(fault, DeclarationError) else (str(fault),)
        raise DeclarationError(declaration.where, (*faults, *_written(before, declaration, place))) from None
    return made._replace(notes=(*made.notes, *_written(before, declaration, place))), kernel


def _locks(declaration: KernelDeclaration, place: Place) -> frozenset[str]:
    """The lock files, absolute, that lie where cargo may have one for the manifest of DECLARATION."""
    above = PurePath(place.absolute(declaration.manifest)).parents
    return frozenset(str(folder / "Cargo.lock") for folder in above if os.path.exists(folder / "Cargo.lock"))


def _written(before: frozenset[str], declaration: KernelDeclaration, place: Place) -> list[str]:
    """What is to be said of a lock file that cargo wrote since there were only those of BEFORE."""
    new = sorted(_locks(declaration, place) - before)
    return [f"there was no {place.shown(lock)}: cargo wrote it. Keep it with the sources." for lock in new]


def check(
    declaration: KernelDeclaration,
    rustc: Rustc,
    cargo: RunsCargo,
    root: Path,
    environ: Mapping[str, str],
    build: str = "build",
) -> None:
    """Check of DECLARATION what does not depend on a sysroot; the rest as for `plan`.

    Raises:
        DeclarationError: what is wrong with its manifest, binary, features or profile, or with cargo's configuration.
        ToolchainError: as for `plan`.
    """
    try:
        check_choice(declaration, rustc.path, cargo, environ, Place(str(root), build))
    except FaultError as fault:
        raise DeclarationError(declaration.where, str(fault)) from None


def _plan(
    declaration: KernelDeclaration,
    sysroot: Sysroot,
    rustc: Rustc,
    cargo: RunsCargo,
    place: Place,
    environ: Mapping[str, str],
) -> tuple[Plan, Kernel]:
    target = sysroot.target

    def cfg_of(flags: Sequence[str]) -> Sequence[str]:
        try:
            return rustc.cfg(target.json, target.name, tuple(flags))
        except ToolchainError as error:
            words = str(error).rpartition(f"{' '.join(flags)}: ")[2]
            raise FaultError(f"rustc {rustc.release} refuses the rust flags {' '.join(flags)}: {words}.") from None

    if rustc.linker is None:
        raise ToolchainError("no linker for kernels was found: install lld.")
    made_for = ForTarget(sysroot.name, sysroot.rustflags, target.name, target.json, cfg_of)
    resolved = resolve(declaration, made_for, rustc.path, cargo, environ, place)
    tools = Tools(
        sysroot.arguments(alloc=declaration.alloc),
        sysroot.inputs(alloc=declaration.alloc),
        target.described,
        linker.flag(target.described, rustc.linker.name),
        rustc.identity,
    )
    steps = Steps(declaration, resolved, tools, place, tuple(configuration.environment(resolved.config, environ)))
    local = [package for package in resolved.packages.values() if package.source is None]
    made = Plan(
        actions=steps.actions(),
        links=tuple(consulted.external_links(local, steps.folders, place)),
        consulted=consulted.names(
            place, resolved.package.folder, resolved.lock, local, resolved.config, steps.link.looked_for
        ),
        notes=resolved.notes,
    )  # fmt: skip
    return made, Kernel(declaration.name, steps.elf, resolved.package.name, resolved.selection.bin)
