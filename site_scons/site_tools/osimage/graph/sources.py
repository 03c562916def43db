"""Which files of a Cargo package count: the package's folder without nested packages, build folders and dot-folders."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable, Iterator

SKIPPED = frozenset({"target"})  # right below the package: cargo's
ENDS = frozenset({"Cargo.toml", "CACHEDIR.TAG"})  # a folder with one of these is another package, or built


def package_files(root: str, folder: str) -> Iterator[str]:
    """The files of the package in FOLDER (relative to ROOT), relative to ROOT, in no particular order.

    A folder below it with a Cargo.toml of its own is another package, and one with a CACHEDIR.TAG is a build folder,
    whatever its name. Links to files count by their content; links to folders are followed once, never in a circle.
    """
    start = "" if folder in (".", "") else f"{folder}/"
    waiting = [(start, frozenset[tuple[int, int]]())]
    while waiting:
        prefix, above = waiting.pop()
        here = os.path.join(root, prefix) or "."
        with os.scandir(here) as entries:
            listed = list(entries)
        top = prefix == start
        if not top and any(entry.name in ENDS for entry in listed):
            continue
        for entry in listed:
            if entry.is_file():
                yield prefix + entry.name
            elif entry.is_dir() and not (entry.name.startswith(".") or (top and entry.name in SKIPPED)):
                if entry.is_symlink():
                    stat = entry.stat()
                    identity = (stat.st_dev, stat.st_ino)
                    if identity in above:
                        continue
                    waiting.append((f"{prefix}{entry.name}/", above | {identity}))
                else:
                    waiting.append((f"{prefix}{entry.name}/", above))


def rust_names(root: str, folder: str) -> tuple[str, ...]:
    """The names of the package's `.rs` files, sorted: a new one can take the place of a module that was read."""
    return tuple(sorted(name for name in package_files(root, folder) if name.endswith(".rs")))


def others(files: Iterable[str]) -> list[str]:
    """Where else the module in each of FILES could be: `x/mod.rs` for `x.rs`, and the other way round.

    Of a module that was found, nothing else that appears can change what rustc takes (The Rust Reference, "Module
    source filenames").
    """
    found = []
    for file in files:
        if file.endswith("/mod.rs"):
            found.append(f"{posixpath.dirname(file)}.rs")
        elif file.endswith(".rs"):
            found.append(f"{file.removesuffix('.rs')}/mod.rs")
    return found
