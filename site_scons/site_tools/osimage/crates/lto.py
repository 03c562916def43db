"""What link-time optimisation asks of each unit: which crates are made as machine code, as bitcode, or as both."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from .unit_graph import Unit, UnitGraph

# What a unit is made as. RUN+mode: it is optimised at link time itself.
OBJECT, BITCODE, BOTH, OFF = "object", "bitcode", "both", "off"
RUN = "run"

_FLAGS = {OBJECT: ("-Cembed-bitcode=no",), BITCODE: ("-Clinker-plugin-lto",), BOTH: (),
          OFF: ("-Clto=off", "-Cembed-bitcode=no"), RUN: ("-Clto",)}  # fmt: skip

_LINKED = frozenset({"bin", "staticlib", "cdylib"})  # where LTO can run
_DYNAMIC = frozenset({"dylib", "cdylib", "proc-macro"})


def needs(graph: UnitGraph) -> tuple[str, ...]:
    """What each unit of GRAPH is made as, by cargo's rules: a library is what all that use it want."""
    wanted: list[set[str]] = [set() for _ in graph.units]
    made = [""] * len(graph.units)
    for index in graph.users_first():
        unit = graph.units[index]
        made[index] = _made_as(unit, wanted[index])
        for dependency in unit.dependencies:
            wanted[dependency.index].add(made[index])
    return tuple(made)


def is_asked_for(profiles: Iterable[Mapping[str, Any]], environ: Mapping[str, str]) -> bool:
    """Whether a profile in tables of PROFILES, by name, or ENVIRON asks for optimisation at link time.

    A profile may do so in flags of its own, also in those for single packages.
    """
    tables = [profile for table in profiles for profile in table.values() if isinstance(profile, Mapping)]
    said = [profile.get("lto", False) for profile in tables]
    said += [value for name, value in environ.items() if name.startswith("CARGO_PROFILE_") and name.endswith("_LTO")]
    flags = [str(profile.get(key)) for profile in tables for key in ("rustflags", "package")]
    return any(str(value).lower() not in ("false", "off") for value in said) or any("lto" in flag for flag in flags)


def is_done(made: Iterable[str]) -> bool:
    """Whether any unit that is MADE so, as `needs` says, is optimised at link time."""
    return any(need.startswith(RUN) for need in made)


def flags(need: str) -> tuple[str, ...]:
    """The flags of a unit that is made as NEED."""
    kind, _, mode = need.partition("+")
    return (f"-Clto={mode}",) if mode else _FLAGS[kind]


def _made_as(unit: Unit, wanted: Collection[str]) -> str:
    if unit.is_script or unit.is_script_run or unit.target.is_proc_macro:
        return OBJECT
    return _own(("bin",) if unit.is_test or unit.is_doctest else unit.target.crate_types, unit.profile.lto, wanted)


def _own(crate_types: Collection[str], lto: str, wanted: Collection[str]) -> str:
    if all(kind in _LINKED for kind in crate_types):
        if lto in ("true", "false", "off"):
            return {"true": RUN, "false": OBJECT, "off": OFF}[lto]
        return f"{RUN}+{lto}"
    if not wanted:  # a library built for itself
        return {"false": OBJECT, "off": OFF}.get(lto) or _for_user(crate_types, BITCODE)
    return _merged({_for_user(crate_types, user) for user in wanted})


def _for_user(crate_types: Collection[str], user: str) -> str:
    """What a library is made as for one USER."""
    linked = any(kind in _LINKED | _DYNAMIC for kind in crate_types)
    if user.startswith(RUN) or (user == BITCODE and linked):
        return BOTH if linked else BITCODE
    return user


def _merged(wanted: set[str]) -> str:
    if len(wanted) == 1:
        return next(iter(wanted))
    wanted = wanted - {OFF} if OFF in wanted else wanted
    return next(iter(wanted)) if len(wanted) == 1 else BOTH
