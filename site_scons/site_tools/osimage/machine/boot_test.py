"""One boot of a test: QEMU from start to end with a time limit, its serial line in a log, and how that is judged."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ..errors import StepError, Where
from . import outcome, qemu
from .declaration import MachineDeclaration
from .messages import place
from .outcome import Outcome, Seen
from .results import Result
from .session import MachineEnded, Session
from .settle import Sight, is_not_bootable, reason
from .testing import parts
from .transcript import Transcript

LOG_HEAD = 16 << 20  # bytes; of what the kernel sends the first go to the log,
LOG_TAIL = 64 << 10  # and the last
POLL_S = 0.2
GATHER_S = 0.002  # in which bytes that come one by one gather, so that reading them costs QEMU nothing
LOOK_S = 0.5  # between two looks at the machine; most tests have ended before the first
DEAD_S = 2.0  # so long is watched what can go on no more, before the test is given up


class Interrupted(Exception):  # noqa: N818
    """We were asked to end."""


def boot(
    name: str,
    argv: Sequence[str],
    *,
    qemu_path: str,
    log: str,
    environ: Mapping[str, str],
    stop: Callable[[], bool],
    transcript: Transcript,
) -> Result:
    """Boot the test NAME as ARGV, a step's, says, and write its serial line to the file LOG and to TRANSCRIPT.

    STOP is asked now and then whether to end early. To be called in a thread that stays until this returns: QEMU dies
    with it.

    Raises:
        Interrupted: STOP said so.
        OSError: the log cannot be written.
    """
    rule, command = parts(argv)
    began = time.monotonic()
    with SerialLog(log) as serial_log, FaultLog(command) as faults:

        def take(data: bytes) -> None:
            serial_log.write(data)
            transcript.feed(data, time.monotonic() - began)

        seen = _run((qemu_path, *command[1:]), rule.timeout_s, faults, take, environ, stop)
    seen = seen._replace(panicked=bool(transcript.panics))
    how = outcome.judge(seen, rule)
    if how is Outcome.INTERRUPTED:
        raise Interrupted
    return Result(
        name, how is Outcome.PASSED, outcome.words(how, seen, rule), outcome.advice(how, name),
        tuple(transcript.tests), tuple(transcript.panics), transcript.running, transcript.announced,
        log if seen.started else "", time.monotonic() - began,
    )  # fmt: skip


def _run(
    command: Sequence[str],
    timeout_s: int,
    faults: FaultLog,
    serial: Callable[[bytes], None],
    environ: Mapping[str, str],
    stop: Callable[[], bool],
) -> Seen:
    """What is seen of the machine of COMMAND until it ends, its time is over or STOP says so."""

    def channels(monitor: int, line: int) -> tuple[str, ...]:
        machine = MachineDeclaration("test", "", Where("", 0, ""), serial=f"/dev/fd/{line}")
        return (*faults.arguments, *qemu.channels(machine, command[1:], monitor, line))

    try:
        with Session(
            command, channels, serial=serial, environ=environ, listening=True, inherited=faults.inherited, stop=stop
        ) as session:
            if not session.started:
                return Seen(False, session.exit_code, words=session.words, interrupted=stop())
            return _attend(session, timeout_s, stop)._replace(triple_fault=faults.has_triple_fault)
    except StepError as error:  # it cannot be started, or hangs
        return Seen(False, words=(str(error),), interrupted=stop())


def _attend(session: Session, timeout_s: int, stop: Callable[[], bool]) -> Seen:
    """What is seen of the machine of SESSION from its first instruction."""
    hope = _Hope()
    sight, timed_out = None, False
    try:
        session.go()
        end = time.monotonic() + timeout_s
        while not session.reasons and not session.interrupted and not hope.is_lost and not timed_out:
            session.wait(min(POLL_S, max(0.0, end - time.monotonic())))
            time.sleep(GATHER_S)
            hope.look(session)
            timed_out = time.monotonic() >= end
        if session.reasons and not session.interrupted:
            sight = session.sight()
    except MachineEnded:
        timed_out = False  # it has ended by itself
    exit_code, reasons = session.exit_code, session.reasons  # before our own `quit` becomes one of them
    if exit_code is None and reasons:
        exit_code = max(session.finish(), 0)  # newer QEMUs stop on isa-debug-exit, and have the code when they quit
    return Seen(
        True, exit_code, reasons, session.words, timed_out and not reasons, stop(),
        halted=hope.halted, unreached=hope.unreached, place=place(sight or hope.sight),
    )  # fmt: skip


class _Hope:
    """What looks at a machine tell: whether it can still come to an end by itself."""

    def __init__(self) -> None:
        self.halted = False
        self.unreached = ""
        self.sight: Sight | None = None
        self._next = time.monotonic() + LOOK_S
        self._lost_since = 0.0

    @property
    def is_lost(self) -> bool:
        """Whether it cannot: no interrupt can wake it, or nothing was booted."""
        return self.halted or bool(self.unreached)

    def look(self, session: Session) -> None:
        """Look at the machine of SESSION, if it is time to."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + LOOK_S
        self.sight = sight = session.sight()
        not_bootable = is_not_bootable(sight.memory) and not sight.processors.long_mode
        if not (sight.processors.dead or not_bootable):
            self._lost_since = 0.0
        elif not self._lost_since:
            self._lost_since = now
        elif now - self._lost_since >= DEAD_S:
            nothing = "the firmware found nothing to boot" if not_bootable else ""
            self.unreached = nothing or reason(sight.memory)
            self.halted = not self.unreached


class FaultLog:
    """QEMU's own log of triple faults, in a file without a name; left to the person where COMMAND has another log."""

    def __init__(self, command: Sequence[str]) -> None:
        is_ours = "-no-reboot" in command and not {"-d", "-D", "--d", "--D"} & set(command)
        self._file = os.memfd_create("osimage-faults") if is_ours else -1

    def __enter__(self) -> FaultLog:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file >= 0:
            os.close(self._file)

    @property
    def inherited(self) -> tuple[int, ...]:
        """The file descriptors that QEMU needs for it."""
        return (self._file,) if self._file >= 0 else ()

    @property
    def arguments(self) -> tuple[str, ...]:
        """QEMU's arguments for it."""
        return ("-d", "cpu_reset", "-D", f"/proc/self/fd/{self._file}") if self._file >= 0 else ()

    @property
    def has_triple_fault(self) -> bool:
        """Whether the processor gave up."""
        return self._file >= 0 and b"Triple fault" in os.pread(self._file, os.fstat(self._file).st_size, 0)


class SerialLog:
    """The file PATH, new, with all that a kernel sends; of a flood the first LOG_HEAD bytes and the last LOG_TAIL."""

    def __init__(self, path: str) -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)  # another scons may be writing the one of that name
        self._file = open(path, "wb", buffering=0)  # noqa: SIM115  # closed on leaving
        self._size = 0
        self._last = bytearray()

    def __enter__(self) -> SerialLog:
        return self

    def write(self, data: bytes) -> None:
        """Take DATA, which is there to be read at once."""
        head = data[: max(0, LOG_HEAD - self._size)]
        self._file.write(head)
        self._last += data[len(head) :]
        del self._last[:-LOG_TAIL]
        self._size += len(data)

    def __exit__(self, *_: object) -> None:
        with self._file:
            left_out = self._size - LOG_HEAD - len(self._last)
            if left_out > 0:
                self._file.write(f"\n[osimage: {left_out} bytes are left out here]\n".encode())
            self._file.write(self._last)
