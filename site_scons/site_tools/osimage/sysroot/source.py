"""The crates of the standard library that a kernel can have, as their manifests in rust-src describe them."""

from __future__ import annotations

import posixpath
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Where rust-src is reached from the project root.
LINK = "rust-src"

# Folders outside a crate's own `src` whose files it takes in by `#[path]` or `include_str!`, relative to the library.
BESIDE: Mapping[str, tuple[str, ...]] = {
    "core": ("stdarch/crates/core_arch/src", "portable-simd/crates/core_simd/src"),
    "compiler_builtins": ("compiler-builtins/libm/src",),
}


# As cargo's build-std would have it: compiler_builtins as the compiler's own, with memcpy and its kin.
WANTED: Mapping[str, tuple[str, ...]] = {"compiler_builtins": ("compiler-builtins", "mem")}


@dataclass(frozen=True)
class LibraryCrate:
    """A crate of the library: its folder, relative to the library, and what its Cargo.toml says."""

    name: str
    folder: str
    version: str
    edition: str
    features: tuple[str, ...]  # those that it is compiled with
    links: str
    trees: tuple[str, ...]  # every folder that it is compiled from, relative to the library
    script: tuple[str, ...]  # its build script and the files that this may take in, relative to the library

    @property
    def root(self) -> str:
        """Its first source file, relative to the library."""
        return f"{self.folder}/src/lib.rs"


@dataclass(frozen=True)
class Library:
    """What a kernel can have of the standard library, and the manifests and folders that say so (absolute paths)."""

    core: LibraryCrate
    compiler_builtins: LibraryCrate
    alloc: LibraryCrate
    consulted: tuple[str, ...]


def read(library: str) -> Library:
    """The crates in LIBRARY, the absolute path of rust-src's folder `library`.

    Raises:
        ValueError: it is not the library of a compiler that we can build; the message is for the person.
    """
    folder = Path(library)
    alloc = _manifest(folder, "alloc")
    paths = {
        name: posixpath.normpath(f"alloc/{entry['path']}")
        for name, entry in alloc.get("dependencies", {}).items()
        if isinstance(entry, dict) and isinstance(entry.get("path"), str)
    }
    for name in ("core", "compiler_builtins"):
        if name not in paths:
            raise ValueError(
                f"alloc/Cargo.toml in rust-src names no path to {name}: this library is too old or too new."
            )
    core, builtins = (_crate(folder, name, paths[name]) for name in ("core", "compiler_builtins"))
    crates = (core, builtins, _crate(folder, "alloc", "alloc"))
    manifests = (f"{library}/{crate.folder}/Cargo.toml" for crate in crates)
    return Library(*crates, (*manifests, *(f"{library}/{root}/" for root in _roots(builtins.trees))))


def _roots(trees: Iterable[str]) -> list[str]:
    """The folders of the packages whose sources are TREES; build scripts lie in them, beside the manifests."""
    return [posixpath.dirname(tree) for tree in trees]


def _crate(library: Path, name: str, folder: str) -> LibraryCrate:
    manifest = _manifest(library, folder)
    package = manifest["package"]
    trees = [f"{folder}/src", *(tree for tree in BESIDE.get(name, ()) if (library / tree).is_dir())]
    try:
        features = enabled(manifest.get("features", {}), WANTED.get(name, ()))
    except KeyError as error:
        raise ValueError(f"{name} in rust-src has no feature {error}: this library is too old or too new.") from None
    script = tuple(
        sorted(str(path.relative_to(library)) for beside in _roots(trees) for path in library.glob(f"{beside}/*.rs"))
    )
    links = str(package.get("links", ""))
    return LibraryCrate(name, folder, package["version"], package["edition"], features, links, tuple(trees), script)


def enabled(declared: Mapping[str, Sequence[str]], wanted: Iterable[str]) -> tuple[str, ...]:
    """The features that WANTED and the default ones switch on, sorted, as a manifest has them DECLARED.

    Raises:
        KeyError: a wanted one is not declared.
    """
    found: set[str] = set()
    waiting = [*wanted, *declared.get("default", ())]
    while waiting:
        feature = waiting.pop()
        if feature not in found and not feature.startswith("dep:") and "/" not in feature:
            found.add(feature)
            waiting += declared[feature]
    return tuple(sorted(found))


def _manifest(library: Path, folder: str) -> dict[str, Any]:
    path = library / folder / "Cargo.toml"
    try:
        manifest = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(
            f"{folder}/Cargo.toml in rust-src cannot be read: {error.strerror}. Install rust-src again."
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{folder}/Cargo.toml in rust-src is damaged: {error}. Install rust-src again.") from None
    package = manifest.get("package", {})
    for key in ("edition", "version"):
        if not isinstance(package.get(key), str):
            raise ValueError(f"{folder}/Cargo.toml in rust-src has no {key}: this library is too old or too new.")
    return manifest
