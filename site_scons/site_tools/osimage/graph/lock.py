"""One build at a time in a build folder; whoever comes second says whom it waits for."""

from __future__ import annotations

import fcntl
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from ..errors import StepError

PATIENCE_S = 0.05
NAMELESS_S = 0.5  # who has just taken the lock may not have written yet who it is


class BuildLock:
    """An advisory lock (flock) on a file in the build folder. The kernel releases it however the process ends.

    Programs that write into the build folder by themselves inherit it, as build scripts do: one that goes on after this
    process was killed keeps the lock until it ends.
    """

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
            taken = self._try(fd)
            left = self._left_over(fd) if taken else ""
            if left or not taken:
                if not told:
                    print(f"osimage: waiting for {left or self._holder(fd)}", file=sys.stderr, flush=True)
                    told = True
                os.close(fd)
                if stop():
                    raise StepError("interrupted while waiting for another build")
                time.sleep(PATIENCE_S)
                continue
            os.ftruncate(fd, 0)
            program = "osimage" if os.path.basename(sys.argv[0]) == "osimage" else "scons"  # however it was started
            os.pwrite(fd, f"`{' '.join([program, *sys.argv[1:]])}` (process {os.getpid()})".encode(), 0)
            os.set_inheritable(fd, True)  # by those that are started with close_fds=False
            self._fd = fd

    def _left_over(self, fd: int) -> str:
        """Who still uses the build folder that was here before, for people, if FD's file is a new one.

        Such a program goes on to write into this one.
        """
        if os.fstat(fd).st_size > 0:
            return ""
        left = ", ".join(_users(f"{self._path} (deleted)"))
        return f"{left}, which still uses the build folder that was deleted" if left else ""

    def _holder(self, fd: int) -> str:
        """Who keeps FD from taking the lock, for people."""
        end = time.monotonic() + NAMELESS_S
        while True:
            builder = os.pread(fd, 4096, 0).decode(errors="replace").strip()
            process = re.search(r"\(process (\d+)\)$", builder)
            if process is not None and os.path.exists(f"/proc/{process[1]}"):
                return f"{builder}, which is building here"
            if time.monotonic() > end:
                break
            time.sleep(PATIENCE_S)
        if process is None:
            return "another process, which is building here"
        left = ", ".join(_users(str(self._path))) or "a program"
        return f"{left}, which goes on after {builder} was killed"

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
            fcntl.flock(self._fd, fcntl.LOCK_UN)  # also from programs that it started and that go on
            os.close(self._fd)
            self._fd = None


def _users(name: str) -> Iterator[str]:
    """The other processes that have the locked file NAME open, each as "cc (process 12)"; as proc(5) names it."""
    folder, _, base = name.rpartition("/")
    name = f"{os.path.realpath(folder)}/{base}"
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if process.name != str(os.getpid()) and any(_is_locked(entry, name) for entry in process.glob("fd/*")):
                yield f"{(process / 'comm').read_text().strip()} (process {process.name})"
        except OSError:
            continue  # it has ended, or is another person's


def _is_locked(entry: Path, name: str) -> bool:
    """Whether ENTRY is the file NAME, and somebody has its lock: what a build started may have it open for ever."""
    try:
        if os.readlink(entry) != name:
            return False
        fd = os.open(entry, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False  # it was closed meanwhile
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return False
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
