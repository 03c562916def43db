"""From where a step reads a package: its own folder, or a link to it where it lies outside the project."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping

from .metadata import Package
from .place import Place


def folders(packages: Iterable[Package], place: Place) -> dict[str, str]:
    """The folder of each of PACKAGES, by id, relative to the project root.

    Packages outside of one name and version, from several sources or from git, are told apart by their source.
    """
    found: dict[str, str] = {}
    outside: dict[str, list[Package]] = {}
    for package in packages:
        inside = place.relative(package.folder)
        if inside is not None:
            found[package.id] = inside
        else:
            outside.setdefault(f"{package.name}-{package.version}", []).append(package)
    for name, alike in outside.items():
        for package in alike:
            plain = len(alike) == 1 and not (package.source or "").startswith("git+")
            link = name if plain else f"{name}-{_origin(package, place)}"
            found[package.id] = place.external(link)
    return found


def links(packages: Iterable[Package], folders: Mapping[str, str], place: Place) -> Iterator[tuple[str, str]]:
    """(name, absolute folder) of each of PACKAGES that is reached through a link; FOLDERS are theirs, by id."""
    prefix = place.external("")
    for package in packages:
        if folders[package.id].startswith(prefix):
            yield folders[package.id].removeprefix(prefix), package.folder


def size(root_file: str) -> int:
    """The bytes of the Rust files in the folder of a crate's ROOT_FILE (absolute) and below."""
    paths = (os.path.join(folder, name) for folder, _, names in os.walk(os.path.dirname(root_file)) for name in names)
    return sum(os.path.getsize(path) for path in paths if path.endswith(".rs") and os.path.isfile(path))


def _origin(package: Package, place: Place) -> str:
    """What tells the source of PACKAGE from another, the same on every machine."""
    return hashlib.sha256((package.source or place.beside(package.folder)).encode()).hexdigest()[:8]
