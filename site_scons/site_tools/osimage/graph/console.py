"""What a person sees of a build: one line a step, and on a terminal what is running and for how long."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TextIO, cast

TICK_S = 0.5
SLOW_S = 1.0  # a step is worth a status line, and its seconds worth telling, from here on

# The status line ends with a return: whatever comes next begins at its first column, and it can be cleared from there
# even after the window was made narrower and the terminal has broken it into several lines.
CLEAR = "\r\x1b[J"


class Running(NamedTuple):
    """A step that runs: what it is called and since when (monotonic seconds)."""

    text: str
    began: float
    told: bool  # whether its line has been printed


class Console:
    """Lines for a person, written one at a time from many threads; a status line at the bottom of a terminal.

    SILENT leaves out the lines of steps, as `scons -s` wants it; what is written by `write` comes all the same.
    """

    def __init__(self, out: TextIO | None = None, environ: Mapping[str, str] = os.environ) -> None:
        self._out = out or sys.stdout
        self.terminal = self._out.isatty() and environ.get("TERM", "dumb") != "dumb"
        self.colour = self.terminal and not environ.get("NO_COLOR")
        self.silent = False
        self._lock = threading.RLock()
        self._running: dict[int, Running] = {}
        self._serial = 0
        self._ticker: threading.Thread | None = None
        self._closing = threading.Event()
        self._shown = ""  # the status line that is on the screen
        self._line_open = False  # whether somebody wrote a part of a line
        self._streams: tuple[TextIO, TextIO] | None = None

    def line(self, tag: str, text: str) -> None:
        """Print `[TAG] text`."""
        if not self.silent:
            self.write(f"{self._tag(tag)} {text}\n")

    def write(self, text: str) -> None:
        """Print TEXT, whole lines, above the status line."""
        if text:
            self.put(self._out, text if text.endswith("\n") else text + "\n")

    def start(self, tag: str, text: str, *, tell: bool = False) -> int:
        """Say that a step began; the handle goes to `finish`.

        On a terminal its line comes when it has ended, unless TELL; until then the status line has it.
        """
        tell = tell or not self.terminal
        if tell:
            self.line(tag, text)
        with self._lock:
            self._serial += 1
            self._running[self._serial] = Running(text, time.monotonic(), tell)
            if self.terminal and not self.silent and self._ticker is None:
                self._take_streams()
                self._ticker = threading.Thread(target=self._tick, daemon=True)
                self._ticker.start()
            return self._serial

    def finish(self, handle: int, tag: str) -> None:
        """Say that the step ended: on a terminal its line comes now, with its seconds. Harmless when said twice."""
        with self._lock:
            step = self._running.pop(handle, None)
            if step is None:
                return
            seconds = time.monotonic() - step.began
            took = self._dim(f", {seconds:.1f} s") if seconds >= SLOW_S else ""
            if not step.told:
                self.line(tag, step.text + took)
            elif self._shown:
                self.put(self._out, "")

    def rename(self, handle: int, text: str) -> None:
        """Let the status line call the step TEXT from now on."""
        with self._lock:
            self._running[handle] = self._running[handle]._replace(text=text)

    def forget(self, handle: int) -> None:
        """Say that the step is no more, without a line."""
        with self._lock:
            self._running.pop(handle, None)
            self.put(self._out, "")

    def put(self, stream: TextIO, text: str) -> None:
        """Write TEXT to STREAM, this console's or another of the same terminal, and the status line below it."""
        with self._lock:
            clear = CLEAR if self._shown else ""
            if text:
                self._line_open = not text.endswith("\n")
            if stream is not self._out:
                _write(self._out, clear)
                _write(stream, text)
                clear = text = ""
            self._shown = self._status()
            _write(self._out, clear + text + self._drawn(self._shown))

    def close(self) -> None:
        """Take the status line away for good and give back the streams of this process."""
        self._closing.set()
        with self._lock:
            self._running.clear()
            if self._shown:
                self.put(self._out, "")
            if self._streams is not None:
                sys.stdout, sys.stderr = self._streams
                self._streams = None

    def _tick(self) -> None:
        while not self._closing.wait(TICK_S):
            with self._lock:
                if self._closing.is_set() or not self._running:
                    self._ticker = None
                    return
                text = self._status()
                if text and text != self._shown:
                    self._shown = text
                    _write(self._out, self._drawn(text))  # over the old one: clearing first would flicker
                elif not text and self._shown:
                    self.put(self._out, "")

    def _status(self) -> str:
        """What the status line has to say now; nothing while somebody is in the middle of a line."""
        if not self.terminal or self.silent or self._line_open:
            return ""
        now = time.monotonic()
        slow = [(step.text, now - step.began) for step in self._running.values() if now - step.began >= SLOW_S]
        return status(slow, _width(self._out) - 1) if slow else ""

    def _drawn(self, text: str) -> str:
        return f"\r{self._dim(text)}\x1b[J\r" if text else ""

    def _take_streams(self) -> None:
        """Let what SCons and the SConstruct print come above the status line too."""
        if self._streams is None and self._out is sys.stdout:
            self._streams = sys.stdout, sys.stderr
            above = [Above(self, stream) if stream.isatty() else stream for stream in self._streams]
            sys.stdout, sys.stderr = (cast(TextIO, stream) for stream in above)

    def _tag(self, tag: str) -> str:
        return f"\x1b[1;36m[{tag.upper()}]\x1b[0m" if self.colour else f"[{tag.upper()}]"

    def _dim(self, text: str) -> str:
        return f"\x1b[2m{text}\x1b[0m" if self.colour else text


class Above:
    """STREAM of a terminal at whose bottom CONSOLE has its status line: what is written comes above that."""

    def __init__(self, console: Console, stream: TextIO) -> None:
        self._console = console
        self._stream = stream

    def write(self, text: str) -> int:
        """Write TEXT at once."""
        self._console.put(self._stream, text)
        return len(text)

    def writelines(self, lines: Sequence[str]) -> None:
        """Write all LINES at once."""
        self.write("".join(lines))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def status(running: Sequence[tuple[str, float]], width: int) -> str:
    """One line of at most WIDTH columns for RUNNING, steps and their seconds, the longest first: as many as fit."""
    ordered = sorted(running, key=lambda step: -step[1])
    parts = [f"{text} {int(seconds)} s" for text, seconds in ordered]
    for count in range(len(parts), 0, -1):
        line = "… " + ", ".join(parts[:count]) + _more(len(parts) - count)
        if len(line) <= width:
            return line
    text, seconds = ordered[0]
    end = f"… {int(seconds)} s{_more(len(parts) - 1)}"
    return f"… {text[: max(0, width - 2 - len(end))].rstrip()}{end}"[: max(0, width)]


def _more(count: int) -> str:
    return f" and {count} more" if count else ""


def _write(out: TextIO, text: str) -> None:
    """Write and flush TEXT; what the terminal's encoding lacks becomes a question mark rather than an error."""
    if text:
        encoding = out.encoding or "utf-8"
        out.write(text.encode(encoding, "replace").decode(encoding))
        out.flush()


def _width(out: TextIO) -> int:
    try:
        return os.get_terminal_size(out.fileno()).columns or 80
    except (OSError, ValueError):
        return 80
