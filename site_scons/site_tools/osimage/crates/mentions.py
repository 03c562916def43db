"""Which units may use the crate alloc: the others need not wait for it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from .metadata import Package
from .unit_graph import UnitGraph

_NAMED = re.compile(rb"(?<![A-Za-z0-9_])alloc(?![A-Za-z0-9_])")
_COMMENT = re.compile(rb"^[ \t]*//.*$", re.MULTILINE)
# Files of a package that are never Rust: cargo's, and documentation.
_NO_SOURCE = (".toml", ".toml.orig", ".lock", ".md")


def units(graph: UnitGraph, packages: Mapping[str, Package]) -> frozenset[int]:
    """The units of GRAPH that may load the crate alloc: those of the project's own code, which may change without a new
    plan, those whose source names it, or may lie in part outside its folder, as it may where a package is not packed
    for a registry, and all that use such a unit, if only by a macro or by what a script wrote.
    """
    named = {identity for identity, package in packages.items() if not _is_packed(package) or _names(package.folder)}
    found: dict[int, bool] = {}

    def may(index: int) -> bool:
        if index not in found:
            unit = graph.units[index]
            found[index] = unit.package_id in named or any(may(used.index) for used in unit.dependencies)
        return found[index]

    return frozenset(index for index in range(len(graph.units)) if may(index))


def _is_packed(package: Package) -> bool:
    return package.source is not None and not package.source.startswith("git+")


def _names(folder: str) -> bool:
    """Whether a source in FOLDER has the word alloc outside of comments, or nobody knows."""
    for above, inner, names in os.walk(folder):
        if any(os.path.islink(f"{above}/{name}") for name in inner):
            return True
        for name in names:
            if name.endswith(_NO_SOURCE):
                continue
            try:
                text = Path(above, name).read_bytes()
            except OSError:
                return True
            if _NAMED.search(text) and _NAMED.search(_COMMENT.sub(b"", text)):
                return True
    return False
