"""What tests of the crates stage share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from cargo_cases import cargo_is_here, declaration, given_in, sysroot_of
from osimage.action import Plan
from osimage.crates.kernel import Kernel
from osimage.crates.plan import plan
from osimage.sysroot.plan import Sysroot
from osimage.toolchain.rustc import Rustc


@pytest.fixture
def needs_cargo() -> None:
    """Skips where this machine's cargo is another than the one whose words are expected."""
    if not cargo_is_here():
        pytest.skip("cargo 1.96.0 is not here")


@pytest.fixture
def planned(rustc_1_96: Rustc, needs_cargo: None) -> Callable[..., tuple[Plan, Kernel]]:
    """What the stage plans, with the real cargo, of the project in a folder; keywords change the declaration."""

    def make(
        root: Path, environ: Mapping[str, str] | None = None, sysroot: Sysroot | None = None, **said: Any
    ) -> tuple[Plan, Kernel]:
        return plan(declaration(**said), sysroot or sysroot_of(), given_in(root, rustc_1_96, environ))

    return make
