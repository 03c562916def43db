"""What this machine has of what osimage needs, as rows for `scons doctor`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from ..errors import ToolchainError
from . import advice
from .find import Found, find_rustc
from .probe import find_allocator
from .process import folders_of, is_program
from .qemu import Qemu, find_qemu
from .trail import Trail

# missing: osimage cannot do its work. worse: it can, but slower or with less.
Verdict = Literal["good", "worse", "missing"]

# Debian packs QEMU's windows apart from QEMU.
_MODULES = "/usr/lib/x86_64-linux-gnu/qemu"
_WINDOWS = (f"{_MODULES}/ui-gtk.so", f"{_MODULES}/ui-sdl.so")

# Row name to its key in advice.PACKAGES, and what to do where apt has nothing for it.
_PACKAGES = {
    "cc": ("cc", "Install a C compiler: build scripts are linked with it."),
    "QEMU": ("qemu", "Install your distribution's package of QEMU for x86-64."),
    "mimalloc": ("allocator", "Install mimalloc: the compiler then takes a sixth less time."),
    "display": ("window", "Install QEMU's graphical interface: until then `scons run` prints the text screen."),
}


class Row(NamedTuple):
    """One thing that is needed: where it is (or a word about it), its version, and lines that say more."""

    name: str
    found: str
    version: str
    verdict: Verdict
    advice: str


def examine(root: Path, environ: Mapping[str, str]) -> tuple[Row, ...]:
    """Look at everything that a build and a run of the project in ROOT need; raises nothing."""
    found = find_rustc(root, environ)
    qemu = _qemu(environ)
    rows = (*_compiler(found), _c_compiler(environ), _emulator(qemu), *_allocator(found), _display(environ, qemu))
    if all(row.verdict == "good" for row in rows):
        return rows
    apt = advice.ask_apt()
    return tuple(row if row.verdict == "good" else row._replace(advice=_advice(row.name, found, apt)) for row in rows)


def _compiler(found: Found) -> tuple[Row, ...]:
    rustc, cargo = found.rustc, found.cargo
    if rustc is None or cargo is None or rustc.linker is None or rustc.rust_src is None:
        return (Row("compiler", "", "", "missing", ""),)
    return (
        Row(
            "compiler",
            rustc.path,
            rustc.release,
            "good",
            "\n".join((f"chosen by {found.origin}", *found.passed_over())),
        ),
        Row("rust-src", rustc.rust_src, rustc.release, "good", ""),
        Row("linker", rustc.linker.path, rustc.linker.version, "good", ""),
        Row("cargo", cargo.path, cargo.version, "good", ""),
    )


def _c_compiler(environ: Mapping[str, str]) -> Row:
    path = next(filter(is_program, (f"{folder}/cc" for folder in folders_of(environ))), "")
    return Row("cc", path, "", "good" if path else "missing", "")


def _emulator(qemu: Qemu | None) -> Row:
    return Row("QEMU", qemu.path, qemu.version, "good", "") if qemu else Row("QEMU", "", "", "missing", "")


def _allocator(found: Found) -> tuple[Row, ...]:
    if found.rustc is None:
        path = find_allocator(Trail())
        return (Row("mimalloc", path, "", "good" if path else "worse", ""),)
    if found.own_allocator:
        return (Row("mimalloc", "not needed: the compiler has an allocator of its own", "", "good", ""),)
    return (Row("mimalloc", found.allocator, "", "good" if found.allocator else "worse", ""),)


def _display(environ: Mapping[str, str], qemu: Qemu | None) -> Row:
    said = next((f"{name}={environ[name]}" for name in ("WAYLAND_DISPLAY", "DISPLAY") if environ.get(name)), "")
    if not said:
        return Row("display", "none: `scons run` prints the text screen", "", "good", "")
    debian = qemu is not None and qemu.path.startswith(("/usr/bin/", "/bin/")) and os.path.isdir(_MODULES)
    no_window = debian and not any(map(os.path.exists, _WINDOWS))
    return Row("display", said, "", "worse" if no_window else "good", "")


def _advice(name: str, found: Found, apt: advice.Apt) -> str:
    if name == "compiler":
        return found.explained(advice.compiler_advice(apt))
    what, otherwise = _PACKAGES[name]
    packages = apt.packages(what)
    return advice.install(packages) if packages else otherwise


def _qemu(environ: Mapping[str, str]) -> Qemu | None:
    try:
        return find_qemu(environ)
    except ToolchainError:
        return None
