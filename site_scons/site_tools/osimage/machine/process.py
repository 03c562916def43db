"""Starting QEMU so that it ends with us, and signals and the terminal while it runs."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import FrameType
from typing import Any

from ..errors import StepError

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_LIBC = ctypes.CDLL(None)


def start(
    argv: Sequence[str], *, inherited: Sequence[int], environ: Mapping[str, str], terminal: bool
) -> subprocess.Popen[bytes]:
    """Start ARGV with the file descriptors INHERITED; TERMINAL gives it our own standard input and output.

    It is killed when the calling thread ends, which covers a `kill -9` of this process. It stays in our process group:
    Ctrl-C and Ctrl-Z at the terminal reach it too.

    Raises:
        StepError: it cannot be started.
    """
    try:
        return subprocess.Popen(
            argv,
            stdin=None if terminal else subprocess.DEVNULL,
            stdout=None if terminal else subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=inherited,
            env=dict(environ),
            # Threads are no danger to it: one system call, resolved before the fork.
            preexec_fn=dies_with(os.getpid()),  # noqa: PLW1509
        )
    except OSError as error:
        raise StepError(
            f"cannot start QEMU, {argv[0]}: {error.strerror}. Install it (Debian: apt install qemu-system-x86)."
        ) from error


def dies_with(parent: int) -> Callable[[], None]:
    """What a child runs before its program, so that it ends with the process PARENT (prctl(2), PR_SET_PDEATHSIG)."""
    prctl, getppid, leave = _LIBC.prctl, os.getppid, os._exit

    def prepare() -> None:
        prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if getppid() != parent:  # it died before the call above
            leave(1)

    return prepare


def processor_seconds(pid: int) -> float:
    """The processor time, in seconds, that process PID has used; 0 where it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Interrupts:
    """SIGINT, SIGTERM and SIGHUP as something to wait for and to look at, so that no exception breaks into an ending.

    Only the main thread can have them; in another one nothing is caught. What the process ignores stays ignored. The
    handlers that were there are put back, but do not hear of the signal.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._reader, self._writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._take)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        os.close(self._reader)
        os.close(self._writer)

    def fileno(self) -> int:
        """What becomes readable with the first signal."""
        return self._reader

    def _take(self, number: int, _frame: FrameType | None) -> None:
        if self.received is None:
            self.received = number
            os.write(self._writer, b"!")


@contextlib.contextmanager
def kept_terminal() -> Iterator[None]:
    """Put the terminal's settings back at the end, whatever QEMU or we did to them."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError, ValueError, termios.error):
            number = sys.stdin.fileno()
            if os.tcgetpgrp(number) == os.getpgrp():  # in the background, changing them would stop us
                stack.callback(termios.tcsetattr, number, termios.TCSANOW, termios.tcgetattr(number))
        yield


def keys_one_by_one() -> int | None:
    """The terminal's file descriptor, set to give each key at once and without echo; None without one.

    Ctrl-C still is a signal. To be used inside `kept_terminal`.
    """
    try:
        number = sys.stdin.fileno()
        if not sys.stdin.isatty() or os.tcgetpgrp(number) != os.getpgrp():
            return None
        settings = termios.tcgetattr(number)
        settings[3] &= ~(termios.ICANON | termios.ECHO)
        termios.tcsetattr(number, termios.TCSANOW, settings)
    except (OSError, ValueError, termios.error):
        return None
    return number
