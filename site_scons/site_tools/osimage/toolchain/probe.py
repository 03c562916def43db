"""Looking at one compiler: what it is, and what it lacks of what osimage needs."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from . import memo, rustup
from .identity import contents, names_and_sizes
from .linker import find_linker
from .process import folders_of, is_program, output_of
from .rustc import Linker
from .trail import Trail

# The oldest whose cargo knows -Zjson-target-spec, without which newer ones refuse a JSON spec; all else is older.
OLDEST = (1, 95, 0)
OLDEST_TEXT = "1.95"

# Loaded into a compiler without an allocator of its own: a sixth less time for core, the same bytes.
_ALLOCATORS = tuple(
    f"{folder}/{name}"
    for folder in ("/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib", "/usr/local/lib")
    for name in ("libmimalloc.so.2", "libmimalloc.so.3", "libmimalloc.so")
)

MUTE = "it does not answer `rustc -vV` as a compiler does"
PROXY = (
    "rustup's proxy, with no toolchain behind it (`rustup toolchain install nightly --component rust-src` installs one)"
)


class Candidate(NamedTuple):
    """A compiler that may be taken: where it was seen, and who says so."""

    path: str
    origin: str  # "PATH", "RUSTC", "rust-toolchain.toml", "rustup default"


class Probed(NamedTuple):
    """What a candidate is, and what it LACKS, each a phrase with what to do; nothing: it can be taken."""

    path: str
    release: str
    fields: dict[str, Any]  # the arguments of Rustc, without its identity and `ask`
    cargo: tuple[str, str] | None
    lacks: tuple[str, ...]


def probe(candidate: Candidate, root: str, environ: Mapping[str, str], trail: Trail) -> Probed:
    """Look at CANDIDATE and what lies beside it."""
    path = candidate.path
    trail.see(path)
    said, sysroot = _ask(path, root, environ)
    real = f"{sysroot}/bin/rustc"
    if sysroot and trail.see(real) and is_program(real) and not os.path.samefile(real, path):
        path = real  # a proxy or a wrapper: what it starts is the compiler
    release = said.get("release", "")
    found = re.match(r"(\d+)\.(\d+)\.(\d+)", release)
    if not found or not sysroot:
        return Probed(path, "", {}, None, (PROXY if rustup.is_proxy(path) else MUTE,))
    version = tuple(int(part) for part in found.groups())
    if version < OLDEST:
        return Probed(path, release, {}, None, (f"too old: rustc {OLDEST_TEXT} or newer is needed",))
    host, llvm = said.get("host", ""), said.get("LLVM version", "")
    rust_src: str | None = f"{sysroot}/lib/rustlib/src/rust/library"
    if not trail.see(f"{rust_src}/core/src/lib.rs"):
        rust_src = None
    linker = find_linker(folders_of(environ), sysroot, host, llvm, trail)
    cargo = _cargo((os.path.dirname(path), f"{sysroot}/bin"), environ, trail)
    fields = {
        "path": path, "release": release, "version": version, "commit_hash": said.get("commit-hash", ""),
        "host": host, "llvm_version": llvm, "sysroot": sysroot, "rust_src": rust_src, "linker": linker,
    }  # fmt: skip
    return Probed(path, release, fields, cargo, tuple(_lacks(rustup.toolchain_of(path), rust_src, linker, cargo)))


def identity_of(probed: Probed, environ: Mapping[str, str], trail: Trail) -> tuple[str, str, bool]:
    """The identity of a complete compiler with its linker, the allocator to load into it, and whether it has one.

    Raises:
        OSError: a file of it cannot be read.
    """
    import hashlib

    directory = memo.folder(environ)
    linker: Linker = probed.fields["linker"]
    compiler = contents(probed.path, trail, directory)
    host_library = names_and_sizes(f"{probed.fields['sysroot']}/lib/rustlib/{probed.fields['host']}/lib", trail)
    parts = (compiler.digest, linker.name, contents(linker.path, trail, directory).digest, *host_library)
    allocator = "" if compiler.has_allocator else find_allocator(trail)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest(), allocator, compiler.has_allocator


def find_allocator(trail: Trail) -> str:
    """The absolute path of mimalloc's library, or nothing."""
    return next(filter(trail.see, _ALLOCATORS), "")


def _lacks(toolchain: str, rust_src: str | None, linker: Linker | None, cargo: tuple[str, str] | None) -> list[str]:
    lacks = []
    if rust_src is None:
        lacks.append(f"no rust-src{_component(toolchain, 'rust-src')}")
    if linker is None:
        lacks.append("no linker: rust-lld, ld.lld or ld.lld-NN (a package `lld` has one)")
    if cargo is None:
        lacks.append(f"no cargo beside it{_component(toolchain, 'cargo')}")
    return lacks


def _component(toolchain: str, name: str) -> str:
    return f" (`rustup component add {name} --toolchain {toolchain}` adds it)" if toolchain else ""


def _ask(path: str, root: str, environ: Mapping[str, str]) -> tuple[dict[str, str], str]:
    # In the project's folder, so that a proxy decides as it would there; it must not install anything now.
    environ = {**environ, "RUSTUP_AUTO_INSTALL": "0", "RUSTC_BOOTSTRAP": "1"}
    lines = output_of((path, "-vV"), environ, root).splitlines()
    return dict(line.split(": ", 1) for line in lines if ": " in line), output_of(
        (path, "--print", "sysroot"), environ, root
    ).strip()


def _cargo(beside: tuple[str, ...], environ: Mapping[str, str], trail: Trail) -> tuple[str, str] | None:
    """(path, version) of the first cargo that is no proxy in the folders BESIDE the compiler, else on PATH."""
    for folder in dict.fromkeys((*beside, *folders_of(environ))):
        path = f"{folder}/cargo"
        if trail.see(path) and is_program(path) and not rustup.is_proxy(path):
            found = re.match(r"cargo (\d+\.\d+\.\d+\S*)", output_of((path, "-V"), environ))
            if found:
                return path, found[1]
    return None
