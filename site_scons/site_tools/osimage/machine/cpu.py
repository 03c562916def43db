"""The processors of a machine, as QEMU's monitor prints them."""

from __future__ import annotations

import re
from typing import NamedTuple

EFER_LMA = 1 << 10  # long mode is active (AMD64 manual, volume 2, 3.1.7)
EFLAGS_IF = 1 << 9
CONVENTIONAL_END = 0xA0000  # 640 KiB: the firmware's own 16-bit code lies above

# What a program changes when it does anything at all.
_GENERAL = re.compile(r"\b([ER](?:[A-D]X|SI|DI|BP|SP|IP|FL)|R\d+ ?)=([0-9a-f]+)")


class Processors(NamedTuple):
    """All processors at one moment; `rip` and `cr2` are those of the first."""

    halted: bool  # every one waits in HLT
    dead: bool  # and none can be woken by an interrupt
    long_mode: bool  # any is in 64-bit long mode
    in_ram: bool  # the first waits in conventional memory, at a HLT of the boot sector or of what that loaded
    registers: tuple[str, ...]  # the general ones of all, with instruction pointer and flags
    rip: int
    cr2: int


def parse(text: str) -> Processors:
    """The processors in TEXT, what `info registers -a` printed.

    Raises:
        ValueError: TEXT is not that of an x86 machine.
    """
    each = [part for part in re.split(r"^\s*CPU#\d+\s*$", text, flags=re.MULTILINE) if part.strip()]
    if not each:
        raise ValueError(f"no processor in {text[:80]!r}")
    flags = [_number(part, r"[ER]FL") for part in each]
    halted = all("HLT=1" in part for part in each)
    return Processors(
        halted=halted,
        dead=halted and not any(flag & EFLAGS_IF for flag in flags),
        long_mode=any(_number(part, "EFER") & EFER_LMA for part in each),
        in_ram="HLT=1" in each[0] and _code_address(each[0]) < CONVENTIONAL_END,
        registers=tuple(value for part in each for _, value in _GENERAL.findall(part)),
        rip=_number(each[0], r"[ER]IP"),
        cr2=_number(each[0], "CR2"),
    )


def _code_address(processor: str) -> int:
    """The linear address of the next instruction of PROCESSOR: base of the code segment and instruction pointer."""
    base = re.search(r"\bCS =[0-9a-f]+ ([0-9a-f]+)", processor)
    if not base:
        raise ValueError(f"no CS in {processor[:80]!r}")
    return int(base[1], 16) + _number(processor, r"[ER]IP")


def _number(text: str, name: str) -> int:
    found = re.search(rf"\b{name}=([0-9a-f]+)", text)
    if not found:
        raise ValueError(f"no {name} in {text[:80]!r}")
    return int(found[1], 16)
