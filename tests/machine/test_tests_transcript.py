"""What is understood of a test kernel's serial line, whole or in pieces."""

from __future__ import annotations

import pytest
from osimage.machine.results import Panic, Reported
from osimage.machine.transcript import LONGEST_LINE, MOST_TESTS, Transcript

OWN = "Running 3 tests\nkernel::one...\t[ok]\nkernel::two...\t[ok]\nkernel::three...\t[ok]\n"
FAILED = (
    "kernel::one...\t[failed]\n\nError: panicked at src/main.rs:40:5:\nassertion `left == right` failed\n  left: 2\n"
)
LIBTEST = "running 3 tests\ntest a::one ... ok\ntest a::two ... FAILED\ntest a::three ... ignored, slow\n"


def ok(*names: str) -> list[tuple[str, str]]:
    return [(name, "ok") for name in names]


@pytest.mark.parametrize(("text", "tests", "running"), [
    (OWN, ok("kernel::one", "kernel::two", "kernel::three"), ""),
    (OWN.replace("\n", "\r\n"), ok("kernel::one", "kernel::two", "kernel::three"), ""),
    ("kernel::one...\t\x1b[32m[ok]\x1b[0m\n", ok("kernel::one"), ""),
    ("trivial assertion... [ok]\n", ok("trivial assertion"), ""),
    ("should_panic::should_fail...\t[ok]\n", ok("should_panic::should_fail"), ""),
    ("a...\t[OK]\nb...\t[PASS]\nc...\t[skipped]\n", [*ok("a", "b"), ("c", "ignored")], ""),
    ("a...\tsomething is printed\nand more\n[ok]\n", ok("a"), ""),
    (FAILED, [("kernel::one", "failed")], ""),
    (LIBTEST, [("a::one", "ok"), ("a::two", "failed"), ("a::three", "ignored")], ""),
    ("test a::one ... ", [], "a::one"),
    ("Running 2 tests\na...\t[ok]\nb...\t", ok("a"), "b"),
    ("Running 2 tests\na... [ok]\nb... ", ok("a"), "b"),
    ("a...\t\nit prints\n", [], "a"),
    ("a...\tb...\t[ok]\n", ok("a...\tb"), ""),
    ("kernel::one...\t[failed]\r\n", [("kernel::one", "failed")], ""),
    ("Running 2 tests\nkernel::one...[ok]\nkernel::two...[failed]\n", [*ok("kernel::one"), ("kernel::two", "failed")], ""),
    ("kernel::one...[ok]\r\nkernel::two...\x1b[32m[ok]\x1b[0m\r\n", ok("kernel::one", "kernel::two"), ""),
    ("kernel::one ...[ok]\nkernel::two ... [ok]\n", ok("kernel::one", "kernel::two"), ""),
    ("running 2 tests\na::one ... ok\r\na::two ... \x1b[31mFAILED\x1b[0m\r\n", [*ok("a::one"), ("a::two", "failed")], ""),
    ("Running 2 tests\na...[ok]\nb...", ok("a"), "b"),
    ("Running 2 tests\na...[ok]\nb ... ", ok("a"), "b"),
    ("Running 2 tests\na...it prints\nLoading...done\n[ok]\nb...", ok("a"), "b"),
    ("foo[ok]\nfoo [ok]\nfoo..[ok]\n...[ok]\n", [], ""),
    ("Loading...done [ok]\nChecking the disk ... ok\nWait...", [], ""),
    ("Booting the kernel... done\nWait... ", [], ""),  # nobody said that there are tests
    ("[ok]\n[failed]\n", [], ""),
    ("", [], ""),
])  # fmt: skip
def test_tests_are_found(text: str, tests: list[tuple[str, str]], running: str) -> None:
    whole = Transcript()
    whole.feed(text.encode())
    in_pieces = Transcript()
    for byte in text.encode():
        in_pieces.feed(bytes([byte]))
    for transcript in (whole, in_pieces):
        assert [(test.name, test.outcome) for test in transcript.tests] == tests
        assert transcript.running == running


@pytest.mark.parametrize(("text", "panic"), [
    (FAILED, Panic("src/main.rs", 40, 5, "assertion `left == right` failed", "kernel::one")),
    ("panicked at src/a b.rs:1:2:\n", Panic("src/a b.rs", 1, 2, "")),
    ("thread 'main' panicked at src/x.rs:12:5:\nbad\n", Panic("src/x.rs", 12, 5, "bad")),
    ("a...\tpanicked at src/x.rs:12:5:\nbad\n", Panic("src/x.rs", 12, 5, "bad", "a")),
    ("panicked at 'it is late', src/x.rs:12:5\n", Panic("src/x.rs", 12, 5, "it is late")),
    ("test t ... FAILED\npanicked at src/x.rs:12:5:\r\nbad\r\n", Panic("src/x.rs", 12, 5, "bad", "t")),
])  # fmt: skip
def test_panics_are_found(text: str, panic: Panic) -> None:
    transcript = Transcript()
    transcript.feed(text.encode())
    assert transcript.panics == [panic]


def test_seconds_are_those_between_the_two_words() -> None:
    transcript = Transcript()
    transcript.feed(b"a...\t", 1.0)
    transcript.feed(b"[o", 2.0)
    transcript.feed(b"k]\n", 3.5)
    assert transcript.tests == [Reported("a", "ok", 2.5)]


def test_a_flood_is_survived() -> None:
    transcript = Transcript()
    for _ in range(100):
        transcript.feed(b"x" * 100_000)
    transcript.feed(b"\xff\x00\n" + b"a...\t[ok]\n" * (MOST_TESTS + 1))
    assert len(transcript.tests) == MOST_TESTS
    assert len(transcript._line) <= LONGEST_LINE


def test_the_count_that_was_told() -> None:
    transcript = Transcript()
    transcript.feed(b"Running 1 test\n")
    assert transcript.announced == 1
