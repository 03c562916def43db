"""The compiler to use: found once, then remembered for as long as nothing that was looked at changes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import memo
from .trail import Trail, unchanged

if TYPE_CHECKING:
    from .cargo import Cargo
    from .rustc import Rustc

# What is read of the environment; another value is another search.
READ = ("PATH", "OSIMAGE_RUSTC", "RUSTC", "HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN", "LD_LIBRARY_PATH")

_HERE = os.path.dirname(__file__)
_PLACES = ("path", "sysroot", "rust_src", "linker", "host_linker")
_WHOLE = 7  # parts of what is remembered


class Found:
    """The compiler to use, or why there is none.

    `identity` is the compiler's, empty where there is none. `origin` is who chose it or demanded it
    ("rust-toolchain.toml", "RUSTC", "PATH", "rustup default" …). `passed` are (path and version, why) of those that
    were considered in vain. `allocator` is a library to preload into it, or empty; it needs none if `own_allocator`.
    `problem` is why nothing was taken, empty where something was.
    """

    __slots__ = (
        "_cargo", "_directory", "_rustc", "allocator", "identity", "origin", "own_allocator", "passed", "problem"
    )  # fmt: skip

    def __init__(self, answer: tuple[Any, ...], directory: str) -> None:
        self.origin: str
        self.passed: tuple[tuple[str, str], ...]
        self.allocator: str
        self.own_allocator: bool
        self.problem: str
        self._rustc, self._cargo, self.origin, self.passed, self.allocator, self.own_allocator, self.problem = answer
        self.identity: str = self._rustc["identity"] if self._rustc else ""
        self._directory = directory

    @property
    def places(self) -> tuple[str, ...]:
        """What can differ under one identity: where the compiler, rust-src and cargo lie, and cargo's version."""
        if self._rustc is None:
            return ()
        return (*(str(self._rustc[name]) for name in _PLACES), *self._cargo)

    @property
    def rustc(self) -> Rustc | None:
        """The compiler, with rust-src and a linker."""
        if self._rustc is None:
            return None
        from .facts import remembering
        from .rustc import HostLinker, Linker, Rustc

        fields = dict(self._rustc)
        fields["linker"] = Linker(*fields["linker"])
        fields["host_linker"] = HostLinker(*fields["host_linker"]) if fields["host_linker"] else None
        return Rustc(**fields, ask=remembering(fields["path"], self.identity, self._directory))

    @property
    def cargo(self) -> Cargo | None:
        """The cargo that goes with the compiler."""
        if self._rustc is None:
            return None
        from .cargo import Cargo

        path, version = self._cargo
        return Cargo(path, version)

    def need_rustc(self) -> Rustc:
        """The compiler.

        Raises:
            ToolchainError: there is none; the message says what was passed over, why, and what to do.
        """
        rustc = self.rustc
        if rustc is None:
            raise self._error()
        return rustc

    def need_cargo(self) -> Cargo:
        """The cargo that goes with the compiler.

        Raises:
            ToolchainError: as for `need_rustc`.
        """
        cargo = self.cargo
        if cargo is None:
            raise self._error()
        return cargo

    def passed_over(self) -> tuple[str, ...]:
        """A line for each compiler that was considered in vain, and why."""
        return tuple(f"passed over {path}: {why}" for path, why in self.passed)

    def explained(self, advice: str) -> str:
        """Why nothing was taken and what to do: ADVICE, except where something was demanded, as the reason says it."""
        if self.origin:
            return self.problem
        return "\n".join([self.problem, *(f"  {line}" for line in self.passed_over()), advice])

    def _error(self) -> Exception:
        from ..errors import ToolchainError
        from .advice import compiler_advice

        return ToolchainError(self.explained("" if self.origin else compiler_advice()))


def find_rustc(root: Path, environ: Mapping[str, str]) -> Found:
    """The compiler for the project in ROOT as ENVIRON has it; starts programs only where something changed."""
    directory = memo.folder(environ)
    name = f"found-{memo.key(str(root), *(environ.get(variable, '') for variable in READ))}"
    known = memo.read(directory, name)
    if isinstance(known, tuple) and len(known) == 2 and len(known[1]) == _WHOLE and unchanged(known[0]):
        return Found(known[1], directory)
    from .search import search

    trail = Trail()
    for file in os.listdir(_HERE):  # a search by other code is another search
        if file.endswith(".py"):
            trail.see(f"{_HERE}/{file}")
    answer = search(str(Path(root).resolve()), environ, trail)
    memo.write(directory, name, (trail.packed(), answer))
    return Found(answer, directory)
