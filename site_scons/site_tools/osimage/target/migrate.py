"""A target spec written for an earlier (or later) compiler, brought to what the compiler in use understands.

What needs a change is decided by the compiler's own schema, never by its version: a rule applies only where the schema
refuses what is there and takes what the rule makes of it. So the same rules serve in both directions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .schema import Checker, shown, type_of

# How a value reads when its key or its spelling has changed; None leaves the key out.
Convert = Callable[[Any], Any]


def _same(value: Any) -> Any:
    return value


def _flag(yes: str, no: str | None = None) -> Convert:
    """A truth value that has become a word."""
    return lambda value: (yes if value else no) if isinstance(value, bool) else None


# Keys with another name today, and what becomes of the value.
RENAMED: Mapping[str, tuple[str, Convert]] = {
    "eliminate-frame-pointer": ("frame-pointer", _flag("may-omit", "always")),
    "has-elf-tls": ("has-thread-local", _same),
    "needs-plt": ("plt-by-default", _same),
    "is-like-osx": ("is-like-darwin", _same),
    "dwarf-version": ("default-dwarf-version", _same),
    "default-hidden-visibility": ("default-visibility", _flag("hidden")),
}

# Keys of earlier compilers that say nothing about a freestanding program: it compiles the same without them.
REMOVED = frozenset({
    "abi-blacklist", "bitcode-llvm-cmdline", "custom-unwind-resume", "default-adjusted-cabi", "forces-embed-bitcode",
    "is-builtin", "is-like-emscripten", "is-like-fuchsia", "is-like-openbsd", "no-compiler-rt", "no-integrated-as",
    "unsupported-abis",
})  # fmt: skip

# Spellings of one value, oldest and newest in any order: the first that the compiler takes is used.
SPELLINGS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "rustc-abi": (("softfloat", "x86-softfloat"),),
    "linker-flavor": (
        ("gnu-lld", "ld.lld"), ("gnu", "ld"), ("gnu-cc", "gcc"), ("darwin-lld", "ld64.lld"), ("msvc-lld", "lld-link"),
        ("wasm-lld", "wasm-ld"),
    ),
}  # fmt: skip

# Values that meant "as if the key were not there".
DEFAULTS = {"code-model": "default", "relocation-model": "default"}

# Numbers today, strings for compilers up to 1.90.
WIDTHS = ("target-pointer-width", "target-c-int-width")

# Truth values in quotes, which earlier compilers passed over with a warning at most.
TRUTHS = {"true": True, "false": False}

# Before it had kinds, the key only said whether the stack is probed.
STACK_PROBES = {True: {"kind": "inline"}, False: {"kind": "none"}}


def migrate(spec: Mapping[str, Any], checker: Checker) -> tuple[dict[str, Any], list[str]]:
    """SPEC as the compiler of CHECKER wants it, and one line for each change; what no rule knows stays as it is."""
    described = {key: value for key, value in spec.items() if value is not None}
    notes: list[str] = []
    for rule in RULES:
        for key, becomes, note in list(rule(described, checker)):
            described = {name: value for name, value in described.items() if name != key}
            described |= becomes
            notes.append(note)
    return described, notes


# The key that goes, what comes in its place, and the line that tells it.
Change = tuple[str, dict[str, Any], str]
Rule = Callable[[Mapping[str, Any], Checker], Iterator[Change]]


def _keys(spec: Mapping[str, Any], checker: Checker) -> Iterator[Change]:
    """Keys that have another name, and keys that are gone."""
    for key, value in spec.items():
        if checker.of(key) is not None:
            continue
        gone = f"({checker.compiler} has no such key)"
        if key in RENAMED:
            name, convert = RENAMED[key]
            new = convert(value)
            if new is None or name in spec:
                yield key, {}, f"{key}: left out {gone}"
            elif checker.fits(name, new):
                yield key, {name: new}, f"{key}: became {name}: {shown(new)} {gone}"
        elif key in REMOVED:
            yield key, {}, f"{key}: left out {gone}"


def _defaults(spec: Mapping[str, Any], checker: Checker) -> Iterator[Change]:
    """Values that say nothing."""
    for key, word in DEFAULTS.items():
        if spec.get(key) == word and not checker.fits(key, word):
            yield key, {}, f"{key}: {shown(word)} left out ({checker.compiler} takes the default without it)"


def _values(spec: Mapping[str, Any], checker: Checker) -> Iterator[Change]:
    """Values of another type or spelling."""
    for key, value in spec.items():
        if checker.of(key) is None or checker.fits(key, value):
            continue
        new = next((new for new in _candidates(key, value) if checker.fits(key, new)), None)
        if new is not None:
            reason = f"wants a {_KINDS[type_of(new)]}" if type_of(new) != type_of(value) else "spells it so"
            yield key, {key: new}, f"{key}: {shown(value)} became {shown(new)} ({checker.compiler} {reason})"


_KINDS = {"integer": "number", "string": "string", "object": "kind", "array": "list", "boolean": "truth value"}


def _candidates(key: str, value: Any) -> Iterator[Any]:
    """What VALUE may have become."""
    if isinstance(value, str) and value.strip().isdecimal():
        yield int(value)
    if isinstance(value, str) and value in TRUTHS:
        yield TRUTHS[value]
    if key in WIDTHS and isinstance(value, int) and not isinstance(value, bool):
        yield str(value)
    if key == "stack-probes" and isinstance(value, bool):
        yield STACK_PROBES[value]
    for group in SPELLINGS.get(key, ()):
        if value in group:
            yield from group


def _linker_arguments(spec: Mapping[str, Any], checker: Checker) -> Iterator[Change]:
    """Linker flavors as keys: `"pre-link-args": {"ld.lld": [...]}`."""
    for key, value in spec.items():
        if not isinstance(value, dict) or checker.of(key) is None or checker.fits(key, value):
            continue
        new = {_spelled(flavor, key, items, checker): items for flavor, items in value.items()}
        if new != value and checker.fits(key, new):
            names = ", ".join(shown(flavor) for flavor in value if flavor not in new)
            becomes = ", ".join(shown(flavor) for flavor in new if flavor not in value)
            yield key, {key: new}, f"{key}: {names} became {becomes} ({checker.compiler} spells it so)"


def _spelled(flavor: str, key: str, items: Any, checker: Checker) -> str:
    groups = (group for group in SPELLINGS["linker-flavor"] if flavor in group)
    names = (name for group in groups for name in group if checker.fits(key, {name: items}))
    return flavor if checker.fits(key, {flavor: items}) else next(names, flavor)


def _features(spec: Mapping[str, Any], checker: Checker) -> Iterator[Change]:
    """Blanks and empty places between features, which were once passed over."""
    value = spec.get("features")
    if isinstance(value, str):
        new = ",".join(word.strip() for word in value.split(",") if word.strip())
        if new != value:
            note = f"features: {shown(value)} became {shown(new)} ({checker.compiler} wants nothing between the commas)"
            yield "features", {"features": new}, note


def _soft_float(spec: Mapping[str, Any], checker: Checker) -> Iterator[Change]:
    """The ABI, which software floats on x86 have to name since 2025."""
    if "rustc-abi" not in spec and needs_soft_float_abi(spec):
        name = soft_float_abi(checker)
        if name:
            note = f"rustc-abi: added {shown(name)} ({checker.compiler} wants it with the feature +soft-float)"
            yield "rustc-abi", {"rustc-abi": name}, note


def needs_soft_float_abi(spec: Mapping[str, Any]) -> bool:
    """Whether SPEC is for x86 and asks for software floats."""
    features = spec.get("features")
    return spec.get("arch") in ("x86", "x86_64") and isinstance(features, str) and "+soft-float" in features.split(",")


def soft_float_abi(checker: Checker) -> str | None:
    """What the compiler of CHECKER calls the ABI without float registers."""
    return next((name for name in SPELLINGS["rustc-abi"][0] if checker.fits("rustc-abi", name)), None)


RULES: tuple[Rule, ...] = (_keys, _defaults, _values, _linker_arguments, _features, _soft_float)
