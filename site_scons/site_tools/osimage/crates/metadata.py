"""What `cargo metadata` says of packages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from .fault import FaultError


@dataclass(frozen=True)
class Package:
    """A package: what its manifest says after workspace inheritance. `manifest` is absolute; `source` None for a path.

    `bins` are the names of its binaries; `variables` its CARGO_PKG_* variables.
    """

    id: str
    name: str
    version: str
    source: str | None
    manifest: str
    features: tuple[str, ...]
    bins: tuple[str, ...]
    default_run: str | None
    variables: tuple[tuple[str, str], ...]

    @property
    def folder(self) -> str:
        """The folder of its manifest, absolute."""
        return str(PurePath(self.manifest).parent)


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
        variables=_variables(described),
    )


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
