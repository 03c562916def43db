"""How a run looks to a person: a headline, the serial line as it comes, the screen, remarks."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from typing import TextIO

from . import screen


class Show:
    """Writes to OUT, in colour on a terminal unless ENVIRON has NO_COLOR; every write is flushed."""

    def __init__(self, out: TextIO, environ: Mapping[str, str]) -> None:
        self._out = out
        self.colour = out.isatty() and environ.get("TERM") != "dumb" and not environ.get("NO_COLOR")
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""
        self._line_open = False
        self._serial_shown = False

    def headline(self, text: str) -> None:
        """Say what runs."""
        self._write(f"{self._dim(text)}\n")

    def serial(self, data: bytes) -> None:
        """Pass on what the machine sends, as it comes."""
        text = self._held + self._decoder.decode(data)
        self._held = "\r" if text.endswith("\r") else ""  # its line feed may come next
        text = text.removesuffix("\r").replace("\r\n", "\n")
        self._serial_shown = self._serial_shown or bool(text)
        self._write(text)

    def screen(self, memory: bytes) -> None:
        """Show the text screen, set off from serial output where there was some."""
        rows = screen.coloured(memory) if self.colour else screen.plain(memory)
        self._end_line()
        if not rows:
            self.note("the text screen is empty")
            return
        if self._serial_shown:
            self._write(self._dim("──── screen ────") + "\n")
        self._write("".join(f"{row}\n" for row in rows))

    def note(self, text: str) -> None:
        """Make a remark on a line of its own."""
        self._end_line()
        self._write(self._dim(f"({text})") + "\n")

    def words(self, lines: tuple[str, ...]) -> None:
        """Pass on what QEMU itself says."""
        for line in lines:
            self._end_line()
            self._write(f"QEMU: {line}\n")

    def _end_line(self) -> None:
        if self._line_open:
            self._write("\n")

    def _dim(self, text: str) -> str:
        return f"\x1b[2m{text}\x1b[0m" if self.colour else text

    def _write(self, text: str) -> None:
        if text:
            encoding = self._out.encoding or "utf-8"
            self._out.write(text.encode(encoding, "replace").decode(encoding))
            self._out.flush()
            self._line_open = not text.endswith("\n")
