"""Which units of a graph can be compiled here; the rest is named instead of being built wrongly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .metadata import Package
from .place import Place
from .unit_graph import Unit, UnitGraph

_FOR_TARGET = frozenset({"bin", "lib", "rlib", "staticlib"})
_FOR_HOST = frozenset({"bin", "lib", "rlib", "proc-macro"})
_MODES = frozenset({"build", "test", "doctest", "run-custom-build"})


def faults(graph: UnitGraph, packages: Mapping[str, Package], place: Place) -> Iterator[str]:
    """A sentence for each kind of unit in GRAPH that is not supported, with the names of all of that kind."""
    named: dict[str, dict[str, None]] = {}
    for index in graph.used_first():
        unit = graph.units[index]
        found = _unsupported(unit, packages[unit.package_id], place)
        if found is not None:
            named.setdefault(found[0], {})[found[1]] = None
    for what, names in named.items():
        yield f"{what} not supported yet: {', '.join(names)}."


def _unsupported(unit: Unit, package: Package, place: Place) -> tuple[str, str] | None:
    """What cannot be built, and the name of this one; None where it can be."""
    target = unit.target
    known = _FOR_HOST if unit.is_for_host else _FOR_TARGET if not unit.is_script_run else _FOR_TARGET | _FOR_HOST
    unknown = next((kind for kind in target.crate_types if kind not in known), None)
    if unknown is not None:
        what = f"the crate type {unknown} {'for the machine that builds ' if unit.is_for_host else ''}is"
    elif unit.mode not in _MODES or (unit.is_doctest and unit.is_for_host):
        what = f"the mode {unit.mode} {'for the machine that builds ' if unit.is_for_host else ''}is"
    else:
        return None
    root = f" ({place.shown(target.src_path)})" if not package.is_external else ""
    return what, f"{package.name} {package.version}{root}"
