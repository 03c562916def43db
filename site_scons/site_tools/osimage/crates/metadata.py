"""What `cargo metadata` says of packages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from .fault import FaultError

# Kinds of targets that are programs of their own; anything else is the package's library.
PROGRAMS = frozenset({"bin", "custom-build", "test", "bench", "example"})


@dataclass(frozen=True)
class Package:
    """A package: what its manifest says after workspace inheritance. `manifest` is absolute; `source` None for a path.

    `bins` are the names of its binaries, `targets` the kind and name of everything that it can be compiled to; `links`
    is the native library that its build script speaks for; `rust_version` the oldest compiler that it promises;
    `requires` the names and version requirements of what it depends on for itself, `tests_require` of what only its
    tests depend on; `variables` its CARGO_PKG_* variables. `features_said` are its features, each with those that it
    switches on; `required_features` the binaries that need some, each with these.
    """

    id: str
    name: str
    version: str
    source: str | None
    manifest: str
    features: tuple[str, ...]
    bins: tuple[str, ...]
    default_run: str | None
    targets: tuple[tuple[str, str], ...]
    links: str | None
    rust_version: str | None
    requires: tuple[tuple[str, str], ...]
    variables: tuple[tuple[str, str], ...]
    tests_require: tuple[tuple[str, str], ...] = ()
    features_said: tuple[tuple[str, tuple[str, ...]], ...] = ()
    required_features: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def folder(self) -> str:
        """The folder of its manifest, absolute."""
        return str(PurePath(self.manifest).parent)

    @property
    def is_external(self) -> bool:
        """Whether it comes from a registry or from git, so that nobody edits it."""
        return self.source is not None

    @property
    def has_library(self) -> bool:
        """Whether it has a `[lib]`."""
        return any(kind not in PROGRAMS for kind, _ in self.targets)


@dataclass(frozen=True)
class Metadata:
    """The packages by id, and the workspace: the ids of its members, its root folder (absolute)."""

    packages: Mapping[str, Package]
    members: tuple[str, ...]
    workspace_root: str


def parse(text: str) -> Metadata:
    """What `cargo metadata --format-version 1` prints.

    Raises:
        FaultError: it is no JSON.
    """
    try:
        described = json.loads(text)
    except ValueError:
        raise FaultError("`cargo metadata` printed no JSON, as cargo would. Use another compiler: RUSTC=…") from None
    packages = {package["id"]: _package(package) for package in described["packages"]}
    return Metadata(packages, tuple(described["workspace_members"]), described["workspace_root"])


def _package(described: Mapping[str, Any]) -> Package:
    return Package(
        id=described["id"],
        name=described["name"],
        version=described["version"],
        source=described["source"],
        manifest=described["manifest_path"],
        features=tuple(sorted(described["features"])),
        bins=tuple(target["name"] for target in described["targets"] if "bin" in target["kind"]),
        default_run=described["default_run"],
        targets=tuple((kind, target["name"]) for target in described["targets"] for kind in target["kind"]),
        links=described["links"],
        rust_version=described["rust_version"],
        requires=_requires(described, None),
        variables=_variables(described),
        tests_require=_requires(described, "dev"),
        features_said=tuple((name, tuple(said)) for name, said in sorted(described["features"].items())),
        required_features=tuple(
            (target["name"], tuple(target["required-features"]))
            for target in described["targets"]
            if "bin" in target["kind"] and target.get("required-features")
        ),
    )


def _requires(described: Mapping[str, Any], kind: str | None) -> tuple[tuple[str, str], ...]:
    return tuple((other["name"], other["req"]) for other in described["dependencies"] if other["kind"] == kind)


def _variables(described: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """The CARGO_PKG_* variables (The Cargo Book, "Environment variables Cargo sets for crates")."""
    version = described["version"].partition("+")[0]
    numbers, _, pre = version.partition("-")
    major, minor, patch = numbers.split(".")
    values = {
        "AUTHORS": ":".join(described["authors"]),
        "DESCRIPTION": described["description"],
        "HOMEPAGE": described["homepage"],
        "LICENSE": described["license"],
        "LICENSE_FILE": described["license_file"],
        "NAME": described["name"],
        "README": described["readme"],
        "REPOSITORY": described["repository"],
        "RUST_VERSION": described["rust_version"],
        "VERSION": described["version"],
        "VERSION_MAJOR": major,
        "VERSION_MINOR": minor,
        "VERSION_PATCH": patch,
        "VERSION_PRE": pre,
    }
    return tuple((f"CARGO_PKG_{name}", value or "") for name, value in values.items())
