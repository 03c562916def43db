"""What running steps needs of this machine, from the compiler that was found on it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..own import own_digest, own_stats
from ..toolchain.find import Found, find_rustc
from ..toolchain.programs import programs_for
from .engine import Machine

if TYPE_CHECKING:
    from ..cache.store import DiskStore


def machine_of(
    found: Found,
    root: Path,
    environ: Mapping[str, str],
    store: DiskStore | None,
    *,
    verbose: bool = False,
    show_cached: bool = False,
    twice: bool = False,
    jobs: int = 1,
) -> Machine:
    """The machine on which FOUND was found for the project in ROOT as ENVIRON has it.

    Raises:
        ToolchainError: no compiler was found.
    """
    rustc = found.need_rustc()

    def is_same() -> bool:
        """Nothing was installed or edited meanwhile."""
        return own_stats() == own_digest() and find_rustc(root, environ).identity == found.identity

    libraries = f"{rustc.sysroot}/lib/rustlib/{rustc.host}/lib"
    return Machine(programs_for(found), libraries, store, verbose, show_cached, twice, jobs, is_same)
