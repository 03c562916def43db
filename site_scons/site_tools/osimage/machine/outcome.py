"""How a test ended: a pure function of what was seen of its machine and of what is expected of it."""

from __future__ import annotations

import shlex
import signal
from enum import Enum
from typing import NamedTuple

EXPECTATIONS = ("pass", "panic", "fault")


class Rule(NamedTuple):
    """What a test has to do to pass.

    `expect` is "pass": QEMU ends with one of the `success` codes, where 0 means that the machine is reset or switched
    off; "panic": the kernel tells of a panic and ends QEMU with another code; "failure": it ends QEMU with another
    code, whatever it tells; "fault": it makes the processor give up (a triple fault).
    """

    success: tuple[int, ...] = (33,)
    expect: str = "pass"
    timeout_s: int = 300


class Outcome(Enum):
    """How a test ended."""

    PASSED = "passed"
    FAILED = "the kernel ended QEMU with a code that is not the one for success"
    TIMED_OUT = "the time was over"
    HALTED = "every processor waits for an interrupt with interrupts off"
    FAULTED = "triple fault"
    RESET = "the machine was reset"
    POWERED_OFF = "the machine was switched off"
    PANICKED = "the kernel reported a panic to the machine"
    NOTHING_RAN = "the kernel was never reached, so no test ran"
    CLOSED = "somebody closed QEMU"
    KILLED = "QEMU was ended by a signal"
    GAVE_UP = "QEMU gave up"
    NOT_STARTED = "QEMU did not start"
    INTERRUPTED = "we were asked to end"


class Seen(NamedTuple):
    """What was seen of a test's machine.

    `exit_code` is QEMU's, negative for the signal it died of, None where we ended it; `reasons` are those of its
    SHUTDOWN events, `words` the lines that it wrote to standard error. `place` says where it stopped, ` at RIP …`.
    """

    started: bool  # QMP answered
    exit_code: int | None = None
    reasons: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    timed_out: bool = False
    interrupted: bool = False
    triple_fault: bool = False
    halted: bool = False
    unreached: str = ""  # why the kernel was never started
    panicked: bool = False  # a panic was told on the serial line
    place: str = ""


def judge(seen: Seen, rule: Rule) -> Outcome:
    """The outcome of what was SEEN by RULE; of several things that happened the gravest counts."""
    code = seen.exit_code
    is_reset = not {"guest-reset", "subsystem-reset"}.isdisjoint(seen.reasons)
    happened = (
        (seen.interrupted, Outcome.INTERRUPTED),
        (not seen.started, Outcome.NOT_STARTED),
        ((code or 0) < 0 or "host-signal" in seen.reasons, Outcome.KILLED),
        (bool(seen.unreached), Outcome.NOTHING_RAN),
        (seen.timed_out, Outcome.TIMED_OUT),
        (seen.halted, Outcome.HALTED),
        ("guest-panic" in seen.reasons, Outcome.PASSED if rule.expect in ("panic", "failure") else Outcome.PANICKED),
        (is_reset, _reset(seen, rule)),
        (code == 1 and bool(seen.words), Outcome.GAVE_UP),
        (bool(code), _exited(seen, rule)),
        ("guest-shutdown" in seen.reasons, Outcome.PASSED if _may_end(rule) else Outcome.POWERED_OFF),
    )
    return next((outcome for holds, outcome in happened if holds), Outcome.CLOSED)


def _may_end(rule: Rule) -> bool:
    """Whether a reset or the machine's end is what the test is for."""
    return rule.expect == "pass" and 0 in rule.success


def _reset(seen: Seen, rule: Rule) -> Outcome:
    if _may_end(rule):
        return Outcome.PASSED
    if not seen.triple_fault:
        return Outcome.RESET
    return Outcome.PASSED if rule.expect == "fault" else Outcome.FAULTED


def _exited(seen: Seen, rule: Rule) -> Outcome:
    is_success = seen.exit_code in rule.success
    passed = {"pass": is_success, "panic": seen.panicked and not is_success, "failure": not is_success}
    return Outcome.PASSED if passed.get(rule.expect, False) else Outcome.FAILED


def words(outcome: Outcome, seen: Seen, rule: Rule) -> str:
    """Why OUTCOME is not that of a test that passed, in a phrase without a stop; empty where it is."""
    said = f": {'; '.join(seen.words)}" if seen.words else ""
    instead = {"panic": ", not a panic", "fault": ", not a triple fault"}.get(rule.expect, "")
    return {
        Outcome.FAILED: f"exit code {seen.exit_code}{_wanted(seen, rule)}",
        Outcome.TIMED_OUT: f"timed out after {rule.timeout_s} s",
        Outcome.HALTED: "halted for good with interrupts off",
        Outcome.FAULTED: f"triple fault{seen.place}{instead}",
        Outcome.RESET: f"the machine was reset{instead}",
        Outcome.POWERED_OFF: f"the machine was switched off{instead}",
        Outcome.PANICKED: f"the kernel reported a panic to the machine{instead}",
        Outcome.NOTHING_RAN: f"no test ran: {seen.unreached}",
        Outcome.CLOSED: "somebody closed QEMU",
        Outcome.KILLED: f"QEMU {_signal(seen.exit_code)}{said}",
        Outcome.GAVE_UP: f"QEMU gave up{said}",
        Outcome.NOT_STARTED: f"QEMU did not start{said or f': it ended with exit code {seen.exit_code}'}",
        Outcome.INTERRUPTED: "interrupted",
    }.get(outcome, "")


def advice(outcome: Outcome, name: str) -> str:
    """What to do about OUTCOME of the test NAME, where that is more than to look at its log."""
    if outcome is Outcome.FAULTED:
        return f'TEST={shlex.quote(name)} QEMU_ARGS="-d int -D int.log" records every fault'
    return ""


def _wanted(seen: Seen, rule: Rule) -> str:
    """What was wanted in place of the exit code that was SEEN, where its number alone does not say it."""
    if rule.expect == "panic":
        return ", which means success, not a panic" if seen.exit_code in rule.success else " without a panic"
    if rule.expect == "failure":
        return ", which means success, and it was to panic"
    if rule.expect == "fault":
        return ", not a triple fault"
    return f", not {' or '.join(map(str, rule.success))}"


def _signal(exit_code: int | None) -> str:
    if exit_code is None or exit_code >= 0:
        return "was asked to end by a signal"
    try:
        return f"died of signal {-exit_code} ({signal.Signals(-exit_code).name})"
    except ValueError:
        return f"died of signal {-exit_code}"
