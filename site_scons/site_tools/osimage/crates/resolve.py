"""A declaration resolved: what cargo, its configuration and the manifests say of everything that is to be compiled."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ..action import OUT, ROOT
from ..errors import DeclarationError
from . import config as configuration
from . import linker, manifests, rustflags, settings, supported
from .choose import choose, package_of
from .config import Config
from .kernel import KernelDeclaration
from .manifests import Manifests
from .metadata import Metadata, Package
from .place import Place
from .query import Query, RunsCargo, Selection
from .unit_graph import UnitGraph


@dataclass(frozen=True)
class ForTarget:
    """What the kernel is made for: the sysroot's name and flags, the target's name and JSON, its cfg for some flags."""

    sysroot: str
    sysroot_flags: tuple[str, ...]
    name: str
    json: str
    cfg_of: rustflags.CfgOf


@dataclass(frozen=True)
class Resolved:
    """Everything that is known before the steps are written.

    `package` is the kernel's own; `packages` are all that were described, by id; `workspace` is the root folder of its
    workspace and `lock` its lock file, both absolute. `flags` are the rust flags for every crate.
    """

    selection: Selection
    graph: UnitGraph
    package: Package
    packages: Mapping[str, Package]
    workspace: str
    lock: str
    flags: tuple[str, ...]
    config: Config
    manifests: Manifests
    notes: tuple[str, ...]


def resolve(
    declaration: KernelDeclaration,
    target: ForTarget,
    rustc: str,
    cargo: RunsCargo,
    environ: Mapping[str, str],
    place: Place,
) -> Resolved:
    """Everything about DECLARATION for TARGET, by two or three runs of cargo with the compiler at RUSTC (absolute).

    Raises:
        DeclarationError: everything that is wrong with the choice of binary, features and profile, and with settings;
            or with the units that this choice leads to.
        FaultError: one thing that stops at once.
    """
    asked = _ask(declaration, rustc, cargo, environ, place)
    config, query, workspace, read, package, selection = asked[:-1]
    flags, wrong = _flags(declaration, target, config, environ)
    if flags:
        target.cfg_of(flags)  # what rustc has against one of them is lost in cargo's words
    _stop_on(declaration, [*asked.faults, *wrong, *settings.of_config(config, environ)])

    lock = os.path.join(workspace.workspace_root, "Cargo.lock")
    kept = place.shown(lock) if os.path.exists(lock) else None
    graph = query.unit_graph(selection, (target.name, target.json), flags, kept)
    packages = _packages(graph, workspace, query, (target.name, target.json))
    local = [package for package in packages.values() if package.source is None]
    faults = list(supported.faults(graph, packages, place))
    for path in sorted(
        {package.manifest for package in local} | {os.path.join(workspace.workspace_root, "Cargo.toml")}
    ):
        faults += settings.of_manifest(read.at(path), place.shown(path))
    _stop_on(declaration, [*faults, *_placeholders(flags, local, configuration.environment(config, environ))])
    notes = [f"cargo: {warning}" for warning in query.warnings]
    return Resolved(
        selection, graph, package, packages, workspace.workspace_root, lock, flags, config, read, tuple(notes)
    )


def check(
    declaration: KernelDeclaration, rustc: str, cargo: RunsCargo, environ: Mapping[str, str], place: Place
) -> None:
    """Check of DECLARATION what does not depend on a sysroot.

    Raises:
        DeclarationError, FaultError: as `resolve`.
    """
    asked = _ask(declaration, rustc, cargo, environ, place)
    _stop_on(declaration, [*asked.faults, *settings.of_config(asked.config, environ)])


class _Asked(NamedTuple):
    """What cargo's configuration and manifests say of a declaration, and what is wrong with what it chooses."""

    config: Config
    query: Query
    workspace: Metadata
    manifests: Manifests
    package: Package
    selection: Selection
    faults: list[str]


def _ask(
    declaration: KernelDeclaration, rustc: str, cargo: RunsCargo, environ: Mapping[str, str], place: Place
) -> _Asked:
    manifest = place.absolute(declaration.manifest)
    config = configuration.load(Path(manifest).parent, environ, place.root)
    query = Query(cargo, rustc, manifest, config, environ, place)
    manifests.check(declaration.manifest, place, query.workspace)
    workspace = query.workspace()
    package = package_of(declaration, workspace, place)
    read = Manifests(place)
    root_manifest = read.at(os.path.join(workspace.workspace_root, "Cargo.toml"))
    selection, faults = choose(declaration, package, root_manifest, config, environ)
    return _Asked(config, query, workspace, read, package, selection, faults)


def _stop_on(declaration: KernelDeclaration, faults: list[str]) -> None:
    if faults:
        raise DeclarationError(declaration.where, faults)


def _flags(
    declaration: KernelDeclaration, target: ForTarget, config: Config, environ: Mapping[str, str]
) -> tuple[tuple[str, ...], list[str]]:
    """The rust flags for every crate, each as one word: the sysroot's, cargo's, the declaration's; and what is wrong.

    The sysroot's flags are meant for everything in the image. Those that cargo's build-std would hand to core must be
    among them.
    """
    found = rustflags.find(config, environ, target.name, target.cfg_of)
    linker.configured(config, environ, target.name, target.cfg_of)
    of_cargo = linker.without(found.flags, found.origin)
    of_sysroot = rustflags.code_flags(target.sysroot_flags)
    missing = [flag for flag in rustflags.code_flags(of_cargo) if flag not in of_sysroot]
    faults = []
    if missing:
        quoted = ", ".join(f'"{flag}"' for flag in missing)
        faults.append(
            f"{found.origin} has {' '.join(missing)}, which cargo's build-std would give to core too, but the sysroot "
            f"'{target.sysroot}' is made without it: write env.Sysroot(\"{target.sysroot}\", …, rustflags=[{quoted}])."
        )
    declared = linker.without(declaration.rustflags, "rustflags=")
    return (*(flag for flag in of_sysroot if flag not in of_cargo), *of_cargo, *declared), faults


def _packages(graph: UnitGraph, workspace: Metadata, query: Query, spec: tuple[str, str]) -> Mapping[str, Package]:
    """The packages of GRAPH and of the workspace, by id; path dependencies outside the workspace are asked for."""
    if all(unit.package_id in workspace.packages for unit in graph.units):
        return workspace.packages
    return query.all_packages(spec).packages


def _placeholders(
    flags: Iterable[str], packages: Iterable[Package], configured: Iterable[tuple[str, str]]
) -> Iterator[str]:
    """A sentence for each text of the person's that holds one of our placeholders."""
    texts = [("a rust flag", flag) for flag in flags]
    texts += [(f"{name} of cargo's [env]", value) for name, value in configured]
    texts += [
        (f"{name} of the package {package.name}", value) for package in packages for name, value in package.variables
    ]
    for what, text in texts:
        for placeholder in (OUT, ROOT):
            if placeholder in text:
                yield f"{what} holds the text {placeholder}, which osimage fills in itself: write it otherwise."
