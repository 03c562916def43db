"""Results of tests as JUnit XML, as the schemas of Jenkins and of Ant's reports have it: what CI services read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .results import Reported, Result, tail
from .test_report import words

# XML 1.0, section 2.2, has no place for these; nor for lone surrogates, which no decoded text has.
_NO_XML = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF), "\ufffd")
_IN_TEXT = _NO_XML | str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_IN_ATTRIBUTES = _IN_TEXT | str.maketrans({'"': "&quot;", "\n": "&#10;", "\t": "&#9;"})


def document(results: Sequence[Result], timestamp: str) -> str:
    """RESULTS as one `testsuites` element; TIMESTAMP is when the run began, in ISO 8601 without a zone.

    Each test executable is a `testsuite`, each test that its kernel told of a `testcase`. What ended an executable
    early is the failure of the test that was running then, or of one with the executable's name.
    """
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', "<testsuites>"]
    for number, result in enumerate(results):
        lines += _suite(result, number, timestamp)
    return "\n".join((*lines, "</testsuites>", ""))


def _suite(result: Result, number: int, timestamp: str) -> Iterator[str]:
    cases = [_judged(test, result) for test in result.tests]
    if not result.passed and (result.running or all(test.outcome != "failed" for test in cases)):
        cases.append(Reported(result.running or result.name, "failed", result.seconds))
    if result.passed and not cases:
        cases.append(Reported(result.name, "ignored" if result.ignored else "ok", result.seconds))
    failures = sum(case.outcome == "failed" for case in cases)
    skipped = sum(case.outcome == "ignored" for case in cases)
    name = _attribute(result.name)
    yield (
        f'<testsuite name={name} package={name} id="{number}" hostname="localhost" timestamp="{timestamp}"'
        f' tests="{len(cases)}" failures="{failures}" errors="0" skipped="{skipped}" time="{result.seconds:.3f}">'
    )
    yield f'<properties><property name="cached" value="{str(result.cached).lower()}"/></properties>'
    for case in cases:
        yield from _case(case, result)
    yield f"<system-out>{_text(tail(result.log))}</system-out>"
    yield "<system-err></system-err>"
    yield "</testsuite>"


def _judged(test: Reported, result: Result) -> Reported:
    """TEST as RESULT has it: in what passed nothing has failed, also where that was to fail."""
    return test._replace(outcome="ok") if result.passed and test.outcome == "failed" else test


def _case(case: Reported, result: Result) -> Iterator[str]:
    opening = (
        f'<testcase classname={_attribute(result.name)} name={_attribute(case.name)} time="{max(case.seconds, 0):.3f}"'
    )
    if case.outcome == "failed":
        told = "\n".join(words(panic) for panic in result.panics if panic.test in ("", case.name))
        message = told.partition("\n")[0] or result.words or "failed"
        parts = (result.words, told, result.said, result.log and f"serial log: {result.log}")
        text = "\n".join(filter(None, parts))
        yield f'{opening}><failure type="failure" message={_attribute(message)}>{_text(text)}</failure></testcase>'
    elif case.outcome == "ignored":
        yield f"{opening}><skipped/></testcase>"
    else:
        yield f"{opening}/>"


def _attribute(value: str) -> str:
    return f'"{value.translate(_IN_ATTRIBUTES)}"'


def _text(value: str) -> str:
    return value.translate(_IN_TEXT)
