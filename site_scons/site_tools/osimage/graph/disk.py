"""What is said where the disk is full, or the build folder cannot be written."""

from __future__ import annotations

import errno
import os
import signal

NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
IN_THE_WAY = (errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENOTEMPTY)


def words(error: OSError, build: str) -> str:
    """Why a file in the folder BUILD cannot be written, and what to do."""
    if error.errno in NO_ROOM:
        return full(build)
    named = error.filename2 or error.filename
    name = os.path.relpath(named) if isinstance(named, str) else f"{build}/"
    if error.errno in IN_THE_WAY:
        return f"{name} is in the way: {error.strerror}. Move it away."
    said = f"{name} cannot be written: {error.strerror or error}"
    return f'{said}. Make it writable for you, or build elsewhere: Environment(tools=["osimage"], BUILD_DIR="#out").'


def full(build: str) -> str:
    """That there is no room left for the folder BUILD."""
    return f"the disk that holds {build}/ is full. Make room and build again: nothing is lost."


def is_full(status: int, said: str) -> bool:
    """Whether a program ended with STATUS, having SAID so, because the disk is full.

    A linker writes by a memory map: where there is no room for a page of it, SIGBUS comes in the place of an error.
    """
    return status == -signal.SIGBUS or "(SIGBUS)" in said or any(os.strerror(number) in said for number in NO_ROOM)
