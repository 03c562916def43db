"""Rust flags from all the places where cargo finds them, by cargo's ranking."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import cfg
from .config import Config
from .fault import FaultError

# Asks the compiler for its cfg lines with some flags.
CfgOf = Callable[[tuple[str, ...]], Sequence[str]]

_TURNS = 10  # flags may set a cfg that selects flags; cargo's limit is lower, and one turn is the rule

# Options of rustc that change the code of every crate of an image, core included. What only matters for one crate
# (debuginfo, optimisation, lints, cfg) or for the link is not among them.
_CODE_OPTIONS = frozenset({
    "code-model", "relocation-model", "target-cpu", "target-feature", "tune-cpu", "tls-model", "llvm-args",
    "no-redzone", "soft-float", "force-frame-pointers", "force-unwind-tables", "jump-tables", "no-jump-tables",
    "control-flow-guard", "cf-protection", "branch-protection", "stack-protector", "sanitizer", "function-return",
    "retpoline", "retpoline-external-thunk", "harden-sls", "indirect-branch-cs-prefix",
    "regparm", "reg-struct-return", "fixed-x18", "direct-access-external-data", "plt", "small-data-threshold",
    "patchable-function-entry", "instrument-mcount", "instrument-xray", "min-function-alignment", "use-ctors-section",
})  # fmt: skip


# By which variables a person gives each kind of flags, instead of by configuration; the first that is there counts.
VARIABLES = {
    "rustflags": ("CARGO_ENCODED_RUSTFLAGS", "RUSTFLAGS"),
    "rustdocflags": ("CARGO_ENCODED_RUSTDOCFLAGS", "RUSTDOCFLAGS"),
}


@dataclass(frozen=True)
class Found:
    """Flags, and where they were found, for people (`RUSTFLAGS`, `.cargo/config.toml`)."""

    flags: tuple[str, ...]
    origin: str


def find(config: Config, environ: Mapping[str, str], target: str, cfg_of: CfgOf, key: str = "rustflags") -> Found:
    """The flags for the crates of TARGET (the stem of its JSON file); the first place that has any counts.

    These are CARGO_ENCODED_RUSTFLAGS, RUSTFLAGS, `target.*.rustflags` (all that fit, joined), `build.rustflags` (The
    Cargo Book, "build.rustflags"). CARGO_TARGET_<TARGET>_RUSTFLAGS and CARGO_BUILD_RUSTFLAGS add to their tables.
    The KEY "rustdocflags" gives those for rustdoc, which no condition selects.

    Raises:
        FaultError: a setting is neither a text nor a list of texts.
    """
    encoded, name = VARIABLES[key]
    if encoded in environ:
        return Found(tuple(environ[encoded].split("\x1f")) if environ[encoded] else (), encoded)
    if name in environ:
        return Found(tuple(environ[name].split()), name)
    for_target = _at(config, environ, ("target", target), key, f"{target_variable(target)}_{name}")
    if key == "rustflags":
        for_target = _with_conditions(for_target, config, cfg_of)
    return for_target if for_target.flags else _at(config, environ, ("build",), key, f"CARGO_BUILD_{name}")


def code_flags(flags: Sequence[str]) -> tuple[str, ...]:
    """Those of FLAGS that change the code of every crate of an image, each as one word: `-Ccode-model=kernel`."""
    return tuple(
        flag for flag in joined(flags) if flag[:2] in ("-C", "-Z") and flag[2:].partition("=")[0] in _CODE_OPTIONS
    )


def joined(flags: Sequence[str]) -> Iterator[str]:
    """FLAGS with `-C`, `-Z` and their values in one word and `-` for `_` in the option's name."""
    words = iter(flags)
    for word in words:
        if word in ("-C", "-Z", "--codegen"):
            said = f"{'-Z' if word == '-Z' else '-C'}{next(words, '')}"
        else:
            said = f"-C{word.removeprefix('--codegen=')}" if word.startswith("--codegen=") else word
        option, equals, value = said.partition("=")
        yield f"{option.replace('_', '-')}{equals}{value}" if said[:2] in ("-C", "-Z") else said


def target_variable(target: str) -> str:
    """What the names of the variables start with that configure TARGET."""
    return f"CARGO_TARGET_{target.upper().replace('-', '_').replace('.', '_')}"


def _with_conditions(own: Found, config: Config, cfg_of: CfgOf) -> Found:
    """The flags of `target.TARGET`, its OWN, and of every `target.'cfg(…)'` that holds, in the order of their names."""
    conditional = {
        key: _at(config, {}, ("target", key), "rustflags", "")
        for key in sorted(config.table("target"))
        if key.startswith("cfg(") and "rustflags" in config.table("target", key)
    }
    found = own
    for _ in range(_TURNS if conditional else 0):
        lines = frozenset(cfg_of(found.flags))
        parts = [own, *(part for key, part in conditional.items() if cfg.matches(key, lines))]
        flags = tuple(flag for part in parts for flag in part.flags)
        if flags == found.flags:
            break
        found = Found(flags, next(part.origin for part in parts if part.flags))
    return found


def _at(config: Config, environ: Mapping[str, str], keys: tuple[str, ...], name: str, variable: str) -> Found:
    origin = config.origin(*keys, name)
    said = _texts(config.table(*keys).get(name, []), f"{origin}: {'.'.join(keys)}.{name}")
    more = environ.get(variable, "").split()
    return Found((*said, *more), origin if said else variable if more else "")


def _texts(value: Any, name: str) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(value.split())
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    raise FaultError(f"{name} wants a text or a list of texts.")
