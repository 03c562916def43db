"""How the results of tests look to a person: a line a test, more where one did not pass, a line at the end."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from .results import Panic, Reported, Result, tail

TAIL_LINES = 12
_MARGIN = " " * len("[TEST] ")
_GREEN, _RED, _DIM = "32", "1;31", "2"
_CONTROL = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")


def headline(result: Result, width: int, *, colour: bool = False) -> str:
    """The line of RESULT, its name in WIDTH columns."""
    name, took = f"{result.name:<{width}}", _took(result)
    if result.ignored:
        return f"{name}  {_in(_DIM, 'ignored', colour)}"
    ran = len(result.tests) or result.announced or 0
    if result.passed:
        counted = [_tests(ran)] if ran else []
        told = ", ".join(filter(None, (result.words, *counted, took)))
        return f"{name}  {_in(_GREEN, 'passed', colour)}  {_in(_DIM, told, colour)}"
    place = f" in {result.running}" if result.running else ""
    well = sum(test.outcome == "ok" for test in result.tests)
    counted = [f"{well} of {_tests(max(ran, result.announced or 0))} passed"] if ran else []
    told = ", ".join(filter(None, (*counted, took)))
    more = f" {_in(_DIM, f'({told})', colour)}" if told else ""
    return f"{name}  {_in(_RED, 'FAILED', colour)}  {result.words}{place}{more}"


def _took(result: Result) -> str:
    """How long RESULT took, where a machine was started for it."""
    return "cached" if result.cached else f"{result.seconds:.1f} s" if result.seconds else ""


def details(result: Result, *, colour: bool = False, verbose: bool = False) -> Iterator[str]:
    """What is told below the line of RESULT where it did not pass: the tests in it that failed, panics, the log's end.

    With VERBOSE all tests in it are told, whatever became of it.
    """
    if result.passed and not verbose:
        return
    tests = list(result.tests) if verbose else [test for test in result.tests if test.outcome == "failed"]
    if result.running and verbose:
        tests.append(Reported(result.running, "did not end"))
    width = max((len(test.name) for test in tests), default=0)
    told: list[Panic] = []
    for test in tests:
        panic = next((panic for panic in result.panics if panic.test == test.name), None)
        told += [panic] if panic else []
        outcome = {"ok": _in(_GREEN, "ok", colour), "ignored": "ignored"}.get(test.outcome)
        outcome = outcome or _in(_RED, test.outcome.upper() if test.outcome == "failed" else test.outcome, colour)
        yield f"{_MARGIN}{test.name:<{width}}  {outcome}" + (f"  {words(panic)}" if panic else "")
    if result.passed:
        return
    yield from (f"{_MARGIN}{words(panic)}" for panic in result.panics[:3] if panic not in told)
    yield from (f"{_MARGIN}{line}".rstrip() for line in result.said.splitlines())
    yield from _log_end(result, colour)
    if result.advice:
        yield _MARGIN + _in(_DIM, f"({result.advice})", colour)


def words(panic: Panic) -> str:
    """PANIC in one line that begins with its place, so that terminals and editors can lead there."""
    return f"{panic.file}:{panic.line}:{panic.column}: " + (panic.message or "panicked")


def total(results: Sequence[Result], seconds: float) -> str:
    """The line at the end: `6 of 6 passed (2 cached), 1 ignored, in 1.2 s`."""
    counted = [result for result in results if not result.ignored]
    passed, cached = sum(result.passed for result in counted), sum(result.cached for result in counted)
    ignored = f", {len(results) - len(counted)} ignored," if len(counted) < len(results) else ""
    return f"{passed} of {len(counted)} passed{f' ({cached} cached)' if cached else ''}{ignored} in {seconds:.1f} s"


def failed(results: Sequence[Result], most: int = 8) -> str:
    """The names of those of RESULTS that did not pass: `failed: lib, basic_boot and 3 more`."""
    names = [result.name for result in results if not result.passed]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"failed: {', '.join(names[:most])}{more}"


def _tests(count: int) -> str:
    return f"{count} test{'s' if count != 1 else ''}"


def _log_end(result: Result, colour: bool) -> Iterator[str]:
    if not result.log:
        return
    lines = [_CONTROL.sub("", line).expandtabs() for line in tail(result.log, TAIL_LINES).splitlines()]
    if not "".join(lines).strip():
        yield _MARGIN + _in(_DIM, "(nothing came on the serial line)", colour)
        return
    yield _MARGIN + _in(_DIM, f"── the end of {result.log} ──", colour)
    yield from (f"{_MARGIN}{line}".rstrip() for line in lines)


def _in(code: str, text: str, colour: bool) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if colour else text
