"""One build at a time in a build folder; whoever comes second says whom it waits for."""

from __future__ import annotations

import fcntl
import os
import sys
from pathlib import Path


class BuildLock:
    """An advisory lock (flock) on a file in the build folder. The kernel releases it however the process ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd: int | None = None

    def acquire(self) -> None:
        """Take the lock; while another process holds it, say so once and wait.

        Raises:
            OSError: the build folder cannot be written.
        """
        if self._fd is not None:
            return
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(fd, 4096, 0).decode(errors="replace").strip() or "another process"
            print(f"osimage: waiting for {holder}, which is building here", file=sys.stderr, flush=True)
            fcntl.flock(fd, fcntl.LOCK_EX)
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"`{' '.join(['scons', *sys.argv[1:]])}` (process {os.getpid()})".encode(), 0)
        self._fd = fd

    def release(self) -> None:
        """Let others build; harmless when not held."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
