"""Unit graphs as cargo would write them, for tests of what is made of one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from osimage.crates import unit_graph

PROFILE = {
    "name": "dev",
    "opt_level": "0",
    "lto": "false",
    "codegen_backend": None,
    "codegen_units": None,
    "debuginfo": 2,
    "split_debuginfo": None,
    "debug_assertions": True,
    "overflow_checks": True,
    "rpath": False,
    "incremental": True,
    "panic": "unwind",
    "strip": {"deferred": "None"},
}


def unit(
    name: str, kinds: str = "lib", *uses: int, lto: str = "false", platform: str | None = "x.json", mode: str = "build"
) -> dict[str, Any]:
    """The unit that compiles the target of all KINDS in the package NAME, and USES others, by index."""
    target = {
        "kind": kinds.split(),
        "crate_types": kinds.split(),
        "name": name,
        "src_path": f"/p/{name}.rs",
        "edition": "2024",
    }
    return {
        "pkg_id": name,
        "target": target,
        "profile": PROFILE | {"lto": lto},
        "platform": platform,
        "mode": mode,
        "features": [],
        "dependencies": [{"index": used, "extern_crate_name": f"crate{used}", "public": False} for used in uses],
    }


def graph(*units: Mapping[str, Any], version: int = 1) -> unit_graph.UnitGraph:
    """The graph of UNITS, whose root is the last."""
    return unit_graph.parse(json.dumps({"version": version, "units": units, "roots": [len(units) - 1]}))
