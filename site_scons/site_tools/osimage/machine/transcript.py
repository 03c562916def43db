"""What a test kernel says on its serial line: tests, how each ended, panics. Told to people, never a verdict."""

from __future__ import annotations

import codecs
import re

from .results import Panic, Reported

LONGEST_LINE = 4096  # characters; of a line without an end the rest is passed over
MOST_TESTS = 10_000  # of a kernel that prints without end the first ones are kept
MOST_PANICS = 100

_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")  # ECMA-48 control sequences
_COUNT = re.compile(r"^\s*[Rr]unning (\d+) tests?\b")
# `path::name...\t[ok]`, as kernels with a test runner of their own print it, and libtest's `test path::name ... ok`.
_OWN = re.compile(r"^(\S(?:.{0,250}?\S)?)\.\.\.([ \t]+)(.*)$")
_LIBTEST = re.compile(r"^test (\S.{0,250}?) \.\.\. ?(.*)$")
# `path::name...[ok]` and `path::name ... ok`, which much else that a kernel prints looks like.
_LOOSE = re.compile(r"^(\S.{0,250}?) ?\.\.\.(.*)$")
_MARK = re.compile(r"\[\s*(?:(ok|pass|passed)|(fail|failed|error)|(?:ignored|skip|skipped))\s*\]\s*$", re.IGNORECASE)
_WORD = re.compile(r"(?:^|\s)(?:(ok)|(FAILED)|ignored)(?:, .*)?\s*$")
# As core's PanicInfo prints itself, and as it did before Rust 1.73.
_PANIC = re.compile(r"panicked at (\S.*?):(\d+):(\d+):?\s*$")
_OLD_PANIC = re.compile(r"panicked at '(.*)', (\S.*?):(\d+):(\d+)\s*$")


class Transcript:
    """What the serial line has told so far; fed with bytes as they come."""

    def __init__(self) -> None:
        self.announced: int | None = None  # N of `Running N tests`
        self.tests: list[Reported] = []
        self.panics: list[Panic] = []
        self.running = ""  # the test that has begun and not ended
        self._began = 0.0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._line = ""
        self._message_follows = False

    @property
    def names(self) -> tuple[str, ...]:
        """Every test that has at least begun, in order."""
        return (*(test.name for test in self.tests), *((self.running,) if self.running else ()))

    def feed(self, data: bytes, at: float = 0.0) -> None:
        """Take DATA, which came AT seconds."""
        *whole, self._line = (self._line + self._decoder.decode(data)).split("\n")
        for line in whole:
            self._take(_plain(line), at)
        self._line = self._line[:LONGEST_LINE]
        if "..." in self._line:
            self._begin(_plain(self._line), at, whole=False)

    def _take(self, line: str, at: float) -> None:
        """Take a whole LINE."""
        if self._message_follows and line:
            self.panics[-1] = self.panics[-1]._replace(message=line.strip())
            self._message_follows = False
        begins = "..." in line and self._begin(line, at, whole=True)
        if "panicked at" in line:
            self._panic(line)
        elif count := _COUNT.match(line):
            self.announced = int(count[1])
        elif not begins and self.running:
            self._end(_MARK.search(line), at)

    def _begin(self, line: str, at: float, *, whole: bool) -> bool:
        """Whether LINE, WHOLE or still growing, begins a test; a whole one may end it too."""
        if found := _LIBTEST.match(line):
            name, mark, sure = found[1], _WORD.search(found[2]), True
        elif found := _OWN.match(line):
            name, mark = found[1], _MARK.search(found[3])
            sure = bool(mark) or found[2].startswith("\t") or self.announced is not None
        elif found := _LOOSE.match(line):
            name, mark = found[1], _MARK.search(found[2]) or _WORD.search(found[2])
            alone = self.announced is not None and self.running in ("", name)
            sure = alone or bool(_MARK.match(found[2].strip()))
        else:
            return False
        if not sure:
            return False  # a kernel that says "Booting... " names no test
        if self.running != name:
            self.running, self._began = name, at
        if whole:
            self._end(mark, at)
        return True

    def _end(self, mark: re.Match[str] | None, at: float) -> None:
        """The running test has ended where there is a MARK."""
        if mark is None:
            return
        outcome = "ok" if mark[1] else "failed" if mark[2] else "ignored"
        if len(self.tests) < MOST_TESTS:
            self.tests.append(Reported(self.running, outcome, at - self._began))
        self.running = ""

    def _panic(self, line: str) -> None:
        old, new = _OLD_PANIC.search(line), _PANIC.search(line)
        if len(self.panics) == MOST_PANICS or not (old or new):
            return
        test = self.running or (self.tests[-1].name if self.tests and self.tests[-1].outcome == "failed" else "")
        if old:
            self.panics.append(Panic(old[2], int(old[3]), int(old[4]), old[1], test))
        elif new:
            self.panics.append(Panic(new[1], int(new[2]), int(new[3]), "", test))
            self._message_follows = True


def _plain(line: str) -> str:
    """LINE without colours and returns, no longer than the longest that counts."""
    return _COLOUR.sub("", line[:LONGEST_LINE]).replace("\r", "")
