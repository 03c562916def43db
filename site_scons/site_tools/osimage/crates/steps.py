"""The steps of a resolved kernel: one rustc call for each unit."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..action import Action, Input
from . import link_files, lto, names
from .argv import LINK_INFO, Command, Extern, argv, file_names
from .fault import FaultError
from .kernel import KernelDeclaration
from .metadata import Package
from .place import Place
from .resolve import Resolved
from .unit_graph import Unit
from .variables import of_unit


@dataclass(frozen=True)
class Tools:
    """What the steps of a kernel have in common.

    `for_sysroot` are rustc's arguments for target and sysroot, `sysroot_inputs` the files behind them; `spec` is the
    target spec as data; `linker` the flag for the linker; `identity` the compiler's.
    """

    for_sysroot: tuple[str, ...]
    sysroot_inputs: tuple[Input, ...]
    spec: Mapping[str, Any]
    linker: tuple[str, ...]
    identity: str


@dataclass(frozen=True)
class Steps:
    """The steps of RESOLVED, which DECLARATION asks for; CONFIGURED are the variables of `[env]`."""

    declaration: KernelDeclaration
    resolved: Resolved
    tools: Tools
    place: Place
    configured: tuple[tuple[str, str], ...]

    @property
    def elf(self) -> str:
        """Where the kernel goes, relative to the project root."""
        return f"{self.place.build}/{self.declaration.name}"

    @cached_property
    def folders(self) -> Mapping[str, str]:
        """The folder of each package, by id, relative to the project root: through a link where it lies outside."""
        return {
            package.id: self.place.relative(package.folder) or self.place.external(f"{package.name}-{package.version}")
            for package in self.resolved.packages.values()
        }

    @cached_property
    def link(self) -> link_files.LinkFiles:
        """The rust flags with their files named from the project root, and these files.

        Raises:
            FaultError: one of them cannot be an input.
        """
        base = os.path.relpath(self.resolved.workspace, self.place.root)
        return link_files.located(self.resolved.flags, self.tools.spec, base, self.place)

    def actions(self) -> tuple[Action, ...]:
        """One step for each unit, each after those it uses.

        Raises:
            FaultError: a source or a file of the link lies where no step can reach it.
        """
        return tuple(self._action(index) for index in self.resolved.graph.used_first())

    def _action(self, index: int) -> Action:
        unit, package = self._at(index)
        outputs = self._outputs(index)
        is_kernel = index in self.resolved.graph.roots
        profile = unit.profile.name
        is_primary = package.id == self.resolved.package.id
        return Action(
            step="kernel" if is_kernel else "crate",
            label=f"kernel {unit.target.name} ({profile})"
            if is_kernel
            else f"{package.name} {package.version} ({profile})",
            argv=argv(self._command(index)),
            inputs=self._inputs(index, is_kernel),
            outputs=outputs,
            toolchain=self.tools.identity,
            where=self.declaration.where,
            env=of_unit(unit, package, self.folders[package.id], is_primary, self.configured, self.place),
            dep_info=outputs[-1],
            user_env=True,
            local=True,
            link_info=LINK_INFO if is_kernel else None,
        )

    def _command(self, index: int) -> Command:
        unit, package = self._at(index)
        return Command(
            unit=unit,
            source=self._source(unit, package),
            hash=self._hashes[index],
            need=self._needs[index],
            lints=self.resolved.manifests.lints_of(package),
            declared_features=package.features,
            externs=self._externs(unit, package),
            searched=self._artifacts if unit.dependencies else None,
            for_sysroot=self.tools.for_sysroot,
            rustflags=self.link.flags,
            remapped=self._remapped(package),
            linker=self.tools.linker,
            elf=posixpath.basename(self.elf),
        )

    def _inputs(self, index: int, is_kernel: bool) -> tuple[Input, ...]:
        unit, package = self._at(index)
        folder = self.folders[package.id]
        is_linked = self.place.relative(package.folder) is None
        source = self._source(unit, package)
        used = self.resolved.graph.all_used_by(index)
        return (
            # What lies behind a link counts whole: only files of the project itself are told apart by what was read.
            Input(folder, "tree" if is_linked else "package"),
            *((Input(source),) if folder != "." and not source.startswith(f"{folder}/") else ()),
            *self.tools.sysroot_inputs,
            *(Input(file) for unit in used for file in self._outputs(unit)[:-1]),
            *(self.link.inputs if is_kernel else ()),
        )

    def _externs(self, unit: Unit, package: Package) -> tuple[Extern, ...]:
        # Nothing is re-exported from a program.
        has_private = "bin" not in unit.target.crate_types and self.resolved.manifests.has_private_dependencies(package)
        externs = []
        for dependency in unit.dependencies:
            used, _ = self._at(dependency.index)
            # A library that is nothing else needs only the metadata of what it uses.
            suffix = ".rmeta" if unit.target.is_rlib and used.target.is_rlib else ".rlib"
            file = next(name for name in self._outputs(dependency.index) if name.endswith(suffix))
            externs.append(Extern(dependency.extern_name, file, has_private and not dependency.public))
        return tuple(externs)

    def _outputs(self, index: int) -> tuple[str, ...]:
        """The files that a unit's step writes, relative to the project root, its dep-info last."""
        target = self._at(index)[0].target
        *files, dep_info = file_names(target, self._hashes[index], posixpath.basename(self.elf))
        folder = posixpath.dirname(self.elf) if "bin" in target.crate_types else self._artifacts
        return (*(f"{folder}/{name}" for name in files), f"{self._artifacts}/{dep_info}")

    def _source(self, unit: Unit, package: Package) -> str:
        """The root file of UNIT's crate, relative to the project root."""
        inside = os.path.relpath(unit.target.src_path, package.folder)
        source = self.place.relative(unit.target.src_path)
        if source is None and inside.startswith("../"):
            raise FaultError(
                f"the crate {unit.target.name} has its root file outside the project and its own package: "
                f"{unit.target.src_path}."
            )
        return source or f"{self.folders[package.id]}/{inside}"

    def _remapped(self, package: Package) -> tuple[str, ...]:
        """What keeps paths of this machine, and of our links, out of everything that rustc writes."""
        remapped = [f"--remap-path-prefix={self.place.external('rust-src')}=/rustc/library", "-Zremap-cwd-prefix=."]
        if self.place.relative(package.folder) is None:
            real = os.path.relpath(package.folder, self.place.root)
            remapped.append(f"--remap-path-prefix={self.folders[package.id]}={real}")
        return tuple(remapped)

    @cached_property
    def _hashes(self) -> tuple[str, ...]:
        packages = self.resolved.packages.values()
        return names.hashes(self.resolved.graph, {p.id: f"{p.name} {p.version} {self.folders[p.id]}" for p in packages})

    @cached_property
    def _needs(self) -> tuple[str, ...]:
        return lto.needs(self.resolved.graph)

    @property
    def _artifacts(self) -> str:
        """The folder of everything but the kernel itself."""
        stem = self.elf.removesuffix(".elf")
        return stem if stem != self.elf else f"{stem}.crates"

    def _at(self, index: int) -> tuple[Unit, Package]:
        unit = self.resolved.graph.units[index]
        return unit, self.resolved.packages[unit.package_id]
