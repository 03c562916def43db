"""A terminal for tests: a program run at a pseudo-terminal, and what a person would see of what it writes."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

# What a program may send: a control sequence (ECMA-48), a control character, or text.
_PIECE = re.compile(r"\x1b\[([0-9;]*)([A-Za-z])|([\x00-\x1f])|([^\x00-\x1f]+)")


class Screen:
    """The lines that a terminal of WIDTH columns has after some output; only what our programs use is known."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.rows = [""]
        self.row = self.column = 0

    def feed(self, text: str) -> Screen:
        """Take TEXT as the terminal would."""
        for piece in _PIECE.finditer(text):
            sequence, control, plain = piece[2], piece[3], piece[4]
            if plain:
                self._type(plain)
            elif control == "\r":
                self.column = 0
            elif control == "\n":
                self._down()
            elif sequence == "J" and piece[1] in ("", "0"):
                self.rows[self.row] = self.rows[self.row][: self.column]
                del self.rows[self.row + 1 :]
            elif sequence != "m":
                raise AssertionError(f"{piece[0]!r} is not known here")
        return self

    @property
    def text(self) -> str:
        """All lines, without blanks at their ends and empty lines at the bottom."""
        return "\n".join(row.rstrip() for row in self.rows).rstrip("\n")

    def _type(self, plain: str) -> None:
        for character in plain:
            if self.column == self.width:
                self.column = 0
                self._down()
            row = self.rows[self.row].ljust(self.column)
            self.rows[self.row] = row[: self.column] + character + row[self.column + 1 :]
            self.column += 1

    def _down(self) -> None:
        self.row += 1
        if self.row == len(self.rows):
            self.rows.append("")


class Session:
    """ARGV at a pseudo-terminal of WIDTH columns, as leader of a session of its own: Ctrl-C can be typed."""

    def __init__(
        self, argv: Sequence[str], environ: Mapping[str, str], width: int = 80, cwd: str | os.PathLike[str] = "."
    ) -> None:
        self.width = width
        self.output = ""
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            try:
                os.chdir(cwd)
                self._resize(1, width)
                os.execvpe(argv[0], list(argv), dict(environ))
            finally:
                os._exit(127)

    def read_until(self, seen: Callable[[str], object], limit_s: float = 60) -> str:
        """Read until SEEN is true of all output so far, and return that."""
        deadline = time.monotonic() + limit_s
        while not seen(self.output):
            assert time.monotonic() < deadline, f"not seen in {self.output!r}"
            if not self._read(0.1):
                raise AssertionError(f"it ended with {self.output!r}")
        return self.output

    def type(self, keys: bytes) -> None:
        """Type KEYS."""
        os.write(self._terminal, keys)

    def resize(self, width: int) -> None:
        """Give the terminal another width."""
        self.width = width
        self._resize(self._terminal, width)

    def end(self, limit_s: float = 60) -> int:
        """Wait until it ends by itself; its exit status."""
        deadline = time.monotonic() + limit_s
        while self._read(0.1):
            if time.monotonic() > deadline:
                os.kill(self.pid, 9)
                os.waitpid(self.pid, 0)
                raise AssertionError(f"still running after {self.output!r}")
        os.close(self._terminal)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    @property
    def screen(self) -> str:
        """What is on the screen, if the width was always the same."""
        return Screen(self.width).feed(self.output).text

    def _read(self, patience_s: float) -> bool:
        """Take output that comes within PATIENCE_S; False once there is nobody to write any."""
        if not select.select([self._terminal], [], [], patience_s)[0]:
            return True
        data = b""
        with suppress(OSError):  # what Linux says when the last writer is gone
            data = os.read(self._terminal, 65536)
        self.output += data.decode(errors="replace")
        return bool(data)

    @staticmethod
    def _resize(terminal: int, width: int) -> None:
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
