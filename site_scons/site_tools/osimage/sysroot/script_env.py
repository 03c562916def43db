"""The variables that cargo sets for a build script of the standard library."""

from __future__ import annotations

from collections.abc import Iterable

from .source import LibraryCrate

Env = tuple[tuple[str, str], ...]


def script_env(crate: LibraryCrate, target: str, host: str, cfg: Iterable[str], opt_level: str) -> Env:
    """The variables, sorted, for the build script of CRATE on a release build for TARGET.

    CFG are the lines of `rustc --print cfg`: each, a bare flag too, becomes a `CARGO_CFG_` variable, a repeated one a
    list with commas. OUT_DIR and CARGO_MANIFEST_DIR, which are absolute, are added where the script runs. Source: the
    Cargo Book, "Environment variables Cargo sets for build scripts".
    """
    values: dict[str, list[str]] = {"FEATURE": list(crate.features)}
    for line in cfg:
        name, equals, value = line.partition("=")
        values.setdefault(_upper(name), []).extend([value.strip('"')] if equals else [])
    variables = {
        "CARGO_MANIFEST_LINKS": crate.links,
        "CARGO_PKG_NAME": crate.name,
        "CARGO_PKG_VERSION": crate.version,
        "DEBUG": "false",
        "HOST": host,
        "NUM_JOBS": "1",
        "OPT_LEVEL": opt_level,
        "PROFILE": "release",
        "TARGET": target,
        **{f"CARGO_CFG_{name}": ",".join(words) for name, words in values.items()},
        **{f"CARGO_FEATURE_{_upper(name)}": "1" for name in values["FEATURE"]},
    }
    return tuple(sorted(variables.items()))


def _upper(name: str) -> str:
    return name.upper().replace("-", "_")
