"""Manifests as TOML: what `cargo metadata` leaves out of them, with workspace inheritance."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

from . import lints, toml_file
from .fault import FaultError
from .metadata import Package
from .place import Place
from .unit_graph import CrateTarget


@dataclass(frozen=True)
class Manifests:
    """The manifests of packages, each read once."""

    place: Place
    _read: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def at(self, path: str) -> Mapping[str, Any]:
        """The manifest at PATH (absolute), which cargo has read already.

        Raises:
            FaultError: it is TOML for cargo, but not for us.
        """
        if path not in self._read:
            try:
                self._read[path] = toml_file.read(Path(path), self.place.shown(path)) or {}
            except toml_file.MalformedError as error:
                raise FaultError(f"{error} {toml_file.NEWER_TOML}") from None
        return self._read[path]

    def lints_of(self, package: Package) -> tuple[str, ...]:
        """rustc's flags for the `[lints]` of PACKAGE."""
        return lints.flags(lints.table(self.at(package.manifest), self._workspace_of(package)))

    def has_private_dependencies(self, package: Package) -> bool:
        """Whether the dependencies of PACKAGE are private where they are not declared public."""
        return "public-dependency" in self.at(package.manifest).get("cargo-features", ())

    def has_harness(self, package: Package, target: CrateTarget) -> bool:
        """Whether a test of TARGET in PACKAGE has the `main` that rustc makes (The Cargo Book, "Cargo targets")."""
        said = self.at(package.manifest).get("lib" if target.is_library else target.kind[0], [])
        tables = [said] if isinstance(said, Mapping) else said
        named = (table for table in tables if target.is_library or table.get("name") == target.name)
        return all(bool(table.get("harness", True)) for table in named)

    def handover_of(self, package: Package) -> Mapping[str, Any]:
        """`[package.metadata.bootloader]` of PACKAGE.

        Raises:
            FaultError: it is no table.
        """
        table = self.at(package.manifest).get("package", {}).get("metadata", {})
        found = table.get("bootloader", {}) if isinstance(table, Mapping) else {}
        if not isinstance(found, Mapping):
            shown = self.place.shown(package.manifest)
            raise FaultError(f"{shown}: [package.metadata.bootloader] wants to be a table, not {found!r:.40}.")
        return found

    def _workspace_of(self, package: Package) -> Mapping[str, Any]:
        """The manifest of the workspace that PACKAGE belongs to; its own where it belongs to none."""
        own = self.at(package.manifest)
        named = own.get("package", {}).get("workspace")
        if named is not None:
            return self.at(os.path.normpath(os.path.join(package.folder, named, "Cargo.toml")))
        for folder in (PurePath(package.folder), *PurePath(package.folder).parents):
            manifest = str(folder / "Cargo.toml")
            if os.path.isfile(manifest) and "workspace" in self.at(manifest):
                return self.at(manifest)
        return own


def check(manifest: str, place: Place, cargo_reads_it: Callable[[], object]) -> None:
    """Check that MANIFEST, relative to the project root, is a TOML file, before cargo is asked.

    CARGO_READS_IT raises a FaultError where cargo does not read it either.

    Raises:
        FaultError: there is no such file, or it is no TOML.
    """
    path = Path(place.absolute(manifest))
    if path.is_dir():
        raise FaultError(f'{manifest} is a folder: write "{manifest}/Cargo.toml".')
    try:
        found = toml_file.read(path, manifest)
    except toml_file.MalformedError as error:
        try:
            cargo_reads_it()
        except FaultError:
            raise error from None
        raise FaultError(f"{error} {toml_file.NEWER_TOML}") from None
    if found is None:
        others = sorted(place.shown(str(other)) for other in Path(place.root).glob("*/Cargo.toml"))
        there = f" (found: {', '.join(others)})" if others else ""
        raise FaultError(f"{manifest} does not exist{there}. Name the Cargo.toml of the kernel's package.")
