"""How the bare names in Actions are run on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .find import Found


class Programs(NamedTuple):
    """Where each program is, the PATH of children, and what is loaded into a program before its own libraries."""

    paths: Mapping[str, str]
    search_path: str
    preload: Mapping[str, str]  # program name to a library for LD_PRELOAD


def programs_for(found: Found) -> Programs:
    """How the compiler, the linker and cargo that were FOUND are run.

    Raises:
        ToolchainError: none was found.
    """
    rustc, cargo = found.need_rustc(), found.need_cargo()
    paths = {"rustc": rustc.path, "cargo": cargo.path}
    folders = ["/usr/bin", "/bin"]
    if rustc.linker is not None:
        paths[rustc.linker.name] = rustc.linker.path
        # First, so that the linker's bare name means this one to the compiler too.
        folders.insert(0, rustc.linker.path.rpartition("/")[0])
    preload = {"rustc": found.allocator} if found.allocator else {}
    return Programs(paths, ":".join(dict.fromkeys(folders)), preload)
