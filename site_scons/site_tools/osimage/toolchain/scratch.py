"""A folder for temporary files, in which programs are asked something."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import ToolchainError

_ANOTHER = "Make room, or name another folder for temporary files: TMPDIR=…"


@contextmanager
def scratch() -> Iterator[str]:
    """The name of an empty folder, which is removed afterwards.

    Raises:
        ToolchainError: there is no room for it, or for what is written to it.
    """
    import tempfile

    try:
        folder = tempfile.TemporaryDirectory(prefix="osimage-", ignore_cleanup_errors=True)
    except OSError as error:
        raise ToolchainError(f"nothing temporary can be written: {error.strerror}. {_ANOTHER}") from error
    try:
        with folder as name:
            yield name
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        words = f"the disk that holds {tempfile.gettempdir()} is full. {_ANOTHER}"
        raise ToolchainError(words) from error
