"""The machine that builds: what its build scripts and procedural macros are compiled for and linked by."""

from __future__ import annotations

import hashlib
import os
import posixpath
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from . import linker
from .fault import FaultError
from .place import Place
from .resolve import Resolved

if TYPE_CHECKING:
    from ..toolchain.rustc import Rustc

_ON_EVERY_PATH = ("/usr/bin", "/bin")  # of what steps start


@dataclass(frozen=True)
class Host:
    """Its target's name, rustc's cfg lines for it, the identity of what links programs there.

    `linker` is what cargo's configuration names for it, as that says it: a name, or an absolute path; None where it
    names none. `called` is what steps call it, and `looked_for` the program, absolute.
    """

    name: str
    cfg: Callable[[], Sequence[str]]
    identity: str
    linker: str | None = None
    called: str | None = None
    looked_for: tuple[str, ...] = ()


def host_of(resolved: Resolved, rustc: Rustc, environ: Mapping[str, str], place: Place) -> Host:
    """The machine that builds what is RESOLVED with the compiler RUSTC.

    Raises:
        FaultError: there are programs to link for it, and no linker.
    """
    graph = resolved.graph
    programs = [graph.units[index] for index in graph.used_first() if graph.units[index].is_for_host]
    if not programs:
        return Host(rustc.host, rustc.host_cfg, rustc.identity)
    if rustc.host_linker is None:
        names = ", ".join(dict.fromkeys(resolved.packages[unit.package_id].name for unit in programs))
        raise FaultError(
            f"build scripts and procedural macros ({names}) are linked by a C compiler, and no `cc` is on PATH: "
            "install one (Debian: the package gcc)."
        )
    identity = rustc.host_linker.identity
    named = linker.configured(resolved.config, environ, rustc.host, rustc.host_cfg)
    if named is None:
        return Host(rustc.host, rustc.host_cfg, identity)
    file = _found(named.program, environ)
    try:
        content = hashlib.sha256(Path(file).read_bytes()).hexdigest()
    except OSError:
        raise FaultError(
            f"{named.origin} names the linker '{place.shown(named.program)}' for build scripts and procedural macros, "
            "but it is not there. Install it, or take the setting away."
        ) from None
    bare = file.rpartition("/")[0] in _ON_EVERY_PATH and "/" not in named.program
    called = named.program if bare else place.shown(file)
    both = hashlib.sha256(f"{identity} {content}".encode()).hexdigest()
    return Host(rustc.host, rustc.host_cfg, both, named.program, called, (file,))


def _found(program: str, environ: Mapping[str, str]) -> str:
    """The file, absolute, that PROGRAM means: itself where it is a path; empty where there is none."""
    if "/" in program:
        return program
    files = (posixpath.join(folder, program) for folder in environ.get("PATH", "").split(":") if folder)
    return next((file for file in files if os.access(file, os.X_OK) and os.path.isfile(file)), "")
