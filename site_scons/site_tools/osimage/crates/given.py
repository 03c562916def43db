"""What the planning of every Cargo package needs besides its declaration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple, Protocol

from .place import Place

if TYPE_CHECKING:
    from ..toolchain.rustc import Rustc


class RunsCargo(Protocol):
    """`toolchain.cargo.Cargo`, as far as it is used here."""

    def run(
        self, arguments: tuple[str, ...], files: tuple[tuple[str, str], ...], environ: Mapping[str, str]
    ) -> tuple[int, str, str]:
        """The exit status, standard output and standard error of cargo with ARGUMENTS in a new folder with FILES."""
        ...


class Given(NamedTuple):
    """The compiler, its cargo, the person's environment, which steers cargo as on the command line, and the place."""

    rustc: Rustc
    cargo: RunsCargo
    environ: Mapping[str, str]
    place: Place
