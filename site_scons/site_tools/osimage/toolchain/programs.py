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
    # In this order, so that to the compiler, too, the bare names mean those that were found.
    found_in = [each.path.rpartition("/")[0] for each in (rustc.linker, rustc.host_linker) if each is not None]
    if rustc.linker is not None:
        paths[rustc.linker.name] = rustc.linker.path
    preload = {"rustc": found.allocator} if found.allocator else {}
    return Programs(paths, ":".join(dict.fromkeys((*found_in, "/usr/bin", "/bin"))), preload)
