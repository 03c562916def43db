"""How the bare names in Actions are run on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from .rustdoc import rustdoc_of

if TYPE_CHECKING:
    from .find import Found

# How the variables begin that steer rustc, the linker or how either runs, past the key; nobody's `env!` sees them. All
# others of the person's a crate may read: rustc tells which in dep-info, and these count.
STEERING = (
    "RUSTC_", "RUST_TARGET_PATH", "RUST_DEP_GRAPH",  # rustc: compiler/rustc_session, rustc_log, rustc_incremental
    "CARGO_MAKEFLAGS", "MAKEFLAGS", "MFLAGS",  # its jobserver, whose files a step does not get: the crate `jobserver`
    "LLVM_OVERRIDE_PRODUCER",  # llvm/lib/Bitcode/Writer: what bitcode says it is made by
    "LLD_",  # lld/ELF/Driver.cpp: LLD_REPRODUCE, LLD_VERSION
    "LD_", "DYLD_", "MALLOC_", "MIMALLOC_",  # ld.so(8), dyld(1), mallopt(3), mimalloc
)  # fmt: skip


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
        paths[rustc.linker.name] = paths["linker"] = rustc.linker.path
    rustdoc = rustdoc_of(rustc)
    if rustdoc:
        paths["rustdoc"] = rustdoc
    preload = {"rustc": found.allocator} if found.allocator else {}
    return Programs(paths, ":".join(dict.fromkeys((*found_in, "/usr/bin", "/bin"))), preload)
