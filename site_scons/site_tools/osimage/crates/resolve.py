"""A declaration resolved: what cargo, its configuration and the manifests say of everything that is to be compiled."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ..action import CARGO, LINKER, OUT, ROOT, RUSTC, RUSTDOC
from ..errors import DeclarationError, did_you_mean
from . import config as configuration
from . import linker, manifests, rustflags, settings, supported
from .choose import choose, package_of
from .config import Config
from .fault import FaultError
from .given import Given
from .kernel import KernelDeclaration
from .manifests import Manifests
from .metadata import Metadata, Package
from .place import Place
from .query import Query, Selection
from .unit_graph import UnitGraph


@dataclass(frozen=True)
class ForTarget:
    """What the kernel is made for: the sysroot's name and flags, the target's name and JSON, its cfg for some flags.

    HOST is the name of the target of the machine that builds.
    """

    sysroot: str
    sysroot_flags: tuple[str, ...]
    name: str
    json: str
    cfg_of: rustflags.CfgOf
    host: str


@dataclass(frozen=True)
class Resolved:
    """Everything that is known before the steps are written.

    `package` is the kernel's own; `packages` are those of the graph and of the workspace, by id; `workspace` is the
    root folder of its workspace and `lock` its lock file, both absolute, `members` the ids of the workspace's packages.
    `profiles` are the declared ones. `flags` are the rust flags for every crate of the target, `written` the same as
    they were written. `linker` is what cargo's configuration names for the target, None where it names none.
    `rustdocflags` are those for rustdoc, where the doctests are wanted.
    """

    selection: Selection
    graph: UnitGraph
    package: Package
    packages: Mapping[str, Package]
    workspace: str
    members: tuple[str, ...]
    profiles: Mapping[str, Mapping[str, Any]]
    lock: str
    flags: tuple[str, ...]
    config: Config
    manifests: Manifests
    notes: tuple[str, ...]
    written: tuple[str, ...] = ()
    linker: str | None = None
    rustdocflags: tuple[str, ...] = ()


def resolve(
    declaration: KernelDeclaration,
    target: ForTarget,
    given: Given,
) -> Resolved:
    """Everything about DECLARATION for TARGET, by two or three runs of cargo, with what is GIVEN.

    Raises:
        DeclarationError: everything that is wrong with the choice of binary, features and profile, and with settings;
            or with the units that this choice leads to.
        FaultError: one thing that stops at once.
    """
    asked = _ask(declaration, given)
    config, query, workspace, read, package, selection = asked[:-1]
    environ, place = given.environ, given.place
    flags, written, wrong = _flags(declaration, target, config, environ)
    documenting = _rustdocflags(declaration, target, config, environ)
    named = linker.configured(config, environ, target.name, lambda: target.cfg_of(()))
    if named is not None:
        linker.check(*named)
    if flags:
        target.cfg_of(flags)  # what rustc has against one of them is lost in cargo's words
    _stop_on(declaration, [*asked.faults, *wrong, *settings.of_config(config, environ)])

    lock = os.path.join(workspace.workspace_root, "Cargo.lock")
    keeper = _keeper(lock, declaration, environ, place)
    graph = query.unit_graph(selection, (target.name, target.json), flags, lock, keeper)
    packages = _packages(graph, selection, workspace, query, target)
    local = [package for package in packages.values() if package.source is None]
    faults = list(_unknown_packages(declaration, packages))
    faults += supported.faults(graph, packages, place)
    for path in sorted(
        {package.manifest for package in local} | {os.path.join(workspace.workspace_root, "Cargo.toml")}
    ):
        faults += settings.of_manifest(read.at(path), place.shown(path))
    configured = configuration.environment(config, environ)
    _stop_on(declaration, [*faults, *_placeholders((*flags, *documenting), local, configured)])
    notes = [f"cargo: {warning}" for warning in query.warnings]
    root_manifest = read.at(os.path.join(workspace.workspace_root, "Cargo.toml"))
    profiles = {**root_manifest.get("profile", {}), **config.table("profile")}
    return Resolved(
        selection, graph, package, packages, workspace.workspace_root, workspace.members, profiles, lock, flags, config,
        read, tuple(notes), written, named.program if named is not None else None, documenting,
    )  # fmt: skip


def check(declaration: KernelDeclaration, given: Given) -> None:
    """Check of DECLARATION what does not depend on a sysroot.

    Raises:
        DeclarationError, FaultError: as `resolve`.
    """
    asked = _ask(declaration, given)
    _stop_on(declaration, [*asked.faults, *settings.of_config(asked.config, given.environ)])


class _Asked(NamedTuple):
    """What cargo's configuration and manifests say of a declaration, and what is wrong with what it chooses."""

    config: Config
    query: Query
    workspace: Metadata
    manifests: Manifests
    package: Package
    selection: Selection
    faults: list[str]


def _ask(declaration: KernelDeclaration, given: Given) -> _Asked:
    environ, place = given.environ, given.place
    manifest = place.absolute(declaration.manifest)
    config = configuration.load(Path(manifest).parent, environ, place.root)
    query = Query(given, manifest, config)
    manifests.check(declaration.manifest, place, query.workspace)
    workspace = query.workspace()
    package = package_of(declaration, workspace, place)
    read = Manifests(place)
    root_manifest = read.at(os.path.join(workspace.workspace_root, "Cargo.toml"))
    selection, faults = choose(declaration, package, root_manifest, config, environ)
    return _Asked(config, query, workspace, read, package, selection, faults)


def _keeper(lock: str, declaration: KernelDeclaration, environ: Mapping[str, str], place: Place) -> str | None:
    """What keeps the file LOCK (absolute) as it is, for people; None where cargo may write it."""
    if environ.get("OSIMAGE_LOCKED") != "yes":
        return None
    if not os.path.exists(lock):
        raise FaultError(
            f"there is no {place.shown(lock)}, and LOCKED=yes lets none be written. Keep one with the sources: run "
            f"`cargo generate-lockfile --manifest-path {declaration.manifest}` once."
        )
    return "LOCKED=yes"


def _stop_on(declaration: KernelDeclaration, faults: list[str]) -> None:
    if faults:
        raise DeclarationError(declaration.where, faults)


def _flags(
    declaration: KernelDeclaration, target: ForTarget, config: Config, environ: Mapping[str, str]
) -> tuple[tuple[str, ...], tuple[str, ...], list[str]]:
    """The rust flags for every crate: the sysroot's, cargo's, the declaration's; as they were written; what is wrong.

    The sysroot's flags are meant for everything in the image. Those that cargo's build-std would hand to core must be
    among them.
    """
    found = rustflags.find(config, environ, target.name, target.cfg_of)
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
    more = tuple(flag for flag in of_sysroot if flag not in of_cargo)
    written = (*more, *found.flags, *declaration.rustflags)
    return (*more, *of_cargo, *declared), written, faults


def _rustdocflags(
    declaration: KernelDeclaration, target: ForTarget, config: Config, environ: Mapping[str, str]
) -> tuple[str, ...]:
    """The flags for rustdoc, where the doctests of DECLARATION are wanted."""
    if not declaration.doctests:
        return ()
    found = rustflags.find(config, environ, target.name, target.cfg_of, "rustdocflags")
    return linker.without(found.flags, found.origin)


def _unknown_packages(declaration: KernelDeclaration, packages: Mapping[str, Package]) -> Iterator[str]:
    names = sorted({package.name for package in packages.values()})
    for name in declaration.not_deterministic:
        if name not in names:
            yield f"not_deterministic= names '{name}', which is no package of the kernel.{did_you_mean(name, names)}"


def _packages(
    graph: UnitGraph, selection: Selection, workspace: Metadata, query: Query, target: ForTarget
) -> Mapping[str, Package]:
    """The packages of GRAPH and of the workspace, by id; cargo is asked again for those outside the workspace.

    Raises:
        FaultError: cargo describes one of them in the graph alone.
    """
    used = dict.fromkeys(unit.package_id for unit in graph.units)
    if all(id in workspace.packages for id in used):
        return workspace.packages
    found = query.all_packages(selection, (target.name, target.json), target.host).packages
    missing = [id for id in used if id not in found]
    if missing:
        raise FaultError(
            f"cargo does not describe {', '.join(missing)}, which it would compile. Use another compiler: RUSTC=…"
        )
    return {**workspace.packages, **{id: found[id] for id in used}}


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
        for placeholder in (OUT, ROOT, RUSTC, CARGO, RUSTDOC, LINKER):
            if placeholder in text:
                yield f"{what} holds the text {placeholder}, which osimage fills in itself: write it otherwise."
