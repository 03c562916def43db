"""What decides a kernel's plan beside its declaration: manifests, configuration, lock, what cargo discovers."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import PurePath

from .config import Config
from .metadata import Package
from .place import Place

# What cargo takes where a manifest does not say (The Cargo Book, "The build field", "The readme field").
_FOUND_BY_NAME = ("build.rs", "README.md", "README.txt", "README")
_VARIABLES = ("HOME", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER")


def names(
    place: Place, folder: str, lock: str, packages: Iterable[Package], config: Config, more: Iterable[str]
) -> tuple[str, ...]:
    """The names of all that was or could have been consulted for the manifest in FOLDER, each once.

    A name is a file, relative to the project root or absolute where it lies outside; with `/` at its end it stands for
    the names in a folder, with `$` before it for an environment variable. LOCK and FOLDER are absolute; MORE are
    further such names. Of PACKAGES that nobody edits only the manifest is looked at: it is gone when they are.
    """
    found = [*_manifests(folder), os.path.join(os.path.dirname(lock), "Cargo.toml"), *config.consulted, lock]
    for package in packages:
        found.append(package.manifest)
        if not package.is_external:
            found += _manifests(package.folder)  # its workspace may be another one
            found += [os.path.join(package.folder, name) for name in _FOUND_BY_NAME]
            found += _discovered(package.folder)
    files = (place.shown(name) + ("/" if name.endswith("/") else "") for name in found)
    variables = (f"${name}" for name in (*_VARIABLES, *sorted(config.table("env"))))
    return tuple(dict.fromkeys((*files, *more, *variables)))


def _manifests(folder: str) -> list[str]:
    """The manifests in FOLDER and above it, one of which may be the workspace's."""
    return [os.path.join(above, "Cargo.toml") for above in map(str, (PurePath(folder), *PurePath(folder).parents))]


def _discovered(folder: str) -> Iterator[str]:
    """The folders whose names say which targets the package in FOLDER has (The Cargo Book, "Target auto-discovery")."""
    source = os.path.join(folder, "src/")
    yield source
    for targets in (os.path.join(source, "bin/"), os.path.join(folder, "tests/")):
        yield targets
        if os.path.isdir(targets):
            with os.scandir(targets) as entries:
                yield from sorted(f"{entry.path}/" for entry in entries if entry.is_dir())
