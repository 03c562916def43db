"""`env.CargoProject`: what a project that is built by `cargo bootimage` says of itself, for the other builders."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import DeclarationError, Where, did_you_mean
from . import binaries, bootimage, consulted, linker, lto, manifests, rustflags
from . import config as configuration
from .config import Config
from .described import CargoProject
from .fault import FaultError
from .given import Given
from .metadata import Metadata, Package
from .place import Place
from .query import Query

if TYPE_CHECKING:
    from ..target.spec import Target

# Crates of the standard library that a kernel can have; `core` and `compiler_builtins` it always has.
_LIBRARY = frozenset({"core", "compiler_builtins", "alloc"})


@dataclass(frozen=True)
class CargoProjectDeclaration:
    """What `env.CargoProject` says.

    `folder`, relative to the project root, has the manifest. `package`, `bin` and `target` (a built-in target, or a
    JSON file relative to the project root) are None where manifest and configuration are to say it. `features` are on
    beside the default ones, if `default_features`.
    """

    folder: str
    package: str | None
    bin: str | None
    target: str | None
    where: Where
    features: tuple[str, ...] = ()
    default_features: bool = True


def read(declaration: CargoProjectDeclaration, given: Given) -> tuple[CargoProject, tuple[str, ...]]:
    """The kernel of DECLARATION, and the names of all that was consulted (as in a Plan).

    Raises:
        DeclarationError: everything that is wrong with what manifest and configuration say.
        ToolchainError: cargo cannot be run.
    """
    try:
        return _read(declaration, given)
    except FaultError as fault:
        raise DeclarationError(declaration.where, str(fault)) from None


def code_flags(folder: str, target: Target, given: Given, where: Where) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The rust flags that change code and that cargo's configuration for FOLDER, relative to the project root, gives to
    every crate for TARGET; and the names of all that was consulted. WHERE is the declaration's line.

    Raises:
        DeclarationError: the configuration cannot be read.
        ToolchainError: the compiler cannot be asked.
    """

    def cfg_of(flags: Sequence[str]) -> Sequence[str]:
        return given.rustc.cfg(target.json, target.name, tuple(flags))

    place = given.place
    try:
        config = configuration.load(Path(place.absolute(folder)), given.environ, place.root)
        found = rustflags.find(config, given.environ, target.name, cfg_of)
        flags = rustflags.code_flags(linker.without(found.flags, found.origin))
    except FaultError as fault:
        raise DeclarationError(where, str(fault)) from None
    return flags, tuple(map(place.shown, config.consulted))


def _read(declaration: CargoProjectDeclaration, given: Given) -> tuple[CargoProject, tuple[str, ...]]:
    environ, place = given.environ, given.place
    manifest = os.path.normpath(os.path.join(declaration.folder, "Cargo.toml"))
    folder = Path(place.absolute(declaration.folder))
    config = configuration.load(folder, environ, place.root)
    query = Query(given, place.absolute(manifest), config)
    manifests.check(manifest, place, query.workspace)
    workspace = query.workspace()
    package = _kernel(declaration, manifest, workspace, place)
    shown = place.shown(package.manifest)
    read = manifests.Manifests(place)
    settings, faults = bootimage.of_manifest(read.at(package.manifest))
    faults = [f"{shown}: {fault}" for fault in faults]
    features = binaries.enabled(package, declaration.features, declaration.default_features)
    bins, default, wrong = binaries.choose(package, shown, declaration.bin, features)
    target, specification, unfit = _target(declaration, manifest, config, environ, place)
    alloc, missing = _alloc(config, specification)
    faults += [*wrong, *unfit, *missing, *(f"{shown}: {fault}" for fault in bootimage.machine(settings.run_command)[2])]
    if faults:
        raise DeclarationError(declaration.where, faults)
    above = workspace.workspace_root
    profiles = (read.at(os.path.join(above, "Cargo.toml")).get("profile", {}), config.table("profile"))
    optimised = lto.is_asked_for(profiles, environ)
    lock = os.path.join(above, "Cargo.lock")
    names = consulted.names(place, str(folder), lock, workspace.packages.values(), config, ())
    found = CargoProject(shown, bins, default, declaration.bin, target, specification, alloc, optimised, settings)
    return found, (*names, "$CARGO_BUILD_TARGET")


def _kernel(declaration: CargoProjectDeclaration, manifest: str, workspace: Metadata, place: Place) -> Package:
    """The package that DECLARATION means: named, or that of MANIFEST, or the only one of the workspace that can be."""
    packages = {package.name: package for package in workspace.packages.values()}
    if declaration.package is not None:
        if declaration.package not in packages:
            guess = did_you_mean(declaration.package, packages)
            raise FaultError(f"package '{declaration.package}' is not in the workspace of {manifest}.{guess}")
        candidates = [packages[declaration.package]]
    else:
        own = [package for package in packages.values() if place.shown(package.manifest) == manifest]
        kernels = [package for package in packages.values() if package.bins and _loader_of(package)]
        candidates = [package for package in own if _loader_of(package)] or kernels or own
    if len(candidates) > 1:
        listed = ", ".join(f"{package.name} in {place.shown(package.manifest)}" for package in candidates)
        raise FaultError(f'there are several kernels: {listed}. Name one, as in package="{candidates[0].name}".')
    for package in candidates:
        _check_loader(package, place.shown(package.manifest))
        return package
    raise FaultError(f"{manifest} is a workspace in which no package depends on bootloader 0.9: it has no kernel.")


def _loader_of(package: Package) -> str | None:
    """What PACKAGE requires of the crate bootloader, as a version requirement; one without binaries for its tests."""
    required = package.requires if package.bins else (*package.requires, *package.tests_require)
    return next((version for name, version in required if name == "bootloader"), None)


def _check_loader(package: Package, shown: str) -> None:
    version = _loader_of(package)
    if version is None:
        raise FaultError(
            f"{shown} does not depend on the crate bootloader, which hands over to a kernel of `cargo bootimage`. "
            'Write bootloader = "0.9" under [dependencies], or declare a kernel of another kind with env.Kernel.'
        )
    if version != "*" and not re.search(r"(?<![\d.])0\.9(?!\d)", version):
        raise FaultError(f"{shown} depends on bootloader {version}, which is not supported: osimage knows 0.9.")


def _target(
    declaration: CargoProjectDeclaration, manifest: str, config: Config, environ: Mapping[str, str], place: Place
) -> tuple[str, str | None, list[str]]:
    """The target's name, its JSON file relative to the project root (None: it is built in), and what is wrong."""
    said = declaration.target or config.table("build").get("target")
    if declaration.target is None and environ.get("CARGO_BUILD_TARGET"):
        said = environ["CARGO_BUILD_TARGET"]
        said = os.path.join(place.absolute(declaration.folder), said) if said.endswith(".json") else said
    if isinstance(said, list) and len(said) == 1:
        said = said[0]
    if isinstance(said, list):
        origin = config.origin("build", "target")
        return (
            "",
            None,
            [f'{origin} has several targets ({", ".join(map(str, said))}). Choose one: target="{said[0]}".'],
        )
    if not isinstance(said, str):
        return (
            "",
            None,
            [
                f'no target is chosen for {manifest}: write [build] target = "….json" in '
                ".cargo/config.toml, or target= here."
            ],
        )
    if not said.endswith(".json"):
        return said, None, []
    path = place.absolute(said)
    name = place.relative(path)
    faults = [] if name else [f"the target {path} lies outside the project. Move the SConstruct up, or the file in."]
    return Path(path).stem, name, faults


def _alloc(config: Config, specification: str | None) -> tuple[bool, list[str]]:
    """Whether the kernel has the crate alloc, and what is wrong with the standard library that CONFIG asks for.

    Where it asks for none, a built-in target comes with everything, and cargo-xbuild made alloc too.
    """
    said = config.table("unstable").get("build-std")
    if said is None:
        return True, []
    crates = tuple(said.replace(",", " ").split()) if isinstance(said, str) else tuple(map(str, said))
    faults = list(_too_much(crates, config.origin("unstable", "build-std"))) if specification else []
    return "alloc" in crates, faults


def _too_much(crates: Sequence[str], origin: str) -> Iterator[str]:
    for crate in crates:
        if crate not in _LIBRARY:
            yield f"{origin}: build-std has '{crate}', which a kernel without an operating system cannot have."
