"""One run of a machine, attended to or looked at, up to its exit status."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import StepError
from . import messages, picture, process, qemu
from .declaration import MachineDeclaration
from .screen import is_blank, plain
from .session import MachineEnded, Session
from .settle import Patience, Rest, Watch
from .show import Show
from .verdict import Ending, Verdict, judge

POLL_S = 0.01  # a look at the machine takes about 1 ms


@dataclass(frozen=True)
class Job:
    """A run: the machine, all of the person's arguments (OWN), where output goes, and what may end it early."""

    machine: MachineDeclaration
    qemu_path: str
    own: tuple[str, ...]
    environ: Mapping[str, str]
    show: Show
    interrupts: process.Interrupts
    stop: Callable[[], bool]

    def open_window(self, window: str) -> int | None:
        """Attend to the machine in a WINDOW, as `-display` calls it; None where that does not open."""
        with self._session(window, watched=True) as session:
            return self._attend(session, keyboard=True) if session.started or session.interrupted else None

    def attend(self, *, keyboard: bool = False, given: bool = False) -> int:
        """Let the machine run until it or the person ends it.

        With GIVEN QEMU has the terminal itself; with KEYBOARD what is typed there goes to the serial line.
        """
        with self._session(terminal=given, watched=True) as session:
            return self._attend(session, keyboard=keyboard)

    def look(self, patience: Patience, screenshot: str, note: str) -> int:
        """Let the machine run until its screen has settled, and show that; NOTE says why it is looked at this way."""
        with self._session() as session:
            watch = Watch(patience)
            if session.started:
                self._headline(session)
                if note:
                    self.show.note(note)
                watch = self._watch(session, watch)
            shot = _picture(session) if session.started and not session.interrupted else None
            if watch.last and not session.interrupted and _is_worth_showing(watch):
                self._screen(watch.last.memory, shot)
            if shot and screenshot:
                _write_picture(screenshot, shot)
                self.show.note(f"the screen as a picture: {screenshot}")
            return self._conclude(session, watch)

    # -- how it is done --------------------------------------------------------------------------------------------

    def _session(self, window: str = "none", *, terminal: bool = False, watched: bool = False) -> Session:
        return Session(
            qemu.command_line(self.machine, self.qemu_path, self.own, window),
            lambda monitor, line: qemu.channels(self.machine, self.own, monitor, line, watched=watched),
            serial=self.show.serial,
            environ=self.environ,
            terminal=terminal,
            interrupts=self.interrupts,
            stop=self.stop,
        )

    def _headline(self, session: Session) -> None:
        self.show.headline(qemu.headline(self.machine, self.own, session.version))

    def _watch(self, session: Session, watch: Watch) -> Watch:
        """WATCH after all that was seen until the machine rested or ended."""
        try:
            session.go()
            while watch.rest is None and not session.interrupted and not session.reasons:
                ready = time.monotonic() + POLL_S
                while (left := ready - time.monotonic()) > 0:
                    session.wait(left)
                watch = watch.step(session.sight())
                self.show.words(session.new_words())
            if session.reasons:
                watch = watch.step(session.sight())
        except MachineEnded:
            pass
        return watch

    def _attend(self, session: Session, *, keyboard: bool) -> int:
        watch = Watch()
        try:
            if session.started:
                self._headline(session)
                keys = process.keys_one_by_one() if keyboard else None
                if keys is not None:
                    session.relay(keys)
                if "-S" not in self.own:
                    session.go()
            while not session.interrupted and not session.reasons:
                session.wait(0.2)
                self.show.words(session.new_words())
            if session.reasons:
                watch = watch.step(session.sight())
        except MachineEnded:
            pass
        return self._conclude(session, watch)

    def _screen(self, memory: bytes, shot: picture.Picture | None) -> None:
        if shot and (shot.width, shot.height) != picture.TEXT_MODE_SIZE:
            self.show.note(f"the screen shows graphics, {shot.width} x {shot.height}; SCREENSHOT=screen.png saves it")
        else:
            self.show.screen(memory)

    def _conclude(self, session: Session, watch: Watch) -> int:
        """End QEMU, if it has not, and say how the run ended."""
        exit_code, reasons = session.exit_code, session.reasons  # before our own `quit` becomes one of them
        if exit_code is None:
            # A machine that has stopped, as newer QEMUs do on isa-debug-exit, still has the kernel's exit code.
            exit_code = max(session.finish(), 0)
        ending = Ending(
            started=session.started,
            exit_code=exit_code,
            reasons=reasons,
            words=session.words,
            rest=watch.rest,
            interrupted=session.interrupted,
        )
        verdict = judge(ending)
        failure = messages.failure(verdict, ending, watch.last, self.machine.image)
        if failure:
            raise StepError(failure)
        note = messages.note(verdict, ending, watch.last)
        if note:
            self.show.note(note)
        if verdict is Verdict.INTERRUPTED:
            return 128 + (self.interrupts.received or signal.SIGINT)
        return 0


def _is_worth_showing(watch: Watch) -> bool:
    """Whether the screen is the kernel's, or at rest, and has more than the reason that the error will tell."""
    if watch.last is None or (watch.rest is None and watch.kernel_since is None):
        return False
    if watch.rest is None and is_blank(watch.last.memory):
        return False
    return watch.rest is not Rest.STOPPED or not plain(watch.last.memory)[0].startswith("osimage: ")


def _picture(session: Session) -> picture.Picture | None:
    try:
        return session.picture()
    except MachineEnded:
        return None


def _write_picture(path: str, shot: picture.Picture) -> None:
    try:
        Path(path).write_bytes(picture.to_png(shot))
    except OSError as error:
        raise StepError(f"cannot write {path}: {error.strerror}") from error
