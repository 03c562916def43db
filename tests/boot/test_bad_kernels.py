"""What is wrong with a kernel is told by the loader, for those that come past the builder."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from boards import ENDED_BY_KERNEL, Machine, boot, ended, halted
from damage import KERNELS, damaged
from elf_maker import DATA, DYNAMIC, INTERP, RODATA, SAYS_OK, TEXT, Elf, Part, R, W, X
from osimage.boot.elf import faults

OK = ("OK",)
REFUSED = "osimage: the kernel cannot be loaded: "
GOOD = Elf(sections=False).build()
MAPPABLE = "outside of 0x100000..0x7fff00000000 and 0xffff800000000000..0xfffffffffffff000, where the loader can map it"


def segment(address: int, memory: int = 0x100, flags: int = R | W) -> bytes:
    """A kernel with one more segment, number 3, of MEMORY bytes at ADDRESS."""
    return Elf((RODATA, TEXT, DATA, Part("more", address, b"", flags, memory)), sections=False).build()


def patched(offset: int, value: bytes, elf: bytes = GOOD) -> bytes:
    """ELF with VALUE at OFFSET; a program header N begins at 64 + 56 N."""
    return elf[:offset] + value + elf[offset + len(value) :]


def number(value: int, size: int) -> bytes:
    return value.to_bytes(size, "little")


FAULTS = {
    "short": (GOOD[:63], "it has 63 bytes, less than the 64 of an ELF header"),
    "magic": (patched(0, b"\x7fELG"), "it is not an ELF file: it begins with 0x474c457f, not 0x464c457f"),
    "class": (patched(4, b"\1"),
              "it is not a 64-bit little-endian ELF file: class 1 and data encoding 1, not 2 and 1"),
    "encoding": (patched(5, b"\2"),
                 "it is not a 64-bit little-endian ELF file: class 2 and data encoding 2, not 2 and 1"),
    "version": (patched(20, b"\2"), "its ELF version is 1/2, not 1/1"),
    "version in ident": (patched(6, b"\0"), "its ELF version is 0/1, not 1/1"),
    "machine": (patched(18, b"\xb7"), "it is for machine 183, not for x86-64 (62)"),
    "object file": (patched(16, b"\1"),
                    "its ELF type is 1, neither executable (2) nor position-independent executable (3)"),
    "no program headers": (patched(56, b"\0\0"), "it has no loadable segment"),
    "program headers too small": (patched(54, b"\x20\0"), "its program headers have 32 bytes each, not 56"),
    "program headers cut": (patched(32, number(len(GOOD) - 100, 8)),
                            f"its 3 program headers at byte {len(GOOD) - 100} reach behind the end of the file of "
                            f"{len(GOOD)} bytes"),
    "program headers nowhere": (patched(32, number((1 << 64) - 8, 8)),
                                f"its 3 program headers at byte {(1 << 64) - 8} reach behind the end of the file of "
                                f"{len(GOOD)} bytes"),
    "nothing to load": (patched(64, b"\4", patched(120, b"\4", patched(176, b"\4"))), "it has no loadable segment"),
    "too many segments": (Elf((TEXT, *(Part("s", 0x40_0000 + n * 0x1000, b"s", R) for n in range(32)))).build(),
                          "it has more than 32 loadable segments"),
    "segment cut": (patched(64 + 8, number(len(GOOD) - 5, 8)),
                    f"the 12 bytes of segment 0 at byte {len(GOOD) - 5} reach behind the end of the file of "
                    f"{len(GOOD)} bytes"),
    "segment nowhere": (patched(64 + 8, number((1 << 64) - 5, 8)),
                        f"the 12 bytes of segment 0 at byte {(1 << 64) - 5} reach behind the end of the file of "
                        f"{len(GOOD)} bytes"),
    "file larger than memory": (patched(64 + 40, number(11, 8)),
                                "segment 0 has 12 bytes in the file but only 11 in memory"),
    "wraps around": (segment((1 << 64) - 0x80),
                     "segment 3 at 0xffffffffffffff80 with 0x100 bytes wraps around the end of the address space"),
    "below 1 MiB": (segment(0xF_F000), f"segment 3 at 0xff000..0xff100 is {MAPPABLE}"),
    "at address 0": (segment(0), f"segment 3 at 0x0..0x100 is {MAPPABLE}"),
    "over the kernel's stack": (segment(0x7FFF_0000_0000),
                                f"segment 3 at 0x7fff00000000..0x7fff00000100 is {MAPPABLE}"),
    "into the kernel's stack": (segment(0x7FFE_FFFF_F000, 0x2000),
                                f"segment 3 at 0x7ffefffff000..0x7fff00001000 is {MAPPABLE}"),
    "not canonical": (segment(0x1_0000_0000_0000), f"segment 3 at 0x1000000000000..0x1000000000100 is {MAPPABLE}"),
    "across the hole": (segment(0x7FFE_0000_0000, 0xFFFF_0000_0000_0000),
                        f"segment 3 at 0x7ffe00000000..0xffff7ffe00000000 is {MAPPABLE}"),
    "last page": (segment(0xFFFF_FFFF_FFFF_F000), f"segment 3 at 0xfffffffffffff000..0xfffffffffffff100 is {MAPPABLE}"),
    "writable and executable": (segment(0x40_0000, flags=R | W | X),
                                "segment 3 at 0x400000..0x400100 is both writable and executable"),
    "overlap": (segment(0x20_2FFF),
                "segment 2 (RW at 0x202000..0x204010) and segment 3 (RW at 0x202fff..0x2030ff) overlap"),
    "same place": (segment(0x20_1000, flags=R | X), "overlap"),
    "shared page": (segment(0x20_1800),
                    "segment 1 (RX at 0x201000..0x20101c) and segment 3 (RW at 0x201800..0x201900) share the page at "
                    "0x201000 but not their rights"),
    "entry in data": (patched(24, number(0x20_2000, 8)),
                      "its entry 0x202000 lies in segment 2 (RW at 0x202000..0x204010), which is not executable"),
    "entry nowhere": (patched(24, number(0x20_1000 + len(SAYS_OK), 8)),
                      f"its entry {0x20_1000 + len(SAYS_OK):#x} lies in no segment"),
    "no entry": (patched(24, bytes(8)), "its entry 0x0 lies in no segment"),
    "interpreter": (Elf((TEXT, Part(".interp", 0x20_0000, b"/lib/ld.so", R, type=INTERP))).build(),
                    "program header 1 asks for a dynamic linker"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_told(disk: Callable[..., Path], fault: str) -> None:
    kernel, says = FAULTS[fault]
    seen = boot(disk(kernel), halted())
    assert len(seen.serial) == 1
    assert seen.serial[0].startswith(REFUSED)
    assert seen.serial[0].endswith(says)
    assert seen.said(seen.serial[0])
    assert faults(kernel, "kernel"), "the builder should have said it before"


@pytest.mark.parametrize(("memory", "bss", "says"), [
    ("8M", 17 << 20, "no memory for the kernel's segments: 17825792 bytes needed, "),
    ("6G", 1 << 40, "no memory for the kernel's segments: 1099511627776 bytes needed, "),
    ("6G", 0x7FFE_0000_0000, "no memory for the kernel's segments: 140728898420736 bytes needed, "),
])  # fmt: skip
def test_too_little_memory_is_told(disk: Callable[..., Path], memory: str, bss: int, says: str) -> None:
    seen = boot(disk(segment(0x100_0000, bss)), halted(), "virtio", "-m", memory)
    assert seen.said(f"osimage: {says}")
    assert seen.serial[0].endswith(" in the largest free block below 4 GiB")


def test_too_little_memory_for_the_stack_is_told(disk: Callable[..., Path]) -> None:
    seen = boot(disk(GOOD, stack_size=16 << 20), halted(), "virtio", "-m", "8M")
    assert seen.said("osimage: no memory for the kernel's stack: 16777216 bytes needed, ")


# Position-independent kernels: the code prints two characters at the address that lies in SLOT, then ends QEMU.
POINTER, SLOT, TABLE, DYNAMIC_TABLE = 0x3000, 0x3000, 0x2100, 0x2000
RELATIVE, DT_RELA, DT_RELASZ, DT_NEEDED, DT_RELR = 8, 7, 8, 1, 36
CODE = bytes.fromhex("488b1d") + number(SLOT - 0x1007, 4) + bytes.fromhex("66baf803 8a03ee 8a4301ee b010e6f4f4ebfd")


def pie(*dynamic: tuple[int, int], relocations: bytes = struct.pack("<QQQ", SLOT, RELATIVE, 0x2200)) -> bytes:
    entries = dynamic or ((DT_RELA, TABLE), (DT_RELASZ, len(relocations)))
    table = b"".join(struct.pack("<QQ", *entry) for entry in entries) + bytes(16)
    constants = table.ljust(TABLE - DYNAMIC_TABLE, b"\0") + relocations.ljust(0x100, b"\0") + b"OK"
    parts = (
        Part("text", 0x1000, CODE, R | X),
        Part("constants", DYNAMIC_TABLE, constants, R),
        Part("slot", SLOT, bytes(8), R | W),
        Part("dynamic", DYNAMIC_TABLE, b"", R, len(table), DYNAMIC),
    )
    return Elf(parts, 0x1000, sections=False, fields={"type": 3}).build()


def test_a_position_independent_kernel_is_relocated(disk: Callable[..., Path]) -> None:
    seen = boot(disk(pie()), ended)
    assert (seen.status, seen.serial) == (ENDED_BY_KERNEL, OK)


@pytest.mark.parametrize(("kernel", "says"), [
    (pie((DT_NEEDED, 1)), "it needs a shared library"),
    (pie((DT_RELR, 0x2100)),
     "its dynamic section has relocations of a kind that the loader does not know (tag 0x24)"),
    (pie(relocations=struct.pack("<QQQ", SLOT, 1 << 32 | 6, 0)),
     "the relocation at 0x202100 has type 6, not R_X86_64_RELATIVE (8)"),
    (pie(relocations=struct.pack("<QQQ", 0x9000, RELATIVE, 0)),
     "the target of a relocation at 0x209000 lies in no segment"),
    (pie(relocations=struct.pack("<QQQ", SLOT + 1, RELATIVE, 0)),
     "the target of a relocation at 0x203001 lies in no segment"),
    (pie((DT_RELA, 0x7000), (DT_RELASZ, 24)), "the relocation table at 0x207000 lies in no segment"),
    (pie((DT_RELA, TABLE), (DT_RELASZ, 1 << 40)), "the relocation table at 0x202200 lies in no segment"),
])  # fmt: skip
def test_relocations_that_cannot_be_made_are_told(disk: Callable[..., Path], kernel: bytes, says: str) -> None:
    seen = boot(disk(kernel), halted())
    assert seen.said(REFUSED + says)


@pytest.mark.slow
def test_a_hundred_damaged_kernels_are_told_and_none_hangs_or_resets(disk: Callable[..., Path]) -> None:
    booted = 0
    for what, kernel in damaged(7, 400, KERNELS):
        if booted == 100:
            break
        if not kernel or not faults(kernel, "kernel"):
            continue
        booted += 1
        said = halted()

        def done(machine: Machine) -> bool:
            return said(machine)  # noqa: B023

        seen = boot(disk(kernel), done, "virtio", time_limit=20)
        # The builder refuses more than the loader does: a kernel that is only unusual runs.
        ran = seen.status == ENDED_BY_KERNEL and "OK" in "".join(seen.serial)
        told = seen.status is None and seen.serial[0].startswith("osimage: ")
        assert ran or told, f"{what}: {seen}"
        assert not any("bug" in line or "the loader failed" in line for line in seen.serial), f"{what}: {seen}"
    assert booted == 100
