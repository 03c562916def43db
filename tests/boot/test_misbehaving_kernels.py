"""A kernel that does what it must not faults exactly there, and the machine says so instead of resetting."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from boards import Boot, boot, ended, halted
from osimage.boot.handover import Bootloader09
from osimage.boot.strip import stripped

PAGE_FAULT, WRITE, PRESENT, FETCH = 14, 2, 1, 16
STACK_TOP = 0x7FFF_8000_0000

# What is done; exception and error code; where (CR2), as an address or the name of what the kernel printed; told how.
DEEDS = [
    ("overflow the stack", 14, WRITE, None, "in the guard page below its stack of 81920 bytes (stack overflow)"),
    ("write to .text", 14, WRITE | PRESENT, "_start", "in segment 2, mapped RX"),
    ("write to .rodata", 14, WRITE | PRESENT, "CONSTANT", "in segment 1, mapped R"),
    ("execute .data", 14, FETCH | PRESENT, "VARIABLE", "in segment 4, mapped RW"),
    ("execute the stack", 14, FETCH | PRESENT, None, "in its stack, mapped RW"),
    ("read address 0", 14, 0, 0, "in the first page, which is never mapped (null pointer)"),
    ("call address 0", 14, FETCH, 0,
     "in the first page, which is never mapped (null function pointer, or a return from the entry)"),
    ("return from the entry", 14, FETCH, 0,
     "in the first page, which is never mapped (null function pointer, or a return from the entry)"),
    ("read above the stack", 14, 0, STACK_TOP, "which is not mapped"),
    ("write to the loader's code", 14, WRITE | PRESENT, 0x2_0000, "which the loader mapped with other rights"),
    ("write to the boot information", 14, WRITE | PRESENT, 0x7FFF_C000_0000,
     "which the loader mapped with other rights"),
    ("execute the text screen", 14, FETCH | PRESENT, 0xB8000, "which the loader mapped with other rights"),
    ("divide by zero", 0, 0, None, None),
    ("run an invalid instruction", 6, 0, None, None),
    ("call interrupt 0x80", 13, None, None, "an interrupt that has no handler"),
    ("read an address that is not canonical", 13, 0, None, None),
]  # fmt: skip
NAMES = {0: "divide error", 6: "invalid opcode", 13: "general protection fault", 14: "page fault"}


def first_exception(seen: Boot) -> tuple[int, int, int, int]:
    """Vector, error code, CR2 and RIP of the first exception after the BIOS in QEMU's log."""
    for vector, code, rip, cr2 in re.findall(
        r"v=([0-9a-f]{2}) e=([0-9a-f]{4}) .*?IP=0008:([0-9a-f]{16}).*?CR2=([0-9a-f]{16})", seen.log, re.DOTALL
    ):
        if int(vector, 16) < 32:
            return int(vector, 16), int(code, 16), int(cr2, 16), int(rip, 16)
    raise AssertionError(seen.log[-2000:])


@pytest.mark.parametrize(("deed", "vector", "code", "place", "told"), DEEDS, ids=[deed[0] for deed in DEEDS])
def test_the_kernel_faults_exactly_there(
    disk: Callable[..., Path], compiled: Callable[..., bytes], deed: str, vector: int, code: int | None,
    place: str | int | None, told: str | None
) -> None:  # fmt: skip
    seen = boot(disk(compiled("misbehave", f'--cfg=deed="{deed}"')), halted(), log_faults=True)
    assert "nothing stopped it" not in seen.serial
    found_vector, found_code, address, rip = first_exception(seen)
    assert found_vector == vector
    assert code is None or found_code == code
    if isinstance(place, int):
        assert address == place
    elif place is not None:
        placed = re.search(rf"{place} at (0x[0-9a-f]+)", seen.serial[0])
        assert placed is not None
        assert address == int(placed[1], 16)
    assert seen.said(f"osimage: the kernel failed: {NAMES[vector]} (vector {vector}, error code {found_code:#x})")
    assert seen.said(f"osimage: at RIP {rip:#x}, RSP 0x7fff")
    if vector == PAGE_FAULT:
        action = "executed" if found_code & FETCH else "wrote to" if found_code & WRITE else "read"
        assert seen.said(f"osimage: it {action} {address:#x}, {told}")
    elif told:
        assert seen.said(f"osimage: {told}")


def test_a_stack_overflows_right_below_its_last_byte(disk: Callable[..., Path], compiled: Callable[..., bytes]) -> None:
    kernel = compiled("misbehave", '--cfg=deed="overflow the stack"')
    for pages in (1, 5, 512):
        seen = boot(disk(kernel, stack_size=pages * 4096), halted(), log_faults=True)
        bottom = STACK_TOP - pages * 4096
        assert bottom - 4096 <= first_exception(seen)[2] < bottom
        assert seen.said(f"guard page below its stack of {pages * 4096} bytes")


def test_interrupts_without_an_idt_are_told(disk: Callable[..., Path], compiled: Callable[..., bytes]) -> None:
    seen = boot(disk(compiled("misbehave", '--cfg=deed="enable interrupts"')), halted())
    assert seen.said("osimage: the kernel enabled interrupts without an IDT of its own: interrupt 0 at RIP 0x20")


def test_the_rest_of_the_screen_is_left_as_it_was(disk: Callable[..., Path], compiled: Callable[..., bytes]) -> None:
    seen = boot(disk(compiled("misbehave", '--cfg=deed="draw and fail"')), halted())
    assert seen.screen[0].startswith("Hello")
    assert seen.cells[0].colour == 0x0B
    assert seen.screen[20].startswith("osimage: the kernel failed: invalid opcode")
    assert {cell.colour for cell in seen.cells[20 * 80 :]} == {0x4F}


WROTE = ("page fault (vector 14, error code 0x2)", "it wrote to 0xdead0000, which is not mapped")


@pytest.mark.parametrize("word", ["zeros", "ones"])
def test_a_kernel_may_overwrite_what_bootloader_0_9_leaves_writable(
    disk: Callable[..., Path], compiled: Callable[..., bytes], word: str
) -> None:
    image = disk(stripped(compiled("misbehave", f'--cfg=deed="fill low memory with {word}"')), handover=Bootloader09())
    seen = boot(image, halted(), "virtio", "-no-shutdown")  # stops instead of a reset, so that there is a screen
    assert all(seen.said(f"osimage: {words}") for words in (f"the kernel failed: {WROTE[0]}", WROTE[1])), seen
    assert boot(image, ended).status == 0, "as from a triple fault, with -no-reboot"


@pytest.mark.parametrize("handover", [None, Bootloader09()], ids=["own record", "bootloader 0.9"])
@pytest.mark.parametrize(("deed", "told"), [
    ("write to 0xdead0000", WROTE), ("run an invalid instruction", ("invalid opcode (vector 6, error code 0x0)",)),
])  # fmt: skip
def test_a_kernel_may_have_a_tss_before_it_has_an_idt(
    disk: Callable[..., Path], compiled: Callable[..., bytes], handover: Bootloader09 | None, deed: str,
    told: tuple[str, ...]
) -> None:  # fmt: skip
    kernel = stripped(compiled("misbehave", f'--cfg=deed="load a TSS and {deed}"'))
    seen = boot(disk(kernel, handover=handover), halted(), "virtio", "-no-shutdown")
    assert seen.said(f"osimage: the kernel failed: {told[0]}"), seen
    assert all(seen.said(f"osimage: {words}") for words in told[1:])
