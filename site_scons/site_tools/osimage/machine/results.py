"""What is known of a test once it has ended, and how it is kept: a small JSON file beside the serial log."""

from __future__ import annotations

import json
import os
from typing import Any, NamedTuple

TAIL_BYTES = 16_384  # of a log; more than anybody reads of a tail


class Reported(NamedTuple):
    """A test that the kernel says it ran: "ok", "failed" or "ignored", and the seconds between its two words."""

    name: str
    outcome: str
    seconds: float = 0.0


class Panic(NamedTuple):
    """A panic that the kernel told of: the place in the source, the first line of what it said, and in which test."""

    file: str
    line: int
    column: int
    message: str
    test: str = ""


class Result(NamedTuple):
    """How a test's machine ended; what its kernel told of the tests in it is only told on.

    `words` say in a phrase why it did not pass, or what passed where nothing was booted; `advice` what to do, `running`
    is the test in the kernel that had begun and not ended, `announced` how many the kernel said it would run. `log` is
    the path of the file with all of the serial line, empty where the machine was never started. `said` are the
    compiler's words where there is nothing to boot; what is `ignored` was left out.
    """

    name: str
    passed: bool
    words: str = ""
    advice: str = ""
    tests: tuple[Reported, ...] = ()
    panics: tuple[Panic, ...] = ()
    running: str = ""
    announced: int | None = None
    log: str = ""
    seconds: float = 0.0
    cached: bool = False
    said: str = ""
    ignored: bool = False


def encoded(result: Result, key: str = "") -> str:
    """RESULT as JSON. What differs from run to run is left out where it passed; where not, KEY says of what it is."""
    plain: dict[str, Any] = {"test": result.name, "passed": result.passed}
    if not result.passed:
        plain |= {"key": key, "words": result.words, "running": result.running}
    plain |= {"announced": result.announced, "tests": [[test.name, test.outcome] for test in result.tests]}
    return json.dumps(plain, indent=1) + "\n"


def decoded(path: str, log: str) -> tuple[Result, str] | None:
    """The result in the file PATH and the key of what it is; None where there is none or it is damaged."""
    try:
        with open(path, encoding="utf-8") as file:
            plain = json.load(file)
        tests = tuple(Reported(name, outcome) for name, outcome in plain["tests"])
        result = Result(plain["test"], plain["passed"], plain.get("words", ""), "", tests, (), plain.get("running", ""),
                        plain["announced"], log)  # fmt: skip
        return result, plain.get("key", "")
    except (OSError, ValueError, KeyError, TypeError):
        return None


def tail(path: str, lines: int | None = None) -> str:
    """The last LINES of the text file PATH, or as much as TAIL_BYTES hold; empty where there is none."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL_BYTES))
            text = file.read().decode(errors="replace").replace("\r", "")
    except OSError:
        return ""
    kept = text.splitlines()
    return "\n".join(kept if lines is None else kept[-lines:])
