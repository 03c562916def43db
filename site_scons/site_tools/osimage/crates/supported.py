"""Which units of a graph can be compiled here; the rest is named instead of being built wrongly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .metadata import Package
from .place import Place
from .unit_graph import Unit, UnitGraph

_CRATE_TYPES = frozenset({"bin", "lib", "rlib", "staticlib"})


def faults(graph: UnitGraph, packages: Mapping[str, Package], place: Place) -> Iterator[str]:
    """A sentence for each kind of unit in GRAPH that is not supported, with the names of all of that kind."""
    named: dict[str, dict[str, None]] = {}
    for unit in graph.units:
        found = _unsupported(unit, packages[unit.package_id], place)
        if found is not None:
            named.setdefault(found[0], {})[found[1]] = None
    for what, names in named.items():
        yield f"{what} not supported yet: {', '.join(names)}."


def _unsupported(unit: Unit, package: Package, place: Place) -> tuple[str, str] | None:
    """What cannot be built, and the name of this one; None where it can be."""
    target = unit.target
    unknown = [kind for kind in target.crate_types if kind not in _CRATE_TYPES]
    reasons = (
        (package.source is not None, f"crates from {_origin(package.source)} are"),
        ("custom-build" in target.kind, "build scripts are"),
        ("proc-macro" in target.kind, "procedural macros are"),
        (bool(unknown), f"the crate type {next(iter(unknown), '')} is"),
        (unit.mode != "build", f"the mode {unit.mode} is"),
        (unit.platform is None, "crates compiled for the machine that builds are"),
    )
    what = next((reason for applies, reason in reasons if applies), None)
    if what is None:
        return None
    root = f" ({place.shown(target.src_path)})" if package.source is None else ""
    return what, f"{package.name} {package.version}{root}"


def _origin(source: str | None) -> str:
    return "git" if (source or "").startswith("git+") else "a registry"
