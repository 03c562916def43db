"""The QEMU of this machine."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ..errors import ToolchainError
from . import memo
from .trail import Trail, unchanged

PROGRAM = "qemu-system-x86_64"
# What QEMU loads into a machine: the BIOS, ROMs of graphics and network cards, and boot helpers of its own.
_FIRMWARE = ("bios", "vgabios", "kvmvapic", "linuxboot", "multiboot", "pvh", "qboot", "efi-", "pxe-", "OVMF", "edk2-x")
_TCG = "lib/{}/accel-tcg-x86_64.so"  # the code generator, where it is a module of its own


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
            if version:
                files = tuple(_files(path, trail, environ))
                return Qemu(path, version[1], contents(path, trail, directory, files).digest)
    return None


def _files(path: str, trail: Trail, environ: Mapping[str, str]) -> Iterator[str]:
    """What the QEMU at PATH loads into machines of this kind, by its own list of folders, and its code generator."""
    from .process import output_of

    for folder in output_of((path, "-L", "help"), environ).splitlines():
        if trail.see(folder):
            for name in sorted(os.listdir(folder)):
                if (
                    name.startswith(_FIRMWARE)
                    and name.endswith((".bin", ".rom", ".fd"))
                    and trail.see(f"{folder}/{name}")
                ):
                    yield f"{folder}/{name}"
    above = os.path.dirname(os.path.dirname(os.path.realpath(path)))
    for module in (_TCG.format("qemu"), _TCG.format("x86_64-linux-gnu/qemu")):
        if trail.see(f"{above}/{module}"):
            yield f"{above}/{module}"
