"""The hash that tells one unit's symbols and files from another's, the same in every checkout."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from .unit_graph import UnitGraph


def hashes(graph: UnitGraph, locations: Mapping[str, str]) -> tuple[str, ...]:
    """16 hex digits for each unit of GRAPH, from everything by which units of one graph differ.

    LOCATIONS gives, by package id, a name of the package without a path of this machine in it.
    """
    made = [""] * len(graph.units)
    for index in graph.used_first():
        unit = graph.units[index]
        profile = [getattr(unit.profile, name) for name in type(unit.profile).__dataclass_fields__]
        uses = sorted((dependency.extern_name, made[dependency.index]) for dependency in unit.dependencies)
        target = (unit.target.name, unit.target.kind, unit.target.crate_types, unit.target.edition)
        described = [locations[unit.package_id], target, profile, unit.platform is None, unit.mode, unit.features, uses]
        made[index] = hashlib.sha256(json.dumps(described).encode()).hexdigest()[:16]
    return tuple(made)
