"""The hash that tells one unit's symbols and files from another's, the same in every checkout."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from .unit_graph import UnitGraph


def hashes(graph: UnitGraph, locations: Mapping[str, str], more: Sequence[Any]) -> tuple[str, ...]:
    """16 hex digits for each unit of GRAPH, from everything by which units that may lie side by side differ.

    LOCATIONS gives, by package id, a name of the package without a path of this machine in it; MORE says of each unit
    what its command has beside what the graph says. The profile's name is no difference: `cargo test` and `cargo build`
    share what they compile alike.
    """
    made = [""] * len(graph.units)
    for index in graph.used_first():
        unit = graph.units[index]
        fields = [name for name in type(unit.profile).__dataclass_fields__ if name != "name"]
        profile = [getattr(unit.profile, name) for name in fields]
        uses = sorted((dependency.extern_name, made[dependency.index]) for dependency in unit.dependencies)
        target = (unit.target.name, unit.target.kind, unit.target.crate_types, unit.target.edition)
        where = (locations[unit.package_id], unit.is_for_host, unit.mode)
        described = [where, target, profile, unit.features, uses, more[index]]
        made[index] = hashlib.sha256(json.dumps(described).encode()).hexdigest()[:16]
    return tuple(made)
