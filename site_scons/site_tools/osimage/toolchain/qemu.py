"""The QEMU of this machine."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import NamedTuple

from ..errors import ToolchainError
from . import memo
from .trail import Trail, unchanged

PROGRAM = "qemu-system-x86_64"
# Where the firmware lies, from the folder above the program's, and what of it a BIOS boot runs.
_FIRMWARE = tuple(
    f"share/{folder}/{name}"
    for folder in ("qemu", "seabios")
    for name in ("bios-256k.bin", "bios.bin", "vgabios-stdvga.bin")
)


class Qemu(NamedTuple):
    """QEMU for x86-64: its absolute path, its version ("7.2.22"), and a digest over its program and firmware."""

    path: str
    version: str
    identity: str


def find_qemu(environ: Mapping[str, str]) -> Qemu:
    """The first QEMU on PATH, or the system's, that answers.

    Raises:
        ToolchainError: there is none.
    """
    directory = memo.folder(environ)
    name = f"qemu-{memo.key(environ.get('PATH', ''))}"
    known = memo.read(directory, name)
    if isinstance(known, tuple) and len(known) == 2 and unchanged(known[0]):
        return Qemu(*known[1])
    trail = Trail()
    found = _search(environ, trail, directory)
    if found is None:
        from .advice import qemu_advice

        raise ToolchainError(f"{PROGRAM} is not on PATH. {qemu_advice()}")
    memo.write(directory, name, (trail.packed(), tuple(found)))
    return found


def _search(environ: Mapping[str, str], trail: Trail, directory: str) -> Qemu | None:
    from .identity import contents
    from .process import folders_of, is_program, output_of

    for folder in folders_of(environ):
        path = f"{folder}/{PROGRAM}"
        if trail.see(path) and is_program(path):
            version = re.search(r"version (\d+\.\d+\.\d+)", output_of((path, "--version"), environ))
            above = os.path.dirname(os.path.dirname(os.path.realpath(path)))
            firmware = tuple(file for file in (f"{above}/{part}" for part in _FIRMWARE) if trail.see(file))
            if version:
                return Qemu(path, version[1], contents(path, trail, directory, firmware).digest)
    return None
