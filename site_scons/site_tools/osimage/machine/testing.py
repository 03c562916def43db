"""Tests: what a person says of one, checked before anything is built, and the step that boots it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from ..action import Action, Input, Plan
from ..errors import DeclarationError, Where, did_you_mean
from ..own import code_identity
from ..toolchain.qemu import PROGRAM
from .declaration import MachineDeclaration, declare_machine
from .outcome import EXPECTATIONS, Rule
from .qemu import DEFAULT_ACCELERATOR, command_line, wishes

STEP = "osimage.machine.boot_test"
SUCCESS = 33  # QEMU's exit code when the kernel writes 0x10 to isa-debug-exit: 2 * 0x10 + 1
TIMEOUT_S = 300
LONGEST_S = 86_400
# Where a kernel writes its exit code, if the person's arguments have no such device.
EXIT_DEVICE = ("-device", "isa-debug-exit,iobase=0xf4,iosize=0x04")


class TestDeclaration(NamedTuple):
    """A test: a machine that boots an image, and by which RULE its end is judged. With `reboot` a reset is no end.

    `title` is what a person calls it, where that is not the machine's name.
    """

    machine: MachineDeclaration
    rule: Rule
    reboot: bool = False
    title: str = ""


def declare_test(
    *,
    name: object,
    image: str,
    where: Where,
    success: object = SUCCESS,
    timeout: object = TIMEOUT_S,
    expect: object = "pass",
    reboot: object = False,
    **machine: Any,
) -> TestDeclaration:
    """The test that a call describes; MACHINE is what `declare_machine` takes besides.

    Raises:
        DeclarationError: all that is wrong, at once.
    """
    faults: list[str] = []
    try:
        declared = declare_machine(name=name, image=image, where=where, **machine)
    except DeclarationError as error:
        faults += error.faults
    faults += [*_expect_faults(expect, success), *_success_faults(success), *timeout_faults("timeout", timeout)]
    if not isinstance(reboot, bool):
        faults.append(f"reboot= wants True or False, not {reboot!r}.")
    if faults:
        raise DeclarationError(where, faults)
    if isinstance(expect, int):
        success, expect = expect, "pass"
    rule = Rule(tuple(_codes(success)), str(expect), int(str(timeout)))
    return TestDeclaration(declared, rule, bool(reboot))


def plan(test: TestDeclaration, build: str, more: Sequence[str] = (), timeout_s: int | None = None) -> Plan:
    """The step that boots TEST, its results below the folder BUILD.

    MORE are arguments for QEMU after the test's own; TIMEOUT_S takes the place of its time limit. The step's
    `toolchain` is our own code's; whoever runs it adds the identity of QEMU.
    """
    machine, rule = test.machine, test.rule
    own = (*machine.qemu_args, *more)
    if not any("isa-debug-exit" in argument for argument in own):
        own = (*EXIT_DEVICE, *own)
    command = command_line(machine, PROGRAM, own, reboot=test.reboot)
    success = ",".join(map(str, rule.success))
    stem = f"{build}/tests/{machine.name}"
    argv = (STEP, success, rule.expect, str(timeout_s or rule.timeout_s), *command)
    action = Action("test", test.title or machine.name, argv=argv,
                    inputs=(Input(machine.image),), outputs=(f"{stem}.json", f"{stem}.log"),
                    toolchain=code_identity(STEP), where=machine.where,
                    shared=wishes(own).accelerator in ("", DEFAULT_ACCELERATOR))  # fmt: skip
    return Plan((action,))


def parts(argv: Sequence[str]) -> tuple[Rule, tuple[str, ...]]:
    """The rule and QEMU's command line in ARGV, that of a step which `plan` made."""
    _, success, expect, timeout_s, *command = argv
    return Rule(tuple(int(code) for code in success.split(",")), expect, int(timeout_s)), tuple(command)


def typed(argv: Sequence[str], qemu_path: str) -> str:
    """The command in ARGV, a step's, as a person would type it: it starts at once and ends with the machine."""
    ours = {"-S", "-no-shutdown"}
    command = [qemu_path, *(word for word in parts(argv)[1][1:] if word not in ours)]
    return shlex.join(command if wishes(command).serial else [*command, "-serial", "stdio"])


def timeout_faults(argument: str, value: object) -> Iterator[str]:
    """What is wrong with VALUE as a time limit."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= LONGEST_S:
        yield f"{argument}= wants a number of seconds from 1 to {LONGEST_S}, not {value!r:.40}."


def _codes(success: object) -> list[Any]:
    return list(success) if isinstance(success, (tuple, list)) else [success]


def _success_faults(success: object, argument: str = "success") -> Iterator[str]:
    codes = _codes(success)
    if not codes:
        yield f"{argument}= has no exit code, so nothing could pass."
    for code in codes:
        if isinstance(code, bool) or not isinstance(code, int) or not 0 <= code <= 255:
            yield f"{argument}= wants an exit code of QEMU's from 0 to 255, or a list of them, not {code!r:.40}."
        elif code and code % 2 == 0:
            yield (
                f"{argument}={code} never comes: a kernel that writes N to isa-debug-exit ends QEMU with 2 * N + 1. "
                f"Did you mean {2 * code + 1}?"
            )


def _expect_faults(expect: object, success: object) -> Iterator[str]:
    if isinstance(expect, bool) or not (isinstance(expect, int) or expect in EXPECTATIONS):
        guess = did_you_mean(expect, EXPECTATIONS) if isinstance(expect, str) else ""
        yield f'expect= wants "pass", "panic", "fault" or an exit code of QEMU\'s, not {expect!r:.40}.{guess}'
    elif isinstance(expect, int) and success != SUCCESS:
        yield f"expect={expect} and success={success!r} say one thing twice. Leave one out."
    elif isinstance(expect, int):
        yield from _success_faults(expect, "expect")
