"""The environment variables that cargo sets for a build script while it runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from .metadata import Package
from .unit_graph import Unit

_RELEASE = frozenset({"release", "bench"})
_DEBUG = frozenset({"dev", "test"})


def of_run(
    unit: Unit, package: Package, target: str, host: str, cfg: Iterable[str], rustflags: Sequence[str], root: str
) -> dict[str, str]:
    """The variables of UNIT, a run of PACKAGE's script, that are the same on every machine and in every folder.

    TARGET is the name of what it prepares for, HOST that of the machine that builds; CFG are the lines of `rustc
    --print cfg` for the target with RUSTFLAGS; ROOT is the built-in profile, `dev` or `release`, that the unit's one
    inherits from. (The Cargo Book, "Environment variables Cargo sets for build scripts")
    """
    values = dict(package.variables)
    values |= {
        "CARGO_ENCODED_RUSTFLAGS": "\x1f".join(rustflags),
        "DEBUG": "false" if unit.profile.debuginfo in (0, "none") else "true",
        "HOST": host,
        "OPT_LEVEL": unit.profile.opt_level,
        "PROFILE": "release" if root in _RELEASE else "debug",
        "TARGET": target,
    }
    if package.links is not None:
        values["CARGO_MANIFEST_LINKS"] = package.links
    values |= {f"CARGO_FEATURE_{upper(feature)}": "1" for feature in unit.features}
    return values | dict(_cfg(unit, cfg))


def root_of(profile: str, profiles: Mapping[str, Mapping[str, object]]) -> str:
    """The built-in profile that PROFILE inherits from in the end; PROFILES are those that are declared."""
    seen = set()
    while profile not in _RELEASE | _DEBUG and profile not in seen:
        seen.add(profile)
        profile = str(profiles.get(profile, {}).get("inherits", "dev"))
    return profile


def upper(name: str) -> str:
    """NAME as part of a variable's name."""
    return name.upper().replace("-", "_")


def _cfg(unit: Unit, cfg: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The CARGO_CFG_ variables of CFG, a repeated name as a list with commas, and of what the profile switches."""
    values: dict[str, list[str]] = {"feature": list(unit.features)}
    if unit.profile.debug_assertions:
        values["debug_assertions"] = []
    for line in cfg:
        name, equals, value = line.partition("=")
        if name != "debug_assertions":
            values.setdefault(name, []).extend([value.strip('"')] if equals else [])
    for name, words in values.items():
        yield f"CARGO_CFG_{upper(name)}", ",".join(words)
