"""The linker of programs for this machine: the C compiler `cc`, which rustc calls for build scripts and proc macros."""

from __future__ import annotations

import hashlib
import posixpath

from .identity import contents
from .process import is_program, output_of
from .rustc import HostLinker
from .trail import Trail

NAME = "cc"  # what rustc calls where nobody says otherwise


def find_host_linker(folders: tuple[str, ...], compiler: str, trail: Trail, directory: str) -> HostLinker | None:
    """The C compiler in the first of FOLDERS that has one; COMPILER is the identity of the Rust compiler.

    Digests of files are remembered in DIRECTORY.

    Raises:
        OSError: a file of it cannot be read.
    """
    path = _program(NAME, folders, trail)
    if path is None:
        return None
    linker = output_of((path, "-print-prog-name=ld")).strip()
    real = linker if posixpath.isabs(linker) else _program(linker, folders, trail) if linker else None
    parts = [compiler, *(contents(each, trail, directory).digest for each in (path, real) if each is not None)]
    return HostLinker(path, hashlib.sha256("\n".join(parts).encode()).hexdigest())


def _program(name: str, folders: tuple[str, ...], trail: Trail) -> str | None:
    places = (f"{folder}/{name}" for folder in folders)
    return next((path for path in places if trail.see(path) and is_program(path)), None)
