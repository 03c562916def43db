"""One QEMU from start to end: its monitor, its serial line, its words; nothing of it outlives the session."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import selectors
import socket
import subprocess
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from io import FileIO
from typing import Any

from ..errors import StepError
from . import cpu, picture, process, screen
from .qmp import Failure, Protocol
from .settle import Sight

ANSWER_S = 20.0  # within this QEMU greets and answers a command, also on a busy host
QUIT_S = 2.0  # between `quit` and kill
SERIAL_KEPT = 1 << 20  # bytes; of what the machine sends the last are kept
WORDS_KEPT = 50  # lines; of what QEMU itself says the last are kept

Sink = Callable[[bytes], None]
Channels = Callable[[int, int], tuple[str, ...]]


class MachineEnded(Exception):  # noqa: N818
    """QEMU has ended; how stands in `exit_code`, `reasons` and `words`."""


def clean(words: str) -> tuple[str, ...]:
    """The lines of WORDS, from QEMU's standard error, without its name and without what it says of a signal to end."""
    lines = (re.sub(r"^(\S*qemu-system-\w+|qemu): ", "", line).rstrip() for line in words.splitlines())
    return tuple(line for line in lines if line and not line.startswith("terminating on signal "))


def _pipe() -> tuple[FileIO, FileIO]:
    """Both ends of a large pipe, the one to read from first."""
    reader, writer = os.pipe2(os.O_CLOEXEC)
    with contextlib.suppress(OSError):  # the system allows less
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 1 << 20)
    return FileIO(reader, "rb"), FileIO(writer, "wb")


class Session:
    """QEMU as a context manager: started and stopped at its first instruction on entering, gone on leaving.

    COMMAND starts it, with what CHANNELS gives for two sockets: the monitor's and the serial port's. SERIAL takes what
    comes from the serial port as it comes. With TERMINAL QEMU itself has our standard input and output. With LISTENING
    the serial port has a pipe instead of a socket, for a kernel that only sends: QEMU writes byte by byte, and of
    single bytes a socket holds a few hundred. INHERITED are more file descriptors for QEMU.

    Everything happens in the thread that entered, inside `wait` and the methods that ask QEMU something; these raise
    MachineEnded once QEMU has gone, and StepError where it does not answer.
    """

    def __init__(
        self,
        command: Sequence[str],
        channels: Channels,
        *,
        serial: Sink,
        environ: Mapping[str, str],
        terminal: bool = False,
        listening: bool = False,
        inherited: Sequence[int] = (),
        interrupts: process.Interrupts | None = None,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self.started = False
        self.exit_code: int | None = None
        self._words = ""  # on standard error, what is not yet a whole line
        self._new_words: list[str] = []
        self._all_words: deque[str] = deque(maxlen=WORDS_KEPT)
        self.serial = bytearray()
        self.serial_count = 0
        self._command, self._channels, self._environ, self._terminal = command, channels, environ, terminal
        self._listening, self._inherited = listening, tuple(inherited)
        self._sink, self._stop, self._interrupts = serial, stop, interrupts
        self._protocol = Protocol()
        self._stack = contextlib.ExitStack()
        self._stopped = False
        self._began = 0.0

    def __enter__(self) -> Session:
        with contextlib.ExitStack() as stack:
            self._selector = stack.enter_context(selectors.DefaultSelector())
            self._qmp, theirs = (stack.enter_context(end) for end in socket.socketpair())
            ends: Sequence[Any] = _pipe() if self._listening else socket.socketpair()
            self._line, line = stack.enter_context(ends[0]), stack.enter_context(ends[1])
            # QEMU writes memory and pictures to a file by name; this one has no name that could be left behind.
            self._paper = os.memfd_create("osimage")
            stack.callback(os.close, self._paper)
            inherited = (theirs.fileno(), line.fileno(), self._paper, *self._inherited)
            argv = (*self._command, *self._channels(*inherited[:2]))
            self._child = process.start(argv, inherited=inherited, environ=self._environ, terminal=self._terminal)
            stack.callback(self._end)
            theirs.close()
            line.close()
            self._listen(stack)
            self._greet()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def version(self) -> str:
        """QEMU's, as it told it."""
        return self._protocol.version

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the machine stopped, in the words of QMP's SHUTDOWN events."""
        return self._protocol.shutdown_reasons()

    @property
    def interrupted(self) -> bool:
        """Whether a signal to us or to QEMU, or whoever gave `stop`, wants an end."""
        signalled = bool(self._interrupts and self._interrupts.received) or "host-signal" in self.reasons
        self._stopped = self._stopped or signalled or self._stop()
        return self._stopped

    @property
    def words(self) -> tuple[str, ...]:
        """The last lines that QEMU wrote to standard error."""
        return (*self._all_words, *clean(self._words))

    def new_words(self) -> tuple[str, ...]:
        """Those of its words, as lines, that came since the last call."""
        new, self._new_words = self._new_words, []
        return tuple(new)

    @property
    def pid(self) -> int:
        """QEMU's process id."""
        return self._child.pid

    # -- what one does with it -------------------------------------------------------------------------------------

    def go(self) -> None:
        """Let the machine run."""
        self.ask("cont")
        self._began = time.monotonic()

    def wait(self, seconds: float) -> None:
        """Wait until something happens, at most SECONDS, and take it in."""
        if self.exit_code is not None:
            raise MachineEnded
        ready = [key for key, _ in self._selector.select(seconds)]
        # The end last: it takes what is left of everything else, so that a second reading would wait for ever.
        for key in sorted(ready, key=lambda key: key.data == self._take_end):
            key.data(key.fileobj)
        if self.exit_code is not None:
            raise MachineEnded

    def ask(self, command: str, **arguments: Any) -> Any:
        """What QEMU returns to a QMP COMMAND, a Failure where it cannot do it."""
        number, message = self._protocol.command(command, arguments)
        try:
            self._qmp.sendall(message)
        except OSError:  # QEMU is ending
            self._wait_for_exit(ANSWER_S)
            raise MachineEnded from None
        self._until(lambda: self._protocol.answered(number), f"answered '{command}'")
        return self._protocol.answer(number)

    def sight(self) -> Sight:
        """What is to be seen of the machine now."""
        memory = self._written("pmemsave", val=screen.ADDRESS, size=screen.SIZE)
        registers = self.ask("human-monitor-command", **{"command-line": "info registers -a"})
        used = process.processor_seconds(self.pid)
        return Sight(time.monotonic() - self._began, used, memory, self.serial_count, cpu.parse(registers))

    def picture(self) -> picture.Picture:
        """The screen as a window would show it."""
        return picture.from_ppm(self._written("screendump"))

    def type(self, keys: bytes) -> None:
        """Send KEYS to the machine's serial port."""
        if isinstance(self._line, socket.socket):
            with contextlib.suppress(OSError):  # a machine that reads nothing for long loses keys
                self._line.send(keys, socket.MSG_DONTWAIT)

    def relay(self, keyboard: int) -> None:
        """From now on send what comes from the file descriptor KEYBOARD to the serial port."""

        def take(number: Any) -> None:
            keys = os.read(number, 4096)
            self.type(keys) if keys else self._unregister(number)

        self._selector.register(keyboard, selectors.EVENT_READ, take)

    def finish(self) -> int:
        """Ask QEMU to quit and return its exit code: one that the kernel chose, else 0; negative for a signal."""
        with contextlib.suppress(MachineEnded, StepError):
            self.ask("quit")
        self._wait_for_exit(QUIT_S)
        self._end()
        return self._child.returncode

    # -- how it is done --------------------------------------------------------------------------------------------

    def _listen(self, stack: contextlib.ExitStack) -> None:
        def register(source: Any, take: Callable[[Any], None]) -> None:
            self._selector.register(source, selectors.EVENT_READ, take)

        ended = os.pidfd_open(self._child.pid)
        stack.callback(os.close, ended)
        register(ended, self._take_end)
        register(self._qmp, self._reader(self._protocol.feed))
        register(self._line, self._reader(self._take_serial))
        for pipe, take in ((self._child.stdout, self._take_serial), (self._child.stderr, self._take_words)):
            if pipe:
                stack.enter_context(pipe)
                register(pipe, self._reader(take))
        if self._interrupts:
            register(self._interrupts, self._unregister)

    def _reader(self, take: Sink) -> Callable[[Any], None]:
        def read(source: Any) -> None:
            try:
                data = os.read(source.fileno(), 1 << 16)
            except ConnectionError:
                data = b""
            if data:
                take(data)
            else:
                self._unregister(source)

        return read

    def _unregister(self, source: Any) -> None:
        self._selector.unregister(source)

    def _greet(self) -> None:
        try:
            self._until(lambda: bool(self.version), "started")
            self.ask("qmp_capabilities")
            self.started = True
        except MachineEnded:
            return  # the caller sees it in `started`, `exit_code` and `words`

    def _until(self, done: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + ANSWER_S
        while not done():
            left = deadline - time.monotonic()
            if left <= 0:
                raise StepError(f"QEMU has not {what} within {ANSWER_S:.0f} s.")
            self.wait(left)

    def _written(self, command: str, **arguments: Any) -> bytes:
        """What QEMU wrote to the file that COMMAND takes."""
        answer = self.ask(command, filename=f"/proc/self/fd/{self._paper}", **arguments)
        if isinstance(answer, Failure):
            raise StepError(f"QEMU cannot do '{command}': {answer.description}")
        return os.pread(self._paper, os.fstat(self._paper).st_size, 0)

    def _take_serial(self, data: bytes) -> None:
        self.serial_count += len(data)
        self.serial += data
        del self.serial[:-SERIAL_KEPT]
        self._sink(data)

    def _take_words(self, data: bytes) -> None:
        whole, line_end, self._words = (self._words + data.decode(errors="replace")).rpartition("\n")
        lines = clean(whole + line_end)
        self._new_words += lines
        self._all_words += lines

    def _take_end(self, _: object) -> None:
        """QEMU has ended: note how, and take what is still in its pipes."""
        if self.exit_code is None:
            self.exit_code = self._child.wait()
            while ready := [key for key, _ in self._selector.select(0) if key.data != self._take_end]:
                for key in ready:
                    key.data(key.fileobj)

    def _wait_for_exit(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        with contextlib.suppress(MachineEnded):
            while (left := deadline - time.monotonic()) > 0:
                self.wait(left)

    def _end(self) -> None:
        """Kill QEMU if it is still there; it is our child until this, so the process id is its own."""
        if self._child.poll() is None:
            self._child.kill()
        try:
            self.exit_code = self._child.wait(ANSWER_S)
        except subprocess.TimeoutExpired:  # stuck in the kernel: it ends when that lets it
            self.exit_code = self.exit_code or 0
