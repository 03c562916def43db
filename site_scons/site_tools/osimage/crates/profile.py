"""A unit's profile, as cargo resolved it, and the flags that it means for rustc."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .fault import FaultError


@dataclass(frozen=True)
class Profile:
    """A profile with inheritance, overrides for packages and cargo's configuration already applied.

    `lto` is "false", "true", "off", "thin" or "fat". `strip` is "debuginfo", "symbols" or None.
    """

    name: str
    opt_level: str
    lto: str
    codegen_backend: str | None
    codegen_units: int | None
    debuginfo: int | str
    split_debuginfo: str | None
    debug_assertions: bool
    overflow_checks: bool
    rpath: bool
    panic: str
    strip: str | None
    incremental: bool
    rustflags: tuple[str, ...]


# A setting of cargo's that is no business of a rustc call of ours: every path is remapped already.
_IGNORED = frozenset({"trim_paths"})


def parse(described: Mapping[str, Any]) -> Profile:
    """The profile of a unit in cargo's unit graph.

    Raises:
        FaultError: it says something that is not known here.
    """
    known = {name: described[name] for name in Profile.__dataclass_fields__ if name in described}
    for name, value in described.items():
        if name not in known and name not in _IGNORED and value not in (None, False, [], {}):
            raise FaultError(f"the profile setting '{name.replace('_', '-')}' is not supported.")
    strip = described["strip"]  # {"resolved": {"Named": "symbols"}}, {"resolved": "None"}, {"deferred": "None"}
    named = next(iter(strip.values())) if isinstance(strip, Mapping) else strip
    known["strip"] = named["Named"] if isinstance(named, Mapping) else None
    known["rustflags"] = tuple(described.get("rustflags", ()))
    return Profile(**known)


def optimisation_flags(profile: Profile, lto: tuple[str, ...]) -> Iterator[str]:
    """The flags before the lints, in cargo's order; LTO are those of `lto.flags`."""
    if profile.opt_level != "0":
        yield f"-Copt-level={profile.opt_level}"
    if profile.panic != "unwind":
        yield f"-Cpanic={profile.panic}"
    yield from lto
    if profile.codegen_backend is not None:
        yield f"-Zcodegen-backend={profile.codegen_backend}"
    if profile.codegen_units is not None:
        yield f"-Ccodegen-units={profile.codegen_units}"
    if profile.debuginfo not in (0, "none"):
        yield f"-Cdebuginfo={profile.debuginfo}"
    if profile.split_debuginfo is not None:
        yield f"-Csplit-debuginfo={profile.split_debuginfo}"


def assertion_flags(profile: Profile) -> Iterator[str]:
    """The flags of assertions, only where they differ from what the optimisation level implies."""
    implied = profile.opt_level == "0"
    if profile.debug_assertions != implied:
        yield f"-Cdebug-assertions={_switch(profile.debug_assertions)}"
    # rustc checks overflow as it checks debug assertions, unless told otherwise.
    if profile.overflow_checks != profile.debug_assertions:
        yield f"-Coverflow-checks={_switch(profile.overflow_checks)}"


def linking_flags(profile: Profile) -> Iterator[str]:
    """The flags near the end of the command."""
    if profile.strip is not None:
        yield f"-Cstrip={profile.strip}"


def _switch(on: bool) -> str:
    return "on" if on else "off"
