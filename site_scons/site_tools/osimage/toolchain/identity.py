"""The identity of a program: a digest over the contents of its file and of the libraries that make it what it is."""

from __future__ import annotations

import hashlib
import os
from typing import NamedTuple

from . import memo
from .trail import Trail

# Of what a program is linked with, what decides its output. The C library and its like are the machine's.
_OWN_LIBRARIES = ("librustc_driver", "libLLVM", "liblld")


class Contents(NamedTuple):
    """A digest over files, SHA-256 (hex), and whether the first of them brings an allocator of its own."""

    digest: str
    has_allocator: bool


def contents(program: str, trail: Trail, directory: str, more: tuple[str, ...] = ()) -> Contents:
    """Digest PROGRAM (an absolute path), the libraries of its own that it loads, and the files MORE, by content alone.

    A file is read once; its digest is remembered in DIRECTORY by its state.

    Raises:
        OSError: one of them cannot be read.
    """
    libraries = sorted(own_libraries(program), key=os.path.basename)
    parts = [_digest(path, trail, directory) for path in (program, *libraries, *more)]
    return Contents(
        hashlib.sha256("\n".join(part.digest for part in parts).encode()).hexdigest(), parts[0].has_allocator
    )


def names_and_sizes(folder: str, trail: Trail) -> list[str]:
    """What the files in FOLDER are called and how large they are: enough for crates whose names hold a hash."""
    if not trail.see(folder):
        return []
    with os.scandir(folder) as entries:
        return sorted(f"{entry.name} {entry.stat().st_size}" for entry in entries if entry.is_file())


def own_libraries(program: str) -> tuple[str, ...]:
    """The absolute paths of the compiler and LLVM libraries that the dynamic loader gives to PROGRAM."""
    from .process import output_of

    # The loader, asked by this variable, lists what it would load and does not start the program (ld.so(8)).
    output = output_of((program,), {"LD_TRACE_LOADED_OBJECTS": "1", **_library_path()})
    lines = (line.strip().partition(" => ") for line in output.splitlines())
    return tuple(path.rpartition(" (")[0] for name, _, path in lines if name.startswith(_OWN_LIBRARIES) and path)


def _library_path() -> dict[str, str]:
    return {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}


def _digest(path: str, trail: Trail, directory: str) -> Contents:
    trail.see(path)
    name = f"digest-{memo.key(path)}"
    known = memo.read(directory, name)
    if isinstance(known, tuple) and known[0] == (path, trail.files[path]):
        return Contents(*known[1])
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)
        found = Contents(digest, b"jemalloc" in file.read(1 << 22))
    memo.write(directory, name, ((path, trail.files[path]), tuple(found)))
    return found
