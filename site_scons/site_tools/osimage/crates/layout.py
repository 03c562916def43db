"""A resolved project laid out: where its packages are read from, where what is made of them goes, how it is called."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from ..action import INCREMENTAL, Input
from . import link_files, lto, mentions, names, sources
from .files import OUT_DIR, SEARCH, Files, for_rustc
from .host import Host
from .kernel import KernelDeclaration
from .metadata import Package
from .place import Place
from .resolve import Resolved
from .unit_graph import Unit

if TYPE_CHECKING:
    from ..toolchain.rustdoc import Rustdoc

# Profiles of cargo's that compile what is not a test as another one does.
_ALIKE = {"test": "dev", "bench": "release"}


# Bytes of Rust from which on an incremental compilation is the faster one: with 38,000 of them a third of the time.
LARGE = 16_000


@dataclass(frozen=True)
class Tools:
    """What the steps of a project have in common.

    `for_sysroot` are rustc's arguments for target and sysroot, `sysroot_inputs` the files behind them, `alloc_inputs`
    those of the crate alloc, where it is declared; `sysroot` and
    `target` are their names, `spec` is the target spec as data; `linker` the flag for the linker; `identity` the
    compiler's; `cfg` asks the compiler for its cfg lines for the target with some flags.
    """

    for_sysroot: tuple[str, ...]
    sysroot_inputs: tuple[Input, ...]
    alloc_inputs: tuple[Input, ...]
    sysroot: str
    target: str
    spec: Mapping[str, Any]
    linker: tuple[str, ...]
    identity: str
    cfg: Callable[[tuple[str, ...]], Sequence[str]]
    host: Host
    rustdoc: Rustdoc | None = None


@dataclass(frozen=True)
class Layout:
    """What RESOLVED, which DECLARATION asks for, comes to; CONFIGURED are the variables of `[env]`."""

    declaration: KernelDeclaration
    resolved: Resolved
    tools: Tools
    place: Place
    configured: tuple[tuple[str, str], ...]

    def at(self, index: int) -> tuple[Unit, Package]:
        """The unit INDEX and its package."""
        unit = self.resolved.graph.units[index]
        return unit, self.resolved.packages[unit.package_id]

    def used_by(self, index: int) -> Iterator[tuple[int, Unit]]:
        """What unit INDEX itself uses."""
        for dependency in self.resolved.graph.units[index].dependencies:
            yield dependency.index, self.resolved.graph.units[dependency.index]

    @cached_property
    def folders(self) -> Mapping[str, str]:
        """The folder of each package, by id, relative to the project root: through a link where it lies outside."""
        return sources.folders(self.resolved.packages.values(), self.place)

    @property
    def base(self) -> str:
        """The folder in which cargo runs rustc for a package of the workspace, relative to the project root."""
        return os.path.relpath(self.resolved.workspace, self.place.root)

    @cached_property
    def link(self) -> link_files.LinkFiles:
        """The rust flags with their files named from the project root, and these files.

        Raises:
            FaultError: one of them cannot be an input.
        """
        return link_files.located(self.resolved.flags, self.tools.spec, self.base, self.place)

    @cached_property
    def files(self) -> Files:
        """Where everything lies that the steps make; crates in a place that all declarations for a sysroot share."""
        graph, name, build = self.resolved.graph, self.declaration.name, self.place.build
        crates = f"{build}/crates"
        called = {package.id: f"{package.name}-{package.version}" for package in self.resolved.packages.values()}
        programs = dict.fromkeys(graph.roots, f"{build}/{name}")
        own = f"{build}/{name.removesuffix('.elf') if name.endswith('.elf') else f'{name}.crates'}"
        if self.declaration.tests:
            targets = {index: graph.units[index].target for index in graph.roots}
            own = f"{build}/{name}"
            programs = {index: f"{own}/{target.kind[0]}-{target.name}.elf" for index, target in targets.items()}
            programs |= {index: f"{own}/doctests.json" for index in graph.roots if graph.units[index].is_doctest}
        return Files(graph, self.hashes, called, f"{crates}/{self.tools.sysroot}", f"{crates}/host", own, programs)

    def sysroot_inputs(self, index: int) -> tuple[Input, ...]:
        """What unit INDEX may load of the target's library."""
        if self.resolved.graph.units[index].is_for_host:
            return ()
        return (*self.tools.sysroot_inputs, *(self.tools.alloc_inputs if index in self._use_alloc else ()))

    @cached_property
    def _use_alloc(self) -> frozenset[int]:
        return mentions.units(self.resolved.graph, self.resolved.packages) if self.tools.alloc_inputs else frozenset()

    @cached_property
    def needs(self) -> tuple[str, ...]:
        """What link-time optimisation asks of each unit."""
        return lto.needs(self.resolved.graph)

    @cached_property
    def hashes(self) -> tuple[str, ...]:
        """What tells each unit from others, also from those of other declarations for the same sysroot."""
        packages = self.resolved.packages.values()
        locations = {p.id: f"{p.name} {p.version} {self.folders[p.id]}" for p in packages}
        for_target = [self.link.flags, self.tools.for_sysroot]
        more = []
        for index, need in enumerate(self.needs):
            unit, package = self.at(index)
            profile = _ALIKE.get(unit.profile.name, unit.profile.name)
            of_package = [self.is_primary(package), package.name in self.declaration.not_deterministic]
            own = [need, profile, self._is_incremental(index), *of_package, self.configured, self.more_inputs(package)]
            more.append([*own, [] if unit.is_for_host else for_target])
        return names.hashes(self.resolved.graph, locations, more)

    def is_primary(self, package: Package) -> bool:
        """Whether PACKAGE is the one that was asked for."""
        return package.id == self.resolved.package.id

    def counted(self, package: Package) -> Literal["package", "tree"]:
        """How much of the folder of PACKAGE counts: all of it where nobody edits it or it lies behind a link."""
        return "tree" if package.is_external or self.place.relative(package.folder) is None else "package"

    def more_inputs(self, package: Package) -> tuple[str, ...]:
        """The files that the declaration says the crates and the build script of PACKAGE may read, too."""
        return () if package.is_external else tuple(sorted({*self.declaration.inputs}))

    def incremental(self, index: int) -> str | None:
        """The folder for the incremental compilation of unit INDEX; None where it is compiled as a whole."""
        return f"{self.place.build}/{INCREMENTAL}/{self.hashes[index]}" if self._is_incremental(index) else None

    def _is_incremental(self, index: int) -> bool:
        unit, package = self.at(index)
        wanted = self.declaration.incremental
        if wanted is False or package.is_external or unit.is_for_host or not unit.profile.incremental:
            return False
        return wanted is True or sources.size(unit.target.src_path) >= LARGE

    def runs_used_by(self, index: int) -> tuple[int, ...]:
        """The runs of build scripts whose libraries unit INDEX may be linked with, in cargo's order."""

        def order(package_id: str) -> tuple[str, str, str]:
            package = self.resolved.packages[package_id]
            return package.name, package.version, package.id

        return self.resolved.graph.script_runs_used_by(index, order)

    def said_to(self, index: int) -> tuple[str, ...]:
        """The files with what build scripts say to the crate of unit INDEX, in cargo's order."""
        target = self.resolved.graph.units[index].target
        own = [run for run, used in self.used_by(index) if used.is_script_run]
        search = (self.files.said(run, SEARCH) for run in self.runs_used_by(index))
        return (*search, *(self.files.said(run, for_rustc(target.kind[0], target.name)) for run in own))

    def out_dir(self, run: int) -> str:
        """OUT_DIR of the unit RUN."""
        return self.files.said(run, OUT_DIR).rstrip("/")

    def called(self, index: int) -> tuple[str, str]:
        """The kind of the step for unit INDEX, and what a person calls it."""
        unit, package = self.at(index)
        name, profile = f"{package.name} {package.version}", _ALIKE.get(unit.profile.name, unit.profile.name)
        for_what = "for the host" if unit.is_for_host else f"({profile})"
        if unit.is_script_run:
            return "configure", f"configuration of {name} {for_what}"
        if unit.is_script:
            return "build-script", f"build script of {name}"
        if unit.is_doctest:
            return "doctests", f"examples in the documentation of {unit.target.name}"
        if unit.is_test:
            kind = unit.target.kind[0]
            return "kernel", f"{'test' if kind == 'test' else f'tests of {kind}'} {unit.target.name} ({profile})"
        if unit.is_program:
            return "kernel", f"kernel {unit.target.name} ({profile})"
        return "proc-macro" if unit.target.is_proc_macro else "crate", f"{name} {for_what}"
