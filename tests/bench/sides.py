"""What the measurements share: both builders on one compiler, run by turns, told as ratios."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / "support"), str(Path(__file__).parents[2] / "site_scons/site_tools")]

from osimage.toolchain.find import find_rustc
from project import REPOSITORY

Pair = tuple[float, float]


@dataclass
class Side:
    """One of two builders: how it is run, where, and with what environment."""

    name: str
    folder: Path
    command: list[str]
    environ: dict[str, str]

    def run(self, *more: str) -> float:
        """Run once, with MORE arguments; seconds of wall time."""
        began = time.perf_counter()
        done = subprocess.run(
            [*self.command, *more], cwd=self.folder, env=self.environ, capture_output=True, text=True, check=False
        )
        took = time.perf_counter() - began
        if done.returncode:
            sys.exit(f"{self.name}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
        return took


@dataclass(frozen=True)
class Tools:
    """The compiler, cargo and linker that both sides use, and an environment with them first on PATH."""

    rustc: str
    cargo: str
    environ: dict[str, str]


def tools(base: Path) -> Tools:
    """The tools that osimage takes here, linked under the names that cargo looks for in BASE/bin."""
    environ = dict(os.environ)
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    environ.pop("RUSTUP_TOOLCHAIN", None)
    found = find_rustc(REPOSITORY, environ)
    rustc, cargo = found.need_rustc(), found.need_cargo()
    folder = base / "bin"
    folder.mkdir()
    for name, target in (("rustc", rustc.path), ("cargo", cargo.path)):
        (folder / name).symlink_to(target)
    if rustc.linker is not None:
        (folder / "rust-lld").symlink_to(rustc.linker.path)
    bootimage = Path(cargo_bootimage()).parent
    path = f"{folder}:{bootimage}:{environ['PATH']}"
    own = {"RUSTC": rustc.path, "RUSTC_BOOTSTRAP": "1", "CARGO": cargo.path, "PATH": path}
    return Tools(rustc.path, cargo.path, environ | own)


def cargo_bootimage() -> str:
    """The program of the peer; the run ends where there is none."""
    program = os.environ.get("CARGO_BOOTIMAGE") or shutil.which("cargo-bootimage")
    if program is None:
        sys.exit("cargo-bootimage is not on PATH: `cargo install bootimage`, or name it in CARGO_BOOTIMAGE")
    return program


def head(peer: str) -> None:
    """Print the head of the table against PEER."""
    print(f"{'work':<44} {'osimage':>9} {peer:>10} {'ratio':>6} {'at most':>8}")


def tell(title: str, pairs: Sequence[Pair], limit: float) -> None:
    """Print the row of one work: medians, the median of the paired ratios, and whether it is within LIMIT."""
    ours, peer = (statistics.median(side) for side in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    verdict = "" if ratio <= limit else "  MISSED"
    print(f"{title:<44} {ours:>7.2f} s {peer:>8.2f} s {ratio:>6.3f} {limit:>8.2f}{verdict}", flush=True)
