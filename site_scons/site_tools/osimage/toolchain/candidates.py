"""The compilers of this machine, in the order in which they are considered."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from ..errors import ToolchainError
from . import rustup
from .probe import Candidate
from .process import folders_of, is_program
from .trail import Trail


def demanded(root: str, environ: Mapping[str, str], trail: Trail) -> Candidate | None:
    """The compiler that RUSTC= on the command line (here OSIMAGE_RUSTC), the project's toolchain file or else the
    variable RUSTC demands: it is taken or nothing is.

    Raises:
        ToolchainError: what is demanded is not there.
    """
    asked = environ.get("OSIMAGE_RUSTC", "")
    if not asked:
        choice = rustup.project_choice(root, trail)
        if choice is not None:
            return _chosen(choice, environ, trail)
        asked = environ.get("RUSTC", "")
    if not asked:
        return None
    folders = (root,) if "/" in asked else folders_of(environ)
    for folder in folders:
        path = os.path.normpath(os.path.join(folder, os.path.expanduser(asked)))
        if trail.see(path) and is_program(path):
            return _resolved(path, "RUSTC", root, environ, trail)
    where = "" if "/" in asked else " on PATH"
    raise ToolchainError(f"RUSTC={asked}: there is no such program{where}. Leave RUSTC out to have one found.")


def offered(root: str, environ: Mapping[str, str], trail: Trail) -> Iterator[Candidate]:
    """Every other compiler, best first: what PATH leads to, the system's, rustup's other toolchains; each once."""
    seen: set[str] = set()
    for candidate in _all(root, environ, trail):
        real = os.path.realpath(candidate.path)
        if real not in seen and trail.see(candidate.path) and is_program(candidate.path):
            seen.add(real)
            yield candidate


def _all(root: str, environ: Mapping[str, str], trail: Trail) -> Iterator[Candidate]:
    for folder in folders_of(environ):
        path = f"{folder}/rustc"
        if trail.see(path) and is_program(path):
            origin = "PATH" if folder in environ.get("PATH", "").split(":") else folder
            yield _resolved(path, origin, root, environ, trail)
    for name in rustup.installed(environ, trail):
        yield Candidate(f"{rustup.home(environ)}/toolchains/{name}/bin/rustc", "rustup")


def _resolved(path: str, origin: str, root: str, environ: Mapping[str, str], trail: Trail) -> Candidate:
    """PATH as it is or, where it is a rustup proxy whose settings can be read, the compiler that it stands for."""
    if rustup.is_proxy(path):
        choice = rustup.persons_choice(root, environ, trail)
        folder = choice and rustup.folder_of(choice.toolchain, environ, trail)
        if choice and folder and trail.see(f"{folder}/bin/rustc"):
            origin = choice.origin if origin == "PATH" else f"{origin}, {choice.origin}"
            return Candidate(f"{folder}/bin/rustc", origin)
    return Candidate(path, origin)


def _chosen(choice: rustup.Choice, environ: Mapping[str, str], trail: Trail) -> Candidate:
    name, origin = choice
    if name.startswith("/"):
        if trail.see(f"{name}/bin/rustc"):
            return Candidate(f"{name}/bin/rustc", origin)
        raise ToolchainError(f"{origin} asks for the toolchain in {name}, and {name}/bin/rustc is not there.")
    folder = rustup.folder_of(name, environ, trail)
    if folder and trail.see(f"{folder}/bin/rustc"):
        return Candidate(f"{folder}/bin/rustc", origin)
    there = rustup.installed(environ, trail)
    has = f" (installed: {', '.join(sorted(there))})" if there else ""
    raise ToolchainError(
        f"{origin} asks for the toolchain '{name}', which rustup has not installed{has}. "
        f"Run `rustup toolchain install {name} --component rust-src`."
    )
