"""Which linker a kernel is linked with: always the lld in use, whatever name for it a setting has."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from . import cfg
from .config import Config
from .fault import FaultError
from .link_files import SPEC_ARGS
from .rustflags import joined, target_variable

if TYPE_CHECKING:
    from ..target.spec import Target

# The names under which LLVM's linker is called; one takes the place of another.
_LLD = re.compile(r"(?:rust-lld|lld|ld\.lld)(?:-[0-9.]+)?(?:\.exe)?")
_LLD_FLAVOURS = frozenset({"gnu-lld", "gnu", "ld", "ld.lld"})


def flag(target: Target, found: str) -> tuple[str, ...]:
    """The flag that makes rustc link with FOUND, the name of the linker in use; none where TARGET's spec names it.

    Raises:
        FaultError: the spec links with something else than lld.
    """
    named, flavour = target.described.get("linker"), target.described.get("linker-flavor", "gnu-lld")
    origin = f"the target spec {target.source}" if target.source else "the target spec"
    if flavour not in _LLD_FLAVOURS:
        raise FaultError(
            f"{origin} has linker-flavor '{flavour}', which is not supported: osimage links with lld, without a C "
            f"compiler. {_for_lld(target.described)}"
        )
    if named is not None:
        check(named, origin, _for_lld(target.described))
    return () if named == found else (f"-Clinker={found}",)


def check(named: str, origin: str, advice: str = "Take the setting away.") -> None:
    """Check the linker NAMED by a setting at ORIGIN; ADVICE says what to do where it is another one.

    Raises:
        FaultError: it is no lld.
    """
    if not _LLD.fullmatch(posixpath.basename(named)):
        raise FaultError(
            f"{origin} names the linker '{named}', which is not supported: osimage links with lld (rust-lld, ld.lld). "
            f"{advice}"
        )


def _for_lld(spec: Mapping[str, Any]) -> str:
    """What a person writes into SPEC so that lld links by it."""
    words = [word for arguments in SPEC_ARGS for said in spec.get(arguments, {}).values() for word in said]
    advice = 'Write "linker": "rust-lld" and "linker-flavor": "gnu-lld"'
    if any(word.lstrip("-").startswith("Ttext-segment") for word in words):
        advice += ', and "--image-base=ADDRESS" in the place of "-Ttext-segment=ADDRESS", which only GNU ld knows'
    return f"{advice}."


def without(flags: Sequence[str], origin: str) -> tuple[str, ...]:
    """FLAGS, from ORIGIN, each as one word, without a `-Clinker` that names an lld.

    Raises:
        FaultError: they ask for another linker.
    """
    kept = []
    for word in joined(flags):
        option, _, value = word.partition("=")
        if option == "-Clinker":
            check(value, origin)
        elif option == "-Clinker-flavor" and value not in _LLD_FLAVOURS:
            raise FaultError(
                f"-Clinker-flavor={value} ({origin}) is not supported: osimage links with lld. Take it away."
            )
        else:
            kept.append(word)
    return tuple(kept)


class Named(NamedTuple):
    """A linker that cargo's configuration names: a name or an absolute path, and where it says so."""

    program: str
    origin: str


def configured(
    config: Config, environ: Mapping[str, str], target: str, lines: Callable[[], Iterable[str]]
) -> Named | None:
    """The linker that cargo's configuration names for TARGET, whose cfg LINES gives; None where it names none.

    TARGET is the stem of its JSON file, or a built-in one. The variable counts first, then its own table, then that of
    a condition which holds.

    Raises:
        FaultError: two conditions hold, which cargo refuses.
    """
    variable = f"{target_variable(target)}_LINKER"
    if variable in environ:
        return Named(environ[variable], f"the variable {variable}")
    keys = [key for key in config.table("target") if "linker" in config.table("target", key)]
    if target in keys:
        keys = [target]
    elif keys:
        holding = frozenset(lines())
        keys = [key for key in keys if key.startswith("cfg(") and cfg.matches(key, holding)]
    found = [
        Named(
            str(config.table("target", key)["linker"]),
            f"{config.origin('target', key, 'linker')} (target.{key}.linker)",
        )
        for key in keys
    ]
    if len(found) > 1:
        raise FaultError(f"{' and '.join(each.origin for each in found)} both name a linker. Take one of them away.")
    return found[0] if found else None
