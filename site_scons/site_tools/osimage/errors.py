"""The errors a person sees: where it happened, what is wrong, why, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Where(NamedTuple):
    """A call in an SConstruct: file (relative to the project), line (from 1) and the call as a person would say it."""

    file: str
    line: int
    call: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.call}" if self.file else self.call


class OsimageError(Exception):
    """Base of every error that is the person's or the machine's, not ours: one message, no traceback."""


class DeclarationError(OsimageError):
    """A declaration that cannot be planned; carries all its faults at once, each a sentence or two."""

    def __init__(self, where: Where, faults: Sequence[str] | str) -> None:
        self.where = where
        self.faults = (faults,) if isinstance(faults, str) else tuple(faults)
        super().__init__("\n".join(f"{where}: {fault}" for fault in self.faults))


class StepError(OsimageError):
    """A step of the graph that failed while running; the message says what, why and what to do."""


class ToolchainError(OsimageError):
    """A program of this machine that is missing, too old or broken; the message says how to get it right."""


def did_you_mean(word: str, allowed: Iterable[str]) -> str:
    """` Did you mean 'x'?` with the closest of ALLOWED, or an empty string where nothing is close."""
    import difflib

    close = difflib.get_close_matches(word, list(allowed), n=1, cutoff=0.6)
    return f" Did you mean '{close[0]}'?" if close else ""
