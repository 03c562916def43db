"""The search for the compiler to use: what is demanded, else the first that has all it needs."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from ..errors import ToolchainError
from . import memo
from .candidates import demanded, offered
from .host_linker import find_host_linker
from .probe import OLDEST_TEXT, Candidate, Probed, identity_of, probe
from .process import folders_of
from .trail import Trail

NONE_FITS = (
    f"No Rust compiler here has all that is needed: rustc {OLDEST_TEXT} or newer, rust-src, an LLVM linker, cargo."
)


def search(root: str, environ: Mapping[str, str], trail: Trail) -> tuple[Any, ...]:
    """What `Found` is made of, as plain data: (compiler, cargo, origin, passed, allocator, own_allocator, problem)."""
    try:
        candidate = demanded(root, environ, trail)
    except ToolchainError as error:
        return None, None, "demanded", (), "", False, f"{error}{_overruled(str(error), environ)}"
    if candidate:
        taken, why = _consider(candidate, root, environ, trail)
        problem = f"{candidate.origin} asks for {why[0]}: {why[1]}."
        problem += " Leave RUSTC out to have another one found." if candidate.origin.startswith("RUSTC") else ""
        return taken or (
            None, None, candidate.origin, (), "", False, f"{problem}{_overruled(candidate.origin, environ)}"
        )  # fmt: skip
    passed: list[tuple[str, str]] = []
    for candidate in offered(root, environ, trail):
        taken, why = _consider(candidate, root, environ, trail)
        if taken:
            return (*taken[:3], tuple(passed), *taken[4:])
        passed.append(why)
    return None, None, "", tuple(passed), "", False, NONE_FITS


def _overruled(origin: str, environ: Mapping[str, str]) -> str:
    """What is to be said of RUSTC in ENVIRON where ORIGIN, a toolchain file, was obeyed in its place."""
    asked = environ.get("RUSTC", "")
    if not asked or origin.startswith("RUSTC"):
        return ""
    return (
        f" The file goes before the environment's RUSTC={asked}; on the command line, "
        f"`scons {shlex.quote(f'RUSTC={asked}')}` goes before the file."
    )


def _consider(
    candidate: Candidate, root: str, environ: Mapping[str, str], trail: Trail
) -> tuple[tuple[Any, ...] | None, tuple[str, str]]:
    """CANDIDATE as an answer, or None; and (what it is, why not)."""
    probed = probe(candidate, root, environ, trail)
    if probed.lacks:
        return None, _why(probed, probed.lacks)
    try:
        identity, allocator, own_allocator = identity_of(probed, environ, trail)
        host_linker = find_host_linker(folders_of(environ), identity, trail, memo.folder(environ))
    except OSError as error:
        return None, _why(probed, (f"{error.filename} cannot be read: {error.strerror}",))
    fields = {**probed.fields, "linker": tuple(probed.fields["linker"]), "identity": identity}
    fields["host_linker"] = tuple(host_linker) if host_linker is not None else None
    return (fields, probed.cargo, candidate.origin, (), allocator, own_allocator, ""), ("", "")


def _why(probed: Probed, lacks: tuple[str, ...]) -> tuple[str, str]:
    return " ".join(filter(None, (probed.path, probed.release))), "; ".join(lacks)
