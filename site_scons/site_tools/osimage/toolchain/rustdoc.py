"""The rustdoc that goes with a compiler: where it is, and what it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from ..errors import ToolchainError
from .process import is_program

if TYPE_CHECKING:
    from .rustc import Rustc


class Rustdoc(NamedTuple):
    """A rustdoc: its absolute path, and the SHA-256 (hex) over its content and that of its own libraries."""

    path: str
    identity: str


def rustdoc_of(rustc: Rustc) -> str:
    """The absolute path of the rustdoc that lies beside RUSTC; empty where there is none."""
    places = (f"{rustc.sysroot}/bin/rustdoc", f"{rustc.path.rpartition('/')[0]}/rustdoc")
    return next(filter(is_program, places), "")


def find_rustdoc(rustc: Rustc, environ: Mapping[str, str]) -> Rustdoc:
    """The rustdoc that goes with RUSTC.

    Raises:
        ToolchainError: there is none, or it cannot be read.
    """
    from . import memo
    from .identity import contents
    from .trail import Trail

    path = rustdoc_of(rustc)
    if not path:
        raise ToolchainError(
            f"rustc {rustc.release} has no rustdoc beside it ({rustc.path}), which finds the examples in "
            "documentation. Install the package that has it (Debian: rustc or rustc-web, as the compiler is; rustup: "
            "the component rustc), or leave DOCTESTS out."
        )
    try:
        return Rustdoc(path, contents(path, Trail(), memo.folder(environ)).digest)
    except OSError as error:
        raise ToolchainError(f"{error.filename} cannot be read: {error.strerror}.") from None
