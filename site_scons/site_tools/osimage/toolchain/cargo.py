"""cargo as the one that resolves and describes a project; it never compiles one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from ..errors import ToolchainError

LIMIT_S = 120


class Said(NamedTuple):
    """How cargo ended and what it wrote."""

    status: int
    stdout: str
    stderr: str


class Cargo:
    """The cargo at PATH (absolute), of VERSION ("1.96.0"), which belongs to the compiler at RUSTC_PATH."""

    def __init__(self, path: str, version: str, rustc_path: str) -> None:
        self.path = path
        self.version = version
        self.rustc_path = rustc_path

    def run(
        self, arguments: tuple[str, ...], files: tuple[tuple[str, str], ...], environ: Mapping[str, str]
    ) -> Said:
        """Run cargo with ARGUMENTS in a new folder that holds FILES (relative name, text), with ENVIRON and nothing else.

        A folder of its own, so that cargo does not read the project's `.cargo/config.toml`, whose `build-std` would add
        crates that are ours. The folder is gone afterwards, and its name is taken out of what cargo says. A refusal is
        an answer like any other.

        Raises:
            ToolchainError: cargo cannot be started, is killed by a signal, or does not end in LIMIT_S seconds.
        """
        import subprocess
        import tempfile

        with tempfile.TemporaryDirectory(prefix="osimage-cargo-") as folder:
            here = os.path.realpath(folder)
            for name, text in files:
                path = Path(here, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            try:
                done = subprocess.run([self.path, *arguments], cwd=here, env=dict(environ), stdin=subprocess.DEVNULL,
                                      capture_output=True, check=False, timeout=LIMIT_S)  # fmt: skip
            except OSError as error:
                raise ToolchainError(f"{self.path} cannot be started: {error.strerror}.") from error
            except subprocess.TimeoutExpired as error:
                raise ToolchainError(f"{self.path} {arguments[0]} did not end in {LIMIT_S} seconds.") from error
        if done.returncode < 0:
            raise ToolchainError(f"{self.path} {arguments[0]} was killed by signal {-done.returncode}.")
        output, errors = (text.decode(errors="replace").replace(f"{here}/", "") for text in (done.stdout, done.stderr))
        return Said(done.returncode, output, errors)
