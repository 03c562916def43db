"""How results look to a person and to a CI service."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from osimage.machine.junit import document
from osimage.machine.results import Panic, Reported, Result, decoded, encoded, tail
from osimage.machine.test_report import details, failed, headline, total

PASSED = Result("lib", True, tests=(Reported("a", "ok", 0.25), Reported("b", "ignored")), announced=2, seconds=0.31)
CACHED = Result("basic_boot", True, seconds=9.0, cached=True)
PANIC = Panic("src/main.rs", 40, 5, "assertion failed", "b")
FAILED = Result(
    "lib", False, "exit code 35, not 33", tests=(Reported("a", "ok"), Reported("b", "failed")), panics=(PANIC,),
    announced=3, log="lib.log", seconds=0.31,
)  # fmt: skip
COMPILED = Result("f (line 2)", True, "it compiles")
IGNORED = Result("f (line 3)", True, ignored=True)
REFUSED = Result("f (line 4)", False, "a.rs:4 does not compile", "so it does", said="error: no\n  --> a.rs:5:1")
HUNG = Result("hang", False, "timed out after 3 s", tests=(Reported("a", "ok"),), running="b", announced=3, seconds=3.1)
FAULTED = Result("fault", False, "triple fault at RIP 0x1000", "so it is recorded", log="fault.log", seconds=0.2)


@pytest.mark.parametrize(("result", "line"), [
    (PASSED, "lib         passed  2 tests, 0.3 s"),
    (PASSED._replace(tests=PASSED.tests[:1], announced=1, cached=True), "lib         passed  1 test, cached"),
    (CACHED, "basic_boot  passed  cached"),
    (FAILED, "lib         FAILED  exit code 35, not 33 (1 of 3 tests passed, 0.3 s)"),
    (HUNG, "hang        FAILED  timed out after 3 s in b (1 of 3 tests passed, 3.1 s)"),
    (COMPILED, "f (line 2)  passed  it compiles"),
    (IGNORED, "f (line 3)  ignored"),
    (REFUSED, "f (line 4)  FAILED  a.rs:4 does not compile"),
    (FAULTED, "fault       FAILED  triple fault at RIP 0x1000 (0.2 s)"),
])  # fmt: skip
def test_the_line_of_a_test(result: Result, line: str) -> None:
    assert headline(result, 10) == line


def test_colours() -> None:
    assert headline(PASSED, 3, colour=True) == "lib  \x1b[32mpassed\x1b[0m  \x1b[2m2 tests, 0.3 s\x1b[0m"
    assert headline(FAULTED, 5, colour=True) == (
        "fault  \x1b[1;31mFAILED\x1b[0m  triple fault at RIP 0x1000 \x1b[2m(0.2 s)\x1b[0m"
    )


def test_what_is_told_of_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lib.log").write_bytes(b"first\r\n" + b"line\n" * 20 + b"\x1b[31mlast\x07\x1b[0m\tone\n")
    (tmp_path / "fault.log").touch()
    assert list(details(FAILED)) == [
        "       b  FAILED  src/main.rs:40:5: assertion failed",
        "       ── the end of lib.log ──",
        *["       line"] * 11,
        "       last    one",
    ]
    assert next(details(FAILED, verbose=True)) == "       a  ok"
    assert list(details(FAULTED)) == ["       (nothing came on the serial line)", "       (so it is recorded)"]
    assert list(details(HUNG)) == []
    assert list(details(HUNG, verbose=True)) == ["       a  ok", "       b  did not end"]
    assert list(details(REFUSED)) == ["       error: no", "         --> a.rs:5:1", "       (so it does)"]
    assert list(details(PASSED)) == []
    assert list(details(PASSED, verbose=True)) == ["       a  ok", "       b  ignored"]
    alone = FAULTED._replace(panics=(PANIC._replace(test=""),))
    assert next(details(alone)) == "       src/main.rs:40:5: assertion failed"


def test_the_line_at_the_end() -> None:
    assert total([PASSED], 0.42) == "1 of 1 passed in 0.4 s"
    assert total([PASSED, CACHED, FAILED], 3) == "2 of 3 passed (1 cached) in 3.0 s"
    assert total([PASSED, IGNORED, CACHED, IGNORED], 1) == "2 of 2 passed (1 cached), 2 ignored, in 1.0 s"
    assert failed([PASSED, FAILED, HUNG]) == "failed: lib, hang"
    assert failed([HUNG] * 10) == f"failed: {', '.join(['hang'] * 8)} and 2 more"


def test_results_are_kept(tmp_path: Path) -> None:
    path = str(tmp_path / "lib.json")
    for result, key in ((PASSED, ""), (HUNG, "abc")):
        Path(path).write_text(encoded(result, key))
        without_times = tuple(test._replace(seconds=0.0) for test in result.tests)
        assert decoded(path, "log") == (result._replace(tests=without_times, seconds=0.0, log="log"), key)
    assert encoded(PASSED) == encoded(PASSED._replace(seconds=7, log="elsewhere"))  # nothing that differs by the run
    for damage in ("", "[]", '{"test": "lib"}', "{"):
        Path(path).write_text(damage)
        assert decoded(path, "log") is None
    assert decoded(str(tmp_path / "nothing"), "log") is None


def test_the_tail_of_a_log(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"a\r\nb\n\xff\nc")
    assert tail(str(path), 2) == "\ufffd\nc"
    assert tail(str(path)) == "a\nb\n\ufffd\nc"
    assert tail(str(tmp_path / "nothing"), 2) == ""


# -- JUnit XML ---------------------------------------------------------------------------------------------------------

SUITE = {"name", "package", "id", "hostname", "timestamp", "tests", "failures", "errors", "skipped", "time"}
CHILDREN = ["properties", "testcase", "system-out", "system-err"]  # in this order, by both schemas


def parsed(*results: Result) -> ElementTree.Element:
    """The document of RESULTS, which has the form that both schemas want."""
    root = ElementTree.fromstring(document(results, "2026-01-02T03:04:05"))
    assert (root.tag, root.attrib) == ("testsuites", {})
    for suite in root:
        assert suite.tag == "testsuite"
        assert set(suite.keys()) == SUITE
        order = [CHILDREN.index(child.tag) for child in suite]
        assert order == sorted(order)
        cases = suite.findall("testcase")
        assert int(suite.attrib["tests"]) == len(cases) >= 1
        assert int(suite.attrib["failures"]) == len(suite.findall("testcase/failure"))
        assert int(suite.attrib["skipped"]) == len(suite.findall("testcase/skipped"))
        for case in cases:
            assert set(case.keys()) == {"classname", "name", "time"}
            assert all(set(failure.keys()) == {"type", "message"} for failure in case.iter("failure"))
    return root


def failures(root: ElementTree.Element) -> list[tuple[str, str]]:
    return [
        (case.attrib["name"], failure.attrib["message"])
        for case in root.iter("testcase")
        for failure in case.iter("failure")
    ]


def test_every_test_is_a_case() -> None:
    root = parsed(PASSED, CACHED, FAILED, HUNG, FAULTED)
    names = [[case.attrib["name"] for case in suite.iter("testcase")] for suite in root]
    assert names == [["a", "b"], ["basic_boot"], ["a", "b"], ["a", "b"], ["fault"]]
    assert failures(root) == [
        ("b", "src/main.rs:40:5: assertion failed"),
        ("b", "timed out after 3 s"),
        ("fault", "triple fault at RIP 0x1000"),
    ]
    assert [suite.find("properties/property").attrib["value"] for suite in root] == [  # type: ignore[union-attr]
        "false", "true", "false", "false", "false",
    ]  # fmt: skip
    assert root[0][1].attrib == {"classname": "lib", "name": "a", "time": "0.250"}


def test_what_was_not_booted_is_a_case_too() -> None:
    root = parsed(COMPILED, IGNORED, REFUSED)
    assert [len(suite.findall("testcase/skipped")) for suite in root] == [0, 1, 0]
    (failure,) = root.iter("failure")
    assert failure.text == "a.rs:4 does not compile\nerror: no\n  --> a.rs:5:1"


def test_what_was_to_fail_has_not_failed() -> None:
    assert failures(parsed(FAILED._replace(passed=True, words=""))) == []


def test_what_ended_otherwise_than_its_tests_is_a_case_of_its_own() -> None:
    done = HUNG._replace(running="", words="the machine was reset")
    assert failures(parsed(done)) == [("hang", "the machine was reset")]


def test_any_byte_may_come_on_the_serial_line(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(bytes(range(256)) + b"<&>\"'\n")
    name = 'a<b>&"c"\x01\n'
    root = parsed(Result("lib", True, tests=(Reported(name, "ok"),), log=str(log)))
    assert root[0][1].attrib["name"] == 'a<b>&"c"\ufffd\n'
    assert (root[0].findtext("system-out") or "").endswith("<&>\"'")
