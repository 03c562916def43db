"""Cargo.lock, which cargo writes in a folder of its own, so that the project's changes in one piece or not at all."""

from __future__ import annotations

import glob
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from ..toolchain.scratch import scratch
from .fault import FaultError

_NEW = ".new."  # between the name of the file and the process that writes what is to take its place


def remove_leftovers(lock: str) -> None:
    """Remove what processes that were killed left beside LOCK (absolute) when they were about to replace it.

    It lies beside LOCK since a rename needs one file system, and the build folder may be on another.
    """
    for path in glob.glob(f"{glob.escape(os.path.realpath(lock))}{_NEW}*"):
        process = path.rpartition(".")[2]
        if process.isdecimal() and not os.path.exists(f"/proc/{process}"):
            Path(path).unlink(missing_ok=True)


def writing(lock: str, shown: str, ask: Callable[[str], str]) -> str:
    """What ASK says, which gets the name of a copy of LOCK (absolute, SHOWN for people) and lets cargo write that.

    LOCK is replaced by the copy when cargo has said something.

    Raises:
        FaultError: LOCK cannot be written; or as ASK does.
        ToolchainError: there is no room for the copy.
    """
    with scratch() as folder:
        copy = f"{folder}/Cargo.lock"
        if os.path.exists(lock):
            shutil.copy(lock, copy)
        said = ask(copy)
        if os.path.exists(copy):
            try:
                _replace(os.path.realpath(lock), Path(copy).read_bytes())
            except OSError as error:
                raise FaultError(
                    f"{shown} cannot be written: {error.strerror}. Make room, or make its folder writable for you: "
                    "it is as it was."
                ) from error
    return said


def _replace(file: str, content: bytes) -> None:
    """Give FILE its CONTENT by a rename, where it has another one."""
    if os.path.exists(file) and Path(file).read_bytes() == content:
        return
    new = f"{file}{_NEW}{os.getpid()}"
    try:
        Path(new).write_bytes(content)
        if os.path.exists(file):
            shutil.copymode(file, new)
        os.replace(new, file)
    except OSError:
        Path(new).unlink(missing_ok=True)
        raise
