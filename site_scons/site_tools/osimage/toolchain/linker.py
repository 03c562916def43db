"""The linker for freestanding ELF: the compiler's own rust-lld, or an ld.lld of the machine."""

from __future__ import annotations

import re

from .process import output_of
from .rustc import Linker
from .trail import Trail

# lld 14, Debian 12's oldest, links what LLVM 22 makes; LTO is done by rustc itself, so the versions need not agree.
OLDEST = 14
NEWEST = 40  # numbered names are asked for one by one: a folder's listing changes too often to be remembered


def find_linker(folders: tuple[str, ...], sysroot: str, host: str, llvm_version: str, trail: Trail) -> Linker | None:
    """The linker for the compiler in SYSROOT with LLVM_VERSION, looked for there, then in FOLDERS."""
    for name, path in _places(folders, sysroot, host, llvm_version):
        if trail.see(path):
            found = _version(name, path)
            if found and int(found.split(".")[0]) >= OLDEST:
                return Linker(name, path, found)
    return None


def names(llvm_version: str) -> tuple[str, ...]:
    """The names a linker may have on PATH, best first."""
    same = llvm_version.partition(".")[0]
    others = [f"ld.lld-{number}" for number in range(NEWEST, OLDEST - 1, -1) if str(number) != same]
    return ("rust-lld", f"ld.lld-{same}", "ld.lld", *others)


def _places(folders: tuple[str, ...], sysroot: str, host: str, llvm_version: str) -> list[tuple[str, str]]:
    own = [("rust-lld", f"{sysroot}/lib/rustlib/{host}/bin/rust-lld")]
    return own + [(name, f"{folder}/{name}") for name in names(llvm_version) for folder in folders]


def _version(name: str, path: str) -> str:
    flavour = ("-flavor", "gnu") if name == "rust-lld" else ()
    found = re.search(r"\bLLD (\d+\.\d+\.\d+)", output_of((path, *flavour, "--version")))
    return found[1] if found else ""
