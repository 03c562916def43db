"""How a test's end is judged, and what a person is told of it: every outcome, by what was seen and what is expected."""

from __future__ import annotations

import pytest
from osimage.machine.outcome import Outcome, Rule, Seen, judge, words

PASS, ZERO, PANIC, FAULT = Rule(), Rule((0,)), Rule(expect="panic"), Rule(expect="fault")
FAILURE = Rule(expect="failure")
TWO = Rule((33, 65))


def seen(code: int | None = None, *reasons: str, **more: object) -> Seen:
    return Seen(True, code, reasons, **more)  # type: ignore[arg-type]


RESET, OFF = seen(None, "guest-reset"), seen(0, "guest-shutdown")
TRIPLE = RESET._replace(triple_fault=True, place=" at RIP 0x1000, with CR2 0x0")


@pytest.mark.parametrize(("what", "rule", "outcome", "told"), [
    (seen(33), PASS, Outcome.PASSED, ""),
    (seen(33, "guest-shutdown"), PASS, Outcome.PASSED, ""),  # QEMUs that stop on isa-debug-exit
    (seen(65), TWO, Outcome.PASSED, ""),
    (seen(35), PASS, Outcome.FAILED, "exit code 35, not 33"),
    (seen(35), TWO, Outcome.FAILED, "exit code 35, not 33 or 65"),
    (seen(1), PASS, Outcome.FAILED, "exit code 1, not 33"),
    (seen(1, words=("no such disk",)), PASS, Outcome.GAVE_UP, "QEMU gave up: no such disk"),
    (seen(None), PASS, Outcome.CLOSED, "somebody closed QEMU"),
    (seen(0), ZERO, Outcome.CLOSED, "somebody closed QEMU"),
    (seen(0, "host-ui"), ZERO, Outcome.CLOSED, "somebody closed QEMU"),
    (RESET, PASS, Outcome.RESET, "the machine was reset"),
    (TRIPLE, PASS, Outcome.FAULTED, "triple fault at RIP 0x1000, with CR2 0x0"),
    (OFF, PASS, Outcome.POWERED_OFF, "the machine was switched off"),
    (RESET, ZERO, Outcome.PASSED, ""),
    (TRIPLE, ZERO, Outcome.PASSED, ""),
    (OFF, ZERO, Outcome.PASSED, ""),
    (seen(33), ZERO, Outcome.FAILED, "exit code 33, not 0"),
    (seen(timed_out=True), PASS, Outcome.TIMED_OUT, "timed out after 300 s"),
    (seen(timed_out=True), ZERO, Outcome.TIMED_OUT, "timed out after 300 s"),
    (seen(halted=True), PASS, Outcome.HALTED, "halted for good with interrupts off"),
    (seen(unreached="why not"), PASS, Outcome.NOTHING_RAN, "no test ran: why not"),
    (seen(-9), PASS, Outcome.KILLED, "QEMU died of signal 9 (SIGKILL)"),
    (seen(-9), ZERO, Outcome.KILLED, "QEMU died of signal 9 (SIGKILL)"),
    (seen(0, "host-signal"), ZERO, Outcome.KILLED, "QEMU was asked to end by a signal"),
    (seen(None, "guest-panic"), PASS, Outcome.PANICKED, "the kernel reported a panic to the machine"),
    (Seen(False, 1, words=("-foo: invalid option",)), ZERO, Outcome.NOT_STARTED,
     "QEMU did not start: -foo: invalid option"),
    (Seen(False, 1), PASS, Outcome.NOT_STARTED, "QEMU did not start: it ended with exit code 1"),
    (seen(33, interrupted=True), PASS, Outcome.INTERRUPTED, "interrupted"),
    (seen(35, panicked=True), PANIC, Outcome.PASSED, ""),
    (seen(None, "guest-panic"), PANIC, Outcome.PASSED, ""),
    (seen(35), PANIC, Outcome.FAILED, "exit code 35 without a panic"),
    (seen(33, panicked=True), PANIC, Outcome.FAILED, "exit code 33, which means success, not a panic"),
    (RESET._replace(panicked=True), PANIC, Outcome.RESET, "the machine was reset, not a panic"),
    (seen(timed_out=True, panicked=True), PANIC, Outcome.TIMED_OUT, "timed out after 300 s"),
    (TRIPLE, FAULT, Outcome.PASSED, ""),
    (RESET, FAULT, Outcome.RESET, "the machine was reset, not a triple fault"),
    (seen(35), FAILURE, Outcome.PASSED, ""),
    (seen(None, "guest-panic"), FAILURE, Outcome.PASSED, ""),
    (seen(33), FAILURE, Outcome.FAILED, "exit code 33, which means success, and it was to panic"),
    (seen(timed_out=True), FAILURE, Outcome.TIMED_OUT, "timed out after 300 s"),
    (TRIPLE, FAILURE, Outcome.FAULTED, "triple fault at RIP 0x1000, with CR2 0x0"),
    (seen(33), FAULT, Outcome.FAILED, "exit code 33, not a triple fault"),
])  # fmt: skip
def test_every_end_has_its_outcome(what: Seen, rule: Rule, outcome: Outcome, told: str) -> None:
    assert judge(what, rule) is outcome
    assert words(outcome, what, rule) == told


@pytest.mark.parametrize("rule", [PASS, ZERO, PANIC, FAULT])
def test_the_serial_line_alone_lets_nothing_pass(rule: Rule) -> None:
    for code in (None, 0):
        assert judge(seen(code, panicked=True), rule) is not Outcome.PASSED
