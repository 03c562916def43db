"""What a person is told about the end of a run, beyond what the screen shows."""

from __future__ import annotations

import signal

from .settle import Sight, reason
from .verdict import Ending, Verdict

RECORD_FAULTS = 'QEMU_ARGS="-d int -D int.log" writes every interrupt and fault to int.log.'
NO_WINDOW = "this QEMU cannot open a window (Debian: apt install qemu-system-gui), so this is the text screen"


def failure(verdict: Verdict, ending: Ending, sight: Sight | None, image: str) -> str | None:
    """The message of the error that VERDICT is, or None where it is none."""
    words = "\n".join(ending.words)
    it_ended = f"it {_how(ending.exit_code)}"
    return {
        Verdict.NOT_STARTED: f"QEMU did not start: {words or it_ended}",
        Verdict.FAILED: f"QEMU gave up: {words or it_ended}",
        Verdict.KILLED: f"QEMU {_how(ending.exit_code)}." + (f" It said: {words}" if words else ""),
        Verdict.RESET: f"the machine was reset{place(sight)}. {_why_reset(sight)} {RECORD_FAULTS}",
        Verdict.STOPPED: f"the machine stopped: {reason(sight.memory) if sight else ''}",
        Verdict.PANICKED: f"the kernel reported a panic to the machine{place(sight)}.",
        Verdict.NOT_BOOTABLE: f"the firmware found nothing to boot in {image}: its first sector must end with 55 aa.",
    }.get(verdict)


def note(verdict: Verdict, ending: Ending, sight: Sight | None) -> str | None:
    """What is to be said about a run that ended with VERDICT, or None where the screen says it all."""
    after = f"{sight.at:.0f} s" if sight else "the limit"
    return {
        Verdict.CHANGING: f"the kernel is still busy after {after}; this is the screen as it was then",
        Verdict.NOT_SEEN: f"no sign of the kernel after {after}; this is the screen as it was then",
        Verdict.EXITED: f"the machine ended by itself with exit code {ending.exit_code}",
        Verdict.POWERED_OFF: "the kernel switched the machine off",
    }.get(verdict)


def _how(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        try:
            name = signal.Signals(-exit_code).name
        except ValueError:
            name = "an unknown one"
        return f"died of signal {-exit_code} ({name})"
    return f"ended with exit code {exit_code} and said nothing"


def place(sight: Sight | None) -> str:
    """Where the machine of SIGHT was, as the end of a phrase."""
    return f" at RIP {sight.processors.rip:#x}, with CR2 {sight.processors.cr2:#x}" if sight else ""


def _why_reset(sight: Sight | None) -> str:
    if sight and not sight.processors.long_mode:
        return "The processor was not in long mode: it was the loader or the firmware, or the kernel asked for it."
    return "Most likely the kernel faulted without a handler (a triple fault); CR2 is the last page fault's address."
