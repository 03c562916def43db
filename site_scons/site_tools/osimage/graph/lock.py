"""One build at a time in a build folder; whoever comes second says whom it waits for."""

from __future__ import annotations

import fcntl
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from ..errors import StepError

PATIENCE_S = 0.05


class BuildLock:
    """An advisory lock (flock) on a file in the build folder. The kernel releases it however the process ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd: int | None = None

    def acquire(self, stop: Callable[[], bool] = lambda: False) -> None:
        """Take the lock; while another process holds it, say so once and wait until STOP says to give up.

        Raises:
            OSError: the build folder cannot be written.
            StepError: STOP said so.
        """
        told = False
        while self._fd is None:
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            if not self._try(fd):
                if not told:
                    holder = os.pread(fd, 4096, 0).decode(errors="replace").strip() or "another process"
                    print(f"osimage: waiting for {holder}, which is building here", file=sys.stderr, flush=True)
                    told = True
                os.close(fd)
                if stop():
                    raise StepError("interrupted while waiting for another build")
                time.sleep(PATIENCE_S)
                continue
            os.ftruncate(fd, 0)
            program = "osimage" if os.path.basename(sys.argv[0]) == "osimage" else "scons"  # however it was started
            os.pwrite(fd, f"`{' '.join([program, *sys.argv[1:]])}` (process {os.getpid()})".encode(), 0)
            self._fd = fd

    def _try(self, fd: int) -> bool:
        """Whether FD now holds the lock, on the file that has the name: it may have been deleted meanwhile."""
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return os.fstat(fd).st_ino == os.stat(self._path).st_ino
        except (BlockingIOError, FileNotFoundError):
            return False

    def release(self) -> None:
        """Let others build; harmless when not held."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
