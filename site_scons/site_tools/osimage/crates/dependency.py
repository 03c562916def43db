"""The crate `bootloader` among a kernel's dependencies, as `cargo metadata` has it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ..errors import OsimageError
from ..toolchain.cargo import Cargo

NAME = "bootloader"  # of the crate, or of what renames it


class LoaderCrate(NamedTuple):
    """The crate that a kernel depends on: its version, the features resolved for it, and the kernel's words for it."""

    version: str
    features: tuple[str, ...]
    table: Mapping[str, Any]  # the kernel's `[package.metadata.bootloader]`


class Described(NamedTuple):
    """A kernel's package: the crate, if it depends on it, and the files that decide this (absolute)."""

    loader: LoaderCrate | None
    consulted: tuple[str, ...]


def ask(cargo: Cargo, manifest: str, environ: Mapping[str, str]) -> Described:
    """What CARGO, which has just built the package of MANIFEST (absolute), says of it without a network.

    Raises:
        OsimageError: cargo refuses.
        ToolchainError: cargo cannot be started.
    """
    arguments = ("metadata", "--format-version=1", "--frozen", "--manifest-path", manifest)
    status, output, errors = cargo.run_in(os.path.dirname(manifest), arguments, environ)
    if status:
        raise OsimageError(f"cargo does not say what {manifest} depends on:\n{errors.strip()}")
    return described(json.loads(output), manifest)


def described(metadata: Mapping[str, Any], manifest: str) -> Described:
    """What METADATA, cargo's, say of the package whose manifest is MANIFEST (absolute)."""
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    kernel = next(package for package in packages.values() if os.path.samefile(package["manifest_path"], manifest))
    used = (entry for entry in nodes[kernel["id"]]["deps"] if _is_loader(entry, packages))
    found = next(used, None)
    loader = None
    if found is not None:
        said = kernel["metadata"]
        table = said.get(NAME, {}) if isinstance(said, Mapping) else {}
        if not isinstance(table, Mapping):
            raise OsimageError(f"{manifest}: [package.metadata.{NAME}] wants to be a table, not {table!r:.40}.")
        loader = LoaderCrate(packages[found["pkg"]]["version"], tuple(nodes[found["pkg"]]["features"]), table)
    return Described(loader, tuple(_consulted(metadata)))


def _is_loader(entry: Mapping[str, Any], packages: Mapping[str, Any]) -> bool:
    kinds = {kind["kind"] for kind in entry["dep_kinds"]}
    return None in kinds and NAME in (entry["name"], packages[entry["pkg"]]["name"])


def _consulted(metadata: Mapping[str, Any]) -> Iterator[str]:
    """The lock file and each manifest that a person may edit."""
    yield os.path.join(metadata["workspace_root"], "Cargo.lock")
    yield os.path.join(metadata["workspace_root"], "Cargo.toml")
    yield from (package["manifest_path"] for package in metadata["packages"] if package["source"] is None)
