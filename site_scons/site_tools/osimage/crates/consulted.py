"""What decides a kernel's plan beside its declaration: manifests, configuration, lock, what cargo discovers."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePath

from .config import Config
from .metadata import Package
from .place import Place

_VARIABLES = ("HOME", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER")


def names(
    place: Place, folder: str, lock: str, packages: Iterable[Package], config: Config, more: Iterable[str]
) -> tuple[str, ...]:
    """The names of all that was or could have been consulted for the manifest in FOLDER, each once.

    A name is a file, relative to the project root or absolute where it lies outside; with `/` at its end it stands for
    the names in a folder, with `$` before it for an environment variable. LOCK and FOLDER are absolute; MORE are
    further such names.
    """
    found = [os.path.join(above, "Cargo.toml") for above in map(str, (PurePath(folder), *PurePath(folder).parents))]
    found += [*config.consulted, lock]
    for package in packages:
        found += [package.manifest, os.path.join(package.folder, "build.rs"), *_discovered(package.folder)]
    files = (place.shown(name) + ("/" if name.endswith("/") else "") for name in found)
    variables = (f"${name}" for name in (*_VARIABLES, *sorted(config.table("env"))))
    return tuple(dict.fromkeys((*files, *more, *variables)))


def external_links(packages: Iterable[Package], folders: Mapping[str, str], place: Place) -> Iterator[tuple[str, str]]:
    """(name, absolute folder) of each of PACKAGES that is reached through a link; FOLDERS are theirs, by id."""
    prefix = place.external("")
    for package in packages:
        if folders[package.id].startswith(prefix):
            yield folders[package.id].removeprefix(prefix), package.folder


def _discovered(folder: str) -> Iterator[str]:
    """The folders whose names say which targets the package in FOLDER has (The Cargo Book, "Target auto-discovery")."""
    source = os.path.join(folder, "src/")
    binaries = os.path.join(source, "bin/")
    yield source
    yield binaries
    if os.path.isdir(binaries):
        with os.scandir(binaries) as entries:
            yield from sorted(f"{entry.path}/" for entry in entries if entry.is_dir())
