"""What is said of each fault of a kernel, word for word."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest
from elf_maker import (
    DATA,
    DYNAMIC,
    GNU_STACK,
    INTERP,
    RODATA,
    SAYS_OK,
    TEXT,
    TLS,
    Elf,
    Part,
    R,
    W,
    X,
)
from kernel_advice import ENTRY, FIXED, OWN_PAGE
from osimage.boot.elf import faults
from osimage.boot.names import readable

DAMAGED = "The file is damaged: delete it and build again."
TARGET = '"llvm-target" in the target spec must begin with "x86_64-".'
REACHED = "The linker keeps only what it reaches from the entry point."
OWN_SECTIONS = (
    "Keep code and data in sections of their own (#[link_section], PHDRS in the linker script), on pages of their own."
)
PLACE = 'Change its address in the linker script, or the linker argument "--image-base" (default 0x200000).'
END = 1 << 64


def ident(klass: int, order: int) -> dict[str, bytes]:
    return {"ident": b"\x7fELF" + bytes((klass, order, 1)) + bytes(9)}


@pytest.mark.parametrize(
    ("elf", "told"),
    [
        (b"", "the file is empty: the linker wrote nothing. Delete it and build again."),
        (
            b"#!/bin/sh\n",
            'not an ELF file: it begins with 23 21 2f 62 instead of 7f 45 4c 46. In the target spec "linker-flavor" '
            "must be "
            '"gnu-lld" or "gnu", and no linker argument may be "--oformat".',
        ),
        (b"\x7fELF\x02\x01\x01", f"cut off: it has 0x7 bytes, the ELF header alone 0x40. {DAMAGED}"),
        (Elf(fields=ident(1, 1)), f"a 32-bit ELF file, while the loader starts 64-bit kernels. {TARGET}"),
        (
            Elf(fields=ident(9, 1)),
            f"an ELF file of the unknown class 0x9, while the loader starts 64-bit kernels. {TARGET}",
        ),
        (Elf(fields=ident(2, 2)), f"a big-endian ELF file, while x86-64 is little-endian. {TARGET}"),
        (
            Elf(fields=ident(2, 0)),
            f"an ELF file of the unknown byte order 0x0, while x86-64 is little-endian. {TARGET}",
        ),
        (Elf(fields={"version": 2}), f"an ELF file of version 0x1/0x2 instead of 0x1/0x1. {DAMAGED}"),
        (Elf(fields={"machine": 183}), f"made for AArch64 (machine 0xb7) instead of x86-64 (0x3e). {TARGET}"),
        (
            Elf(fields={"machine": 999}),
            f"made for an unknown processor (machine 0x3e7) instead of x86-64 (0x3e). {TARGET}",
        ),
        (
            Elf(fields={"type": 1}),
            "an object file that was never linked (ET_REL). The crate must be a binary, and no linker argument may be "
            '"-r" or "--relocatable".',
        ),
        (
            Elf(fields={"type": 3}),
            f"position-independent (ET_DYN), while a kernel must have fixed addresses (ET_EXEC). {FIXED}",
        ),
        (Elf(fields={"type": 4}), "a core dump (ET_CORE), not a program."),
        (Elf(fields={"type": 0xFE00}), f"of the unknown ELF type 0xfe00 instead of ET_EXEC (0x2). {DAMAGED}"),
        (Elf(fields={"phnum": 0}), f"empty: it has no program headers. {REACHED} {ENTRY}"),
        (Elf(fields={"phentsize": 32}), f"program headers of 0x20 bytes instead of 0x38. {DAMAGED}"),
        (
            Elf(fields={"phoff": 0x4000}),
            f"cut off: its 3 program headers reach to 0x40a8, the file ends at 0x374. {DAMAGED}",
        ),
    ],
)
def test_files_whose_segments_cannot_be_read(elf: Elf | bytes, told: str) -> None:
    content = elf if isinstance(elf, bytes) else elf.build()
    assert faults(content, "hello.elf") == [f"hello.elf: {told}"]


@pytest.mark.parametrize(
    ("elf", "told"),
    [
        (Elf([replace(TEXT, type=GNU_STACK)]), f"empty: no segment has anything to load (PT_LOAD). {REACHED} {ENTRY}"),
        (Elf([replace(TEXT, type=GNU_STACK)], 0), f"no entry point, and so nothing was linked. {ENTRY}"),
        (
            Elf([replace(TEXT, address=0x20_1000 + n * 0x1000) for n in range(33)]),
            "33 segments to load (PT_LOAD), the loader takes at most 32. Gather sections of equal rights in the linker "
            "script.",
        ),
        (
            Elf([TEXT, replace(DATA, memory=1 << 31, symbols=[("HEAP", 0x20_2010, 0x7FFF_FFF0, 1)])]),
            "it needs 0x8000001c bytes of memory, the loader gives at most 0x40000000. The largest is segment 1 "
            "(.data) with "
            "0x80000000: make its largest symbol, `HEAP` (0x7ffffff0 bytes), smaller.",
        ),
        (
            Elf([TEXT, replace(DATA, memory=1 << 31)], sections=False),
            "it needs 0x8000001c bytes of memory, the loader gives at most 0x40000000. The largest is segment 1 "
            "(0x202000..0x80202000) with 0x80000000: make its variables smaller.",
        ),
        (
            Elf([TEXT, replace(DATA, memory=8)]),
            f"segment 1 (.data) has 0x10 bytes in the file and only 0x8 in memory. {DAMAGED}",
        ),
        (
            Elf([replace(TEXT, flags=X | W)]),
            "segment 0 (.text) is writable and executable at once: .text is writable and executable. "
            f"{OWN_SECTIONS} {OWN_PAGE}",
        ),
        (
            Elf([replace(TEXT, flags=X | W)], sections=False),
            f"segment 0 (0x201000..0x20101c) is writable and executable at once. {OWN_SECTIONS} {OWN_PAGE}",
        ),
        (
            Elf([TEXT, replace(DATA, address=0x20_1010)]),
            "segment 0 (.text, .data) and segment 1 (.data) overlap in memory at 0x201010..0x20101c. Give them "
            "addresses of "
            "their own in the linker script.",
        ),
        (
            Elf([TEXT, replace(DATA, address=0x20_1800)]),
            "segment 0 (.text) (r-x) and segment 1 (.data) (rw-) share the page 0x201000, which can have the rights of "
            "only "
            f"one. {OWN_PAGE}",
        ),
        (Elf(entry=0), f"no entry point. {ENTRY}"),
        (Elf(entry=0x30_0000), f"the entry point 0x300000 lies in no segment that is loaded. {ENTRY}"),
        (
            Elf(entry=0x20_2018),
            "the entry point 0x202018 (`HEAP`) lies in segment 2 (.data), which is not executable. Leave the function "
            "in "
            ".text: no #[link_section] on it, and in the linker script .text in a segment of its own.",
        ),
        (
            Elf([replace(TEXT, memory=0x1000)], 0x20_1800),
            f"the entry point 0x201800 lies in segment 0 (.text), where the file has no code, only zeros. {ENTRY}",
        ),
        (
            Elf([TEXT, Part(".interp", 0x20_0000, b"/lib/ld.so\0", R, type=INTERP)]),
            f"segment 1 (.interp) is for a dynamic linker (PT_INTERP), and a kernel has none. {FIXED} "
            'Nor may "dynamic-linking" in the target spec be true.',
        ),
        (
            Elf([TEXT, Part(".dynamic", 0x20_3000, bytes(16), R | W, type=DYNAMIC)]),
            f"segment 1 (.dynamic) is for a dynamic linker (PT_DYNAMIC), and a kernel has none. {FIXED} "
            'Nor may "dynamic-linking" in the target spec be true.',
        ),
        (
            Elf([TEXT, Part(".tdata", 0x20_0000, bytes(8), R, 16, TLS, symbols=[("COUNTER", 0, 8, 6)])]),
            "segment 1 (.tdata) is for thread-local storage (PT_TLS), which the loader does not set up. Make COUNTER "
            "plain "
            "statics, without #[thread_local].",
        ),
    ],
)
def test_segments_that_cannot_be_loaded(elf: Elf, told: str) -> None:
    assert faults(elf.build(), "hello.elf") == [f"hello.elf: {told}"]


@pytest.mark.parametrize(
    ("address", "told"),
    [
        (0xB8000, "0xb8000..0xb801c begins below 0x100000 (1 MiB), where loader and text screen are"),
        (
            0x7FFF_8000_0000,
            "0x7fff80000000..0x7fff8000001c reaches into 0x7fff00000000..0x800000000000, where the loader puts the "
            "kernel's "
            "stack",
        ),
        (
            0x9000_0000_0000,
            "0x900000000000..0x90000000001c is not canonical: the processor has no addresses in "
            "0x800000000000..0xffff800000000000",
        ),
        (END - 0x1000, "0xfffffffffffff000..0xfffffffffffff01c reaches into the last page of the address space"),
        (END - 1, "0xffffffffffffffff..0x1000000000000001b wraps around the end of the address space"),
    ],
)
def test_addresses_that_cannot_be_mapped(address: int, told: str) -> None:
    elf = Elf([replace(TEXT, address=address)], address).build()
    assert faults(elf, "hello.elf") == [f"hello.elf: segment 0 (.text) cannot be mapped: {told}. {PLACE}"]


def test_a_file_that_is_cut_off_names_the_segment() -> None:
    elf = Elf(sections=False).build()[:-8]
    assert faults(elf, "hello.elf") == [
        "hello.elf: cut off: segment 2 (0x202000..0x204010) reaches to 0x130 in the file, which ends at 0x128. "
        + DAMAGED
    ]


def test_all_faults_are_told_at_once() -> None:
    elf = Elf([replace(TEXT, flags=R | W | X), replace(DATA, address=0xB8000)], entry=0).build()
    assert [fault.split(". ")[0] for fault in faults(elf, "k")] == [
        "k: segment 1 (.data) cannot be mapped: 0xb8000..0xba010 begins below 0x100000 (1 MiB), where loader and text "
        "screen are",
        "k: segment 0 (.text) is writable and executable at once: .text is writable and executable",
        "k: no entry point",
    ]


@pytest.mark.parametrize(
    "elf",
    [
        Elf(),
        Elf([DATA, TEXT, RODATA]),  # in any order
        Elf([TEXT, replace(RODATA, address=0x20_1100, flags=X)]),  # equal rights may share a page
        Elf([TEXT, replace(RODATA, address=0xFFFF_FFFF_8000_0000)]),
        Elf([TEXT, replace(DATA, type=GNU_STACK, flags=R | W | X), replace(DATA, type=TLS, content=b"", memory=0)]),
        Elf([TEXT, Part(".bss", 0x4000_0000, b"", R | W, 17 << 20)], sections=False),
        Elf([replace(TEXT, address=0x20_1000 + n * 0x1000) for n in range(32)]),
        Elf([TEXT, replace(RODATA, content=b"", memory=0, address=0)]),  # nothing to load is nothing wrong
        Elf(fields={"shoff": END - 1, "shnum": 0xFFFF, "shstrndx": 0xFFFF}),  # nobody reads its sections
        Elf([replace(TEXT, content=SAYS_OK * 0x1000)]),
    ],
)
def test_nothing_is_said_of_a_good_kernel(elf: Elf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "elftools.elf.elffile", None)  # importing it would be an error: it costs 50 ms
    assert faults(elf.build(), "hello.elf") == []


@pytest.mark.parametrize(
    ("symbol", "name"),
    [
        ("_start", "_start"),
        ("_RNvCsboZGYHyGiK9_5hello5HELLO", "hello::HELLO"),
        ("_RNvNtCs1234_5hello3vga6WRITER", "hello::vga::WRITER"),
        ("_RNvC5hello6__start", "hello::_start"),  # an underscore stands before a name that begins with one
        ("_ZN5hello3vga6WRITER17h0123456789abcdefE", "hello::vga::WRITER"),
        ("_ZN5hello6WRITERE", "hello::WRITER"),
        ("_RNvXCs_5helloNtB2_3Foo3bar", "_RNvXCs_5helloNtB2_3Foo3bar"),  # not a simple path
        ("_ZN5helloE", "hello"),
        ("_ZN99helloE", "_ZN99helloE"),
        ("_ZN9999999999999999999999999helloE", "_ZN9999999999999999999999999helloE"),
        ("_R", "_R"),
        ("_ZNE", "_ZNE"),
    ],
)
def test_names_are_told_as_in_rust(symbol: str, name: str) -> None:
    assert readable(symbol) == name
