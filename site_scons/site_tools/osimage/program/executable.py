"""The executable that cargo hands to its runner: whose it is, whether it is a test, and where its image goes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from ..errors import OsimageError

ELF = b"\x7fELF"
MARK = "CACHEDIR.TAG"  # what cargo puts into a target folder


class Executable(NamedTuple):
    """A kernel as cargo has built it.

    `root` is the target folder that it lies in, absolute, or its own folder where it lies in none; `path` is relative
    to that. `manifest` is the Cargo.toml of its package, absolute.
    """

    root: Path
    path: str
    manifest: Path
    is_test: bool


def find(name: str, environ: Mapping[str, str]) -> Executable:
    """The executable NAME, a path as cargo gives it, for which it has set ENVIRON.

    Raises:
        OsimageError: there is none, it is no ELF file, or ENVIRON does not name its package.
    """
    path = Path(os.path.abspath(name))
    try:
        with path.open("rb") as file:
            beginning = file.read(len(ELF))
    except OSError as error:
        raise OsimageError(f"{name} cannot be read: {error.strerror}. Cargo names the kernel that it built.") from None
    if beginning != ELF:
        raise OsimageError(f"{name} is no ELF file. The runner starts kernels that cargo has built.")
    folder = environ.get("CARGO_MANIFEST_DIR")
    if not folder:
        raise OsimageError(
            "CARGO_MANIFEST_DIR is not set: cargo sets it for a runner. Use `cargo run`, or set it to the folder of "
            "the kernel's Cargo.toml."
        )
    manifest = Path(os.path.abspath(folder), "Cargo.toml")
    if not manifest.is_file():
        raise OsimageError(f"CARGO_MANIFEST_DIR is {folder}, which has no Cargo.toml.")
    root = next((above for above in path.parents if (above / MARK).is_file()), path.parent)
    return Executable(root, str(path.relative_to(root)), manifest, is_test(path))


def is_test(path: Path) -> bool:
    """Whether the executable PATH is a test, by where it lies, as bootimage 0.10 tells.

    That is `<profile>/deps/`, in cargo's newer layout `<profile>/build/<package>/<hash>/out/`, or a doctest's folder.
    """
    folders = path.parent.parts
    is_doctest = folders[-1].startswith("rustdoctest")
    return is_doctest or folders[-1] == "deps" or (folders[-1] == "out" and folders[-4:-3] == ("build",))
