"""A command line of a person's own that boots an image, on our own terminal: how long it may take, how it ended."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Sequence
from typing import NamedTuple

from ..errors import StepError
from .process import dies_with, kept_terminal

PATIENCE_S = 5.0  # for a machine that was interrupted


class Ended(NamedTuple):
    """How the command ended: its exit code, negative for the signal it died of; None where its time was up."""

    code: int | None


def find(program: str) -> None:
    """Make sure that PROGRAM can be started, before anything is built for it.

    Raises:
        StepError: it is not there.
    """
    if shutil.which(program) is None:
        from ..toolchain.advice import qemu_advice
        from ..toolchain.qemu import PROGRAM

        advice = qemu_advice() if program == PROGRAM else "It is the first word of run-command in Cargo.toml."
        place = "is no program" if "/" in program else "is not on PATH"
        raise StepError(f"{program} {place}. {advice}")


def run(argv: Sequence[str], limit_s: float | None) -> Ended:
    """Run ARGV until it ends, for LIMIT_S seconds at most; it has our terminal, and ends with us.

    Raises:
        StepError: it cannot be started.
    """
    with kept_terminal():
        try:
            child = subprocess.Popen(argv, preexec_fn=dies_with(os.getpid()))  # noqa: PLW1509  # one system call
        except OSError as error:
            raise StepError(f"{argv[0]} cannot be started: {error.strerror}.") from error
        try:
            return Ended(child.wait(limit_s))
        except subprocess.TimeoutExpired:
            return Ended(None)
        except KeyboardInterrupt:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(PATIENCE_S)  # the terminal has told it too
            raise
        finally:
            child.kill()
            child.wait()
