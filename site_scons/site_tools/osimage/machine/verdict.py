"""How a machine's run ended: a pure function of what was seen of it."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from .settle import Rest


class Verdict(Enum):
    """How a run ended."""

    SETTLED = "the kernel's screen is at rest"
    CHANGING = "the kernel was still busy at the limit"
    NOT_SEEN = "no sign of the kernel came before the limit"
    NOT_BOOTABLE = "the firmware found nothing to boot"
    STOPPED = "osimage's loader stopped the machine and says why"
    POWERED_OFF = "the kernel switched the machine off"
    EXITED = "the kernel ended QEMU with an exit code"
    RESET = "the machine was reset"
    PANICKED = "the kernel reported a panic to the machine"
    CLOSED = "the person closed QEMU"
    INTERRUPTED = "a signal asked us or QEMU to end"
    KILLED = "QEMU died of a signal"
    FAILED = "QEMU gave up"
    NOT_STARTED = "QEMU did not start"


class Ending(NamedTuple):
    """What was seen of a run.

    `exit_code` is QEMU's, negative for the signal it died of, 0 or None where we ended it; `reasons` are those of its
    SHUTDOWN events, `words` are the lines that it wrote to standard error.
    """

    started: bool  # QMP answered
    exit_code: int | None = None
    reasons: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    rest: Rest | None = None
    interrupted: bool = False


# Reasons of the QMP event SHUTDOWN (QEMU's run-state.json, ShutdownCause).
_BY_REASON = {
    "guest-reset": Verdict.RESET,
    "subsystem-reset": Verdict.RESET,
    "guest-panic": Verdict.PANICKED,
    "host-error": Verdict.FAILED,
    "host-signal": Verdict.INTERRUPTED,
    "host-ui": Verdict.CLOSED,
    "host-qmp-quit": Verdict.CLOSED,
}
_BY_REST: dict[Rest | None, Verdict] = {
    Rest.SETTLED: Verdict.SETTLED,
    Rest.CHANGING: Verdict.CHANGING,
    Rest.NOT_SEEN: Verdict.NOT_SEEN,
    Rest.STOPPED: Verdict.STOPPED,
    Rest.NOT_BOOTABLE: Verdict.NOT_BOOTABLE,
}


def judge(ending: Ending) -> Verdict:
    """The verdict on ENDING; of several things that happened the gravest counts.

    An exit code of 1 is QEMU's own when it also wrote why: a kernel can make it too, by writing 0 to isa-debug-exit.
    """
    code = ending.exit_code or 0
    happened = (
        (ending.interrupted, Verdict.INTERRUPTED),
        (not ending.started, Verdict.NOT_STARTED),
        (code < 0, Verdict.KILLED),
        *((reason in ending.reasons, verdict) for reason, verdict in _BY_REASON.items()),
        (code == 1 and bool(ending.words), Verdict.FAILED),
        (code > 0, Verdict.EXITED),
        ("guest-shutdown" in ending.reasons, Verdict.POWERED_OFF),
        (ending.rest is not None, _BY_REST.get(ending.rest)),
    )
    return next((verdict for holds, verdict in happened if holds and verdict), Verdict.CLOSED)
