"""The verdict on a run, and what a person is told."""

from __future__ import annotations

import pytest
from osimage.machine.cpu import Processors
from osimage.machine.messages import failure, note
from osimage.machine.qmp import Failure, Protocol
from osimage.machine.session import clean
from osimage.machine.settle import Rest, Sight
from osimage.machine.verdict import Ending, Verdict, judge

LONG = Processors(halted=False, dead=False, long_mode=True, in_ram=False, registers=(), rip=0x201042, cr2=0xDEAD0000)
AT_FAULT = Sight(1.25, 1.0, b" \7" * 2000, 0, LONG)


@pytest.mark.parametrize(
    ("ending", "verdict"),
    [
        (Ending(True, 0, ("host-qmp-quit",)), Verdict.CLOSED),
        (Ending(True, 0, (), (), Rest.SETTLED), Verdict.SETTLED),
        (Ending(True, 0, (), ("warning: something",), Rest.SETTLED), Verdict.SETTLED),
        (Ending(True, 0, (), (), Rest.CHANGING), Verdict.CHANGING),
        (Ending(True, 0, (), (), Rest.NOT_SEEN), Verdict.NOT_SEEN),
        (Ending(True, 0, (), (), Rest.NOT_BOOTABLE), Verdict.NOT_BOOTABLE),
        (Ending(True, 0, (), (), Rest.STOPPED), Verdict.STOPPED),
        (Ending(True, 0, ("guest-reset",)), Verdict.RESET),  # QEMU's exit code says nothing
        (Ending(True, 0, ("guest-reset", "host-qmp-quit"), (), Rest.SETTLED), Verdict.RESET),
        (Ending(True, 0, ("guest-panic",)), Verdict.PANICKED),
        (Ending(True, 0, ("guest-shutdown",)), Verdict.POWERED_OFF),
        (Ending(True, 33, ("guest-shutdown",)), Verdict.EXITED),  # isa-debug-exit of newer QEMUs
        (Ending(True, 33, ()), Verdict.EXITED),  # and of older ones
        (Ending(True, 1, ()), Verdict.EXITED),
        (Ending(True, 1, (), ("no memory",)), Verdict.FAILED),
        (Ending(True, -9, ()), Verdict.KILLED),
        (Ending(True, 0, ("host-signal",)), Verdict.INTERRUPTED),
        (Ending(True, -15, (), interrupted=True), Verdict.INTERRUPTED),
        (Ending(True, 0, ("host-ui",)), Verdict.CLOSED),
        (Ending(False, 1, (), ("-foo: invalid option",)), Verdict.NOT_STARTED),
        (Ending(False, 0, (), interrupted=True), Verdict.INTERRUPTED),
    ],
)
def test_verdicts(ending: Ending, verdict: Verdict) -> None:
    assert judge(ending) is verdict


@pytest.mark.parametrize(
    ("verdict", "ending", "told"),
    [
        (Verdict.NOT_STARTED, Ending(False, 1, (), ("-foo: invalid option",)),
         "QEMU did not start: -foo: invalid option"),
        (Verdict.NOT_STARTED, Ending(False, 3), "QEMU did not start: it ended with exit code 3 and said nothing"),
        (Verdict.NOT_STARTED, Ending(False, -11), "QEMU did not start: it died of signal 11 (SIGSEGV)"),
        (Verdict.FAILED, Ending(True, 1, (), ("a", "b")), "QEMU gave up: a\nb"),
        (Verdict.KILLED, Ending(True, -9), "QEMU died of signal 9 (SIGKILL)."),
        (Verdict.KILLED, Ending(True, -6, (), ("assertion failed",)),
         "QEMU died of signal 6 (SIGABRT). It said: assertion failed"),
        (Verdict.RESET, Ending(True, 0),
         "the machine was reset at RIP 0x201042, with CR2 0xdead0000. Most likely the kernel faulted without a handler "
         "(a triple fault); CR2 is the last page fault's address. "
         'QEMU_ARGS="-d int -D int.log" writes every interrupt and fault to int.log.'),
        (Verdict.PANICKED, Ending(True, 0),
         "the kernel reported a panic to the machine at RIP 0x201042, with CR2 0xdead0000."),
        (Verdict.NOT_BOOTABLE, Ending(True, 0),
         "the firmware found nothing to boot in build/hello.img: its first sector must end with 55 aa."),
    ],
)  # fmt: skip
def test_failures(verdict: Verdict, ending: Ending, told: str) -> None:
    assert failure(verdict, ending, AT_FAULT, "build/hello.img") == told
    assert note(verdict, ending, AT_FAULT) is None


@pytest.mark.parametrize(
    ("verdict", "told"),
    [
        (Verdict.SETTLED, None),
        (Verdict.CLOSED, None),
        (Verdict.INTERRUPTED, None),
        (Verdict.CHANGING, "the kernel is still busy after 1 s; this is the screen as it was then"),
        (Verdict.NOT_SEEN, "no sign of the kernel after 1 s; this is the screen as it was then"),
        (Verdict.EXITED, "the machine ended by itself with exit code 33"),
        (Verdict.POWERED_OFF, "the kernel switched the machine off"),
    ],
)
def test_notes(verdict: Verdict, told: str | None) -> None:
    assert note(verdict, Ending(True, 33), AT_FAULT) == told
    assert failure(verdict, Ending(True, 33), AT_FAULT, "x") is None


def test_qemus_words_are_without_its_name_and_what_it_says_of_signals() -> None:
    words = (
        "qemu-system-x86_64: warning: host does not support x\n"
        "/opt/q/qemu-system-x86_64: terminating on signal 2\n"
        "qemu: terminating on signal 15 from pid 1 (x)\n\n"
    )
    assert clean(words) == ("warning: host does not support x",)


def test_the_monitors_protocol_in_pieces() -> None:
    protocol = Protocol()
    number, sent = protocol.command("pmemsave", {"filename": 'a "b".bin'})
    assert sent == b'{"execute": "pmemsave", "arguments": {"filename": "a \\"b\\".bin"}, "id": 1}\n'
    came = (
        b'{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": ""}}}\r\n'
        b'{"timestamp": {}, "event": "SHUTDOWN", "data": {"guest": true, "reason": "guest-reset"}}\r\n'
        b'{"id": 1, "error": {"class": "GenericError", "desc": "no space"}}\r\n{"id": 2, "return": {"x": 1}}\r\n'
    )
    for place in range(len(came)):
        assert not protocol.answered(2)
        protocol.feed(came[place : place + 1])
    assert protocol.version == "7.2.22"
    assert protocol.shutdown_reasons() == ("guest-reset",)
    assert protocol.answer(number) == Failure("no space")
    assert protocol.answer(2) == {"x": 1}
