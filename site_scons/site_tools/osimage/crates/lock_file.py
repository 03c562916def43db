"""Cargo.lock, which cargo writes in a folder of its own, so that the project's changes in one piece or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from .fault import FaultError


def writing(lock: str, shown: str, ask: Callable[[str], str]) -> str:
    """What ASK says, which gets the name of a copy of LOCK (absolute, SHOWN for people) and lets cargo write that.

    LOCK is replaced by the copy when cargo has said something.

    Raises:
        FaultError: LOCK cannot be written; or as ASK does.
    """
    with tempfile.TemporaryDirectory(prefix="osimage-", ignore_cleanup_errors=True) as folder:
        copy = f"{folder}/Cargo.lock"
        try:
            if os.path.exists(lock):
                shutil.copy(lock, copy)
            said = ask(copy)
            if os.path.exists(copy):
                _replace(os.path.realpath(lock), Path(copy).read_bytes())
        except OSError as error:
            raise FaultError(f"{shown} cannot be written: {error.strerror}.") from error
    return said


def _replace(file: str, content: bytes) -> None:
    """Give FILE its CONTENT by a rename, where it has another one."""
    if os.path.exists(file) and Path(file).read_bytes() == content:
        return
    new = f"{file}.new.{os.getpid()}"
    try:
        Path(new).write_bytes(content)
        if os.path.exists(file):
            shutil.copymode(file, new)
        os.replace(new, file)
    except OSError:
        Path(new).unlink(missing_ok=True)
        raise
