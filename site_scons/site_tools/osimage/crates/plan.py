"""`env.Kernel`: the rustc calls that make a kernel ELF of a Cargo package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from ..action import Plan
from ..boot.handover import Bootloader09
from ..boot.handover import read as read_handover
from ..errors import DeclarationError, ToolchainError
from ..toolchain.rustdoc import find_rustdoc
from . import config as configuration
from . import consulted, doctests, linker, lto, sources, steps
from .fault import FaultError
from .given import Given
from .host import host_of
from .kernel import Executable, Kernel, KernelDeclaration, LoaderPackage, Tests
from .layout import Layout, Tools
from .place import Place
from .resolve import ForTarget, Resolved, resolve
from .resolve import check as check_choice
from .unit_graph import Unit
from .variables import placed

if TYPE_CHECKING:
    from ..sysroot.plan import Sysroot

__all__ = ["Executable", "Kernel", "KernelDeclaration", "Tests", "plan", "plan_tests"]


def plan(declaration: KernelDeclaration, sysroot: Sysroot, given: Given) -> tuple[Plan, Kernel]:
    """The steps that compile the kernel of DECLARATION for SYSROOT with what is GIVEN.

    Cargo is asked what there is to compile; it writes a Cargo.lock that is missing or does not fit, and a note says so.

    Raises:
        DeclarationError: everything that is wrong with the declaration, the manifests or cargo's configuration, and
            what of the project cannot be built.
        ToolchainError: the compiler or cargo cannot be run.
    """
    made, layout, handover = _planned(declaration, sysroot, given)
    (elf,) = layout.files.programs.values()
    resolved = layout.resolved
    loader = _loader(resolved)
    return made, Kernel(declaration.name, elf, resolved.package.name, resolved.selection.bin or "", handover, loader)


def plan_tests(declaration: KernelDeclaration, sysroot: Sysroot, given: Given) -> tuple[Plan, Tests]:
    """The steps that compile the tests of the package in DECLARATION, which says `tests`; all else as for `plan`.

    These are the executables of `cargo test --no-run`: the library's and the binaries' own tests and those of `tests/`.

    Raises:
        DeclarationError, ToolchainError: as for `plan`.
    """
    made, layout, handover = _planned(declaration, sysroot, given)
    package, manifests = layout.resolved.package, layout.resolved.manifests
    executables = []
    documented = ""
    for index, elf in layout.files.programs.items():
        unit = layout.resolved.graph.units[index]
        target = unit.target
        if unit.is_doctest:
            documented = elf
            continue
        kind: Any = "lib" if target.is_library else target.kind[0]
        executables.append(Executable(target.name, kind, elf, manifests.has_harness(package, target), package.name))
    return made, Tests(declaration.name, package.name, tuple(executables), handover, documented)


def _planned(
    declaration: KernelDeclaration, sysroot: Sysroot, given: Given
) -> tuple[Plan, Layout, Bootloader09 | None]:
    """The steps of DECLARATION with a note on a lock file that cargo wrote; a fault tells of it too."""
    place = given.place
    before = _locks(declaration, place)
    try:
        made, layout, handover = _plan(declaration, sysroot, given)
    except (DeclarationError, FaultError) as fault:
        faults = fault.faults if isinstance(fault, DeclarationError) else (str(fault),)
        raise DeclarationError(declaration.where, (*faults, *_written(before, declaration, place))) from None
    return made._replace(notes=(*made.notes, *_written(before, declaration, place))), layout, handover


def _locks(declaration: KernelDeclaration, place: Place) -> dict[str, str]:
    """The lock files that lie where cargo may have one for the manifest of DECLARATION: (absolute) name to text."""
    above = PurePath(place.absolute(declaration.manifest)).parents
    found = {str(folder / "Cargo.lock"): place.text(str(folder / "Cargo.lock")) for folder in above}
    return {lock: text for lock, text in found.items() if text}


def _written(before: Mapping[str, str], declaration: KernelDeclaration, place: Place) -> list[str]:
    """What is to be said of a lock file that cargo wrote since those of BEFORE were there, name to text."""
    told = []
    for lock, text in sorted(_locks(declaration, place).items()):
        if lock not in before:
            told.append(f"there was no {place.shown(lock)}: cargo wrote it. Keep it with the sources.")
        elif text != before[lock]:
            told.append(f"{place.shown(lock)} did not fit the manifests any more: cargo changed it.")
    return told


def check(declaration: KernelDeclaration, given: Given) -> None:
    """Check of DECLARATION what does not depend on a sysroot; the rest as for `plan`.

    Raises:
        DeclarationError: what is wrong with its manifest, binary, features or profile, or with cargo's configuration.
        ToolchainError: as for `plan`.
    """
    try:
        check_choice(declaration, given)
    except FaultError as fault:
        raise DeclarationError(declaration.where, str(fault)) from None


def _plan(declaration: KernelDeclaration, sysroot: Sysroot, given: Given) -> tuple[Plan, Layout, Bootloader09 | None]:
    rustc, _, environ, place = given
    target = sysroot.target

    def cfg_of(flags: Sequence[str]) -> Sequence[str]:
        try:
            return rustc.cfg(target.json, target.name, tuple(flags))
        except ToolchainError as error:
            words = str(error).rpartition(f"{' '.join(flags)}: ")[2]
            raise FaultError(f"rustc {rustc.release} refuses the rust flags {' '.join(flags)}: {words}.") from None

    if rustc.linker is None:
        raise ToolchainError("no linker for kernels was found: install lld.")
    made_for = ForTarget(sysroot.name, sysroot.rustflags, target.name, target.json, cfg_of, rustc.host)
    resolved = resolve(declaration, made_for, given)
    host = host_of(resolved, rustc, environ, place)
    rustdoc = find_rustdoc(rustc, environ) if declaration.doctests else None
    named = linker.flag(target, rustc.linker.name)
    tools = Tools(
        for_sysroot=sysroot.arguments(alloc=declaration.alloc),
        sysroot_inputs=sysroot.inputs(), alloc_inputs=sysroot.inputs_of_alloc() if declaration.alloc else (),
        sysroot=sysroot.name, target=target.name, spec=target.described, linker=named, identity=rustc.identity,
        rustdoc=rustdoc, cfg=cfg_of, host=host,
    )  # fmt: skip
    configured = placed(configuration.environment(resolved.config, environ), place)
    layout = Layout(declaration, resolved, tools, place, configured)
    _check_bitcode(sysroot, layout)
    packages = resolved.packages.values()
    read = (*layout.link.looked_for, *host.looked_for)
    if rustdoc is not None:
        read = (*read, *doctests.located(layout).looked_for, rustdoc.path)
    made = Plan(
        actions=steps.actions(layout),
        links=tuple(sources.links(packages, layout.folders, place)),
        consulted=consulted.names(place, resolved.package.folder, resolved.lock, packages, resolved.config, read),
        notes=resolved.notes,
    )
    return made, layout, _handover(resolved, place)


def _check_bitcode(sysroot: Sysroot, layout: Layout) -> None:
    """Check that SYSROOT has the bitcode that the units of LAYOUT need."""
    if not sysroot.lto and lto.is_done(layout.needs):
        profile = layout.resolved.selection.profile
        raise FaultError(
            f"profile '{profile}' optimises at link time, for which the sysroot '{sysroot.name}' has no bitcode: leave "
            "lto=False out of env.Sysroot."
        )


def _handover(resolved: Resolved, place: Place) -> Bootloader09 | None:
    """What a kernel that uses the crate `bootloader` 0.9 expects of its loader; None where it uses none.

    Raises:
        FaultError: its manifest says what that loader refuses.
    """
    unit = _loader_unit(resolved)
    if unit is None:
        return None
    found, faults = read_handover(resolved.manifests.handover_of(resolved.package), unit.features)
    if faults:
        raise FaultError(f"{place.shown(resolved.package.manifest)}: {' '.join(faults)}")
    return found


def _loader(resolved: Resolved) -> LoaderPackage | None:
    """The crate `bootloader` 0.9 that a kernel uses; None where it uses none."""
    unit = _loader_unit(resolved)
    if unit is None:
        return None
    package = resolved.packages[unit.package_id]
    specification = str(resolved.manifests.handover_of(package).get("target", ""))
    return LoaderPackage(
        package.version, package.manifest, package.source, unit.features, specification, resolved.package.folder
    )


def _loader_unit(resolved: Resolved) -> Unit | None:
    graph = resolved.graph
    used = (graph.units[index] for index in graph.used_first() if not graph.units[index].is_for_host)
    for unit in used:
        package = resolved.packages[unit.package_id]
        if package.name == "bootloader" and package.version.startswith("0.9.") and unit.is_linkable:
            return unit
    return None
