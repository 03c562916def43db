"""The binary, features and profile that a declaration asks for, checked against what the package has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..errors import did_you_mean
from .config import Config
from .fault import FaultError
from .kernel import KernelDeclaration
from .metadata import Metadata, Package
from .place import Place
from .query import Selection

_BUILT_IN_PROFILES = ("bench", "dev", "release", "test")


def package_of(declaration: KernelDeclaration, metadata: Metadata, place: Place) -> Package:
    """The package whose manifest DECLARATION names.

    Raises:
        FaultError: the manifest is a workspace's without a package of its own.
    """
    manifest = place.absolute(declaration.manifest)
    for package in metadata.packages.values():
        if package.manifest == manifest:
            return package
    members = sorted(place.shown(package.manifest) for package in metadata.packages.values() if package.bins)
    has = f"one of its packages with a binary: {', '.join(members)}" if members else "one of its packages"
    raise FaultError(f"{declaration.manifest} is a workspace without a package of its own: name the manifest of {has}.")


def choose(
    declaration: KernelDeclaration,
    package: Package,
    workspace: Mapping[str, Any],
    config: Config,
    environ: Mapping[str, str],
) -> tuple[Selection, list[str]]:
    """What DECLARATION selects of PACKAGE, and a sentence for everything that it does not have.

    WORKSPACE is the manifest at the workspace's root.
    """
    profiles = sorted({*_BUILT_IN_PROFILES, *workspace.get("profile", {}), *config.table("profile")})
    faults = list(_unknown_features(declaration, package))
    faults += _unknown_profile(declaration.profile, profiles, environ)
    all_tests = declaration.tests and declaration.bin is None
    name, wrong = (None, []) if all_tests else _bin(declaration, package)
    selection = Selection(
        package.id, name, declaration.features, declaration.default_features, declaration.profile, declaration.tests,
        declaration.doctests,
    )  # fmt: skip
    return selection, [*faults, *wrong]


def _bin(declaration: KernelDeclaration, package: Package) -> tuple[str, list[str]]:
    """The name of the binary, or what is wrong."""
    manifest, bins = declaration.manifest, package.bins
    if not bins:
        return "", [f"{manifest} has no binary: add src/main.rs, or a [[bin]] with its path."]
    name = declaration.bin or package.default_run or (bins[0] if len(bins) == 1 else None)
    if name is None:
        return "", [f'{manifest} has several binaries ({_list(bins)}): choose one, as in bin="{bins[0]}".']
    if name not in bins:
        return "", [f"binary '{name}' is not in {manifest} (it has: {_list(bins)}).{did_you_mean(name, bins)}"]
    return name, []


def _unknown_features(declaration: KernelDeclaration, package: Package) -> Iterator[str]:
    has = f"it has: {_list(package.features)}" if package.features else "it has none"
    for feature in declaration.features:
        # `crate/feature` is a dependency's: cargo knows.
        if "/" not in feature and feature not in package.features:
            guess = did_you_mean(feature, package.features)
            yield f"feature '{feature}' is not in {declaration.manifest} ({has}).{guess}"


def _unknown_profile(profile: str, known: Iterable[str], environ: Mapping[str, str]) -> Iterator[str]:
    if profile in known or any(
        name.startswith(f"CARGO_PROFILE_{profile.upper().replace('-', '_')}_") for name in environ
    ):
        return
    if profile == "debug":
        yield "profile 'debug' is called 'dev' in cargo."
    else:
        yield f"there is no profile '{profile}' (there are: {_list(known)}).{did_you_mean(profile, known)}"


def _list(names: Iterable[str]) -> str:
    return ", ".join(names)
