"""What a person sees of a build: one line a step, and on a terminal what is running and for how long."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Mapping
from typing import TextIO

TICK_S = 0.5
SLOW_S = 1.0  # a step is worth a status line, and its seconds worth telling, from here on


class Console:
    """Lines for a person, written one at a time from many threads; a status line at the bottom of a terminal."""

    def __init__(self, out: TextIO | None = None, environ: Mapping[str, str] = os.environ) -> None:
        self._out = out or sys.stdout
        self.terminal = self._out.isatty() and environ.get("TERM", "dumb") != "dumb"
        self.colour = self.terminal and not environ.get("NO_COLOR")
        self._lock = threading.Lock()
        self._running: dict[int, tuple[str, float]] = {}
        self._ticker: threading.Thread | None = None
        self._drawn = False

    def line(self, tag: str, text: str) -> None:
        """Print `[TAG] text`."""
        self.write(f"{self._tag(tag)} {text}\n")

    def write(self, text: str) -> None:
        """Print TEXT, whole lines, above the status line."""
        if not text:
            return
        with self._lock:
            self._erase()
            self._out.write(text if text.endswith("\n") else text + "\n")
            self._out.flush()

    def start(self, tag: str, text: str) -> int:
        """Say that a step began; the handle goes to `finish`."""
        if not self.terminal:
            self.line(tag, text)
        with self._lock:
            handle = len(self._running) + 1
            while handle in self._running:
                handle += 1
            self._running[handle] = (text, time.monotonic())
            if self.terminal and self._ticker is None:
                self._ticker = threading.Thread(target=self._tick, daemon=True)
                self._ticker.start()
        return handle

    def finish(self, handle: int, tag: str, note: str = "") -> None:
        """Say that the step ended; on a terminal its line comes now, with its seconds."""
        with self._lock:
            text, began = self._running.pop(handle)
        seconds = time.monotonic() - began
        if self.terminal:
            took = self._dim(f" {seconds:.1f} s") if seconds >= SLOW_S else ""
            self.line(tag, text + note + took)

    def _tick(self) -> None:
        while True:
            time.sleep(TICK_S)
            with self._lock:
                self._erase()
                now = time.monotonic()
                slow = [f"{text} {now - t:.0f} s" for text, t in self._running.values() if now - t >= SLOW_S]
                if slow:
                    width = _width(self._out)
                    self._out.write(self._dim(("  … " + ", ".join(slow))[: width - 1]))
                    self._out.flush()
                    self._drawn = True

    def _erase(self) -> None:
        if self._drawn:
            self._out.write("\r\x1b[K")
            self._drawn = False

    def _tag(self, tag: str) -> str:
        return f"\x1b[1;36m[{tag.upper()}]\x1b[0m" if self.colour else f"[{tag.upper()}]"

    def _dim(self, text: str) -> str:
        return f"\x1b[2m{text}\x1b[0m" if self.colour else text


def _width(out: TextIO) -> int:
    try:
        return os.get_terminal_size(out.fileno()).columns
    except (OSError, ValueError):
        return 80
