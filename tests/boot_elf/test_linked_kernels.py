"""Kernels as a real linker makes them: the settings that a fault names are those that cause it."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from kernel_advice import ENTRY, FIXED, OWN_PAGE
from optional import missing, program
from osimage.boot.elf import faults
from osimage.boot.strip import stripped
from osimage.toolchain.find import find_rustc

REPOSITORY = Path(__file__).parents[2]
KERNEL = """\
#![feature(no_core, rustc_attrs)]
#![allow(internal_features)]
#![no_core]
#![no_main]
#[rustc_builtin_macro]
macro_rules! global_asm { () => {} }
global_asm!(r#"
.file 1 "kernel.rs"
.macro object name, size
.globl \\name
.type \\name, @object
.size \\name, \\size
\\name:
.endm
.section .text._start, "ax", @progbits
.globl _start
.type _start, @function
_start: .loc 1 LINE 0
    mov GREETING(%rip), %rax
    mov %rax, COUNTER(%rip)
    lea HEAP(%rip), %rdi
    hlt
    jmp _start
.size _start, . - _start
.section .rodata.GREETING, "a", @progbits
object GREETING, 8
.quad 1
.section .data.COUNTER, "aw", @progbits
object COUNTER, 8
.quad 2
.section .bss.HEAP, "aw", @nobits
object HEAP, 0x2000
.zero 0x2000
MORE
"#, options(att_syntax));
"""
LEAVE = (
    "which is not executable. Leave the function in .text: no #[link_section] on it, and in the linker script .text in "
    "a "
    "segment of its own."
)
THREAD_LOCAL = """
.section .tdata, "awT", @progbits
.type LEVEL, @tls_object
.size LEVEL, 8
LEVEL: .quad 1
.section .text._start
movq $LEVEL@tpoff, %rax
"""
MIXED = """
.section .mixed, "awx", @progbits
MIXED: .quad 1
.section .text._start
lea MIXED(%rip), %rax
"""
Link = Callable[..., bytes]


@pytest.fixture
def link(tmp_path: Path) -> Link:
    """Links the kernel with further linker arguments, the line its code says it comes from, and more assembly."""
    rustc = find_rustc(REPOSITORY, os.environ).rustc
    if rustc is None or rustc.linker is None:
        missing("there is no compiler")
    command = [rustc.path, "kernel.rs", "-o", "kernel.elf", "--edition=2024", "--crate-type=bin", "-Cpanic=abort",
               "--target=x86_64-unknown-none", "-Crelocation-model=static", "-g",
               f"-Clinker={rustc.linker.path}"]  # fmt: skip

    def run(*arguments: str, line: int = 10, more: str = "") -> bytes:
        (tmp_path / "kernel.rs").write_text(KERNEL.replace("LINE", str(line)).replace("MORE", more))
        flags = [f"-Clink-arg={argument}" for argument in arguments]
        environ = {**os.environ, "RUSTC_BOOTSTRAP": "1"}
        subprocess.run([*command, *flags], cwd=tmp_path, env=environ, check=True, capture_output=True)
        return (tmp_path / "kernel.elf").read_bytes()

    return run


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], []),
        (["--image-base=0xffffffff80000000"], []),
        (["--entry=GREETING"], [f"the entry point 0x# (`GREETING`) lies in segment 1 (.rodata), {LEAVE}"]),
        (["--entry=COUNTER"], [f"the entry point 0x# (`COUNTER`) lies in segment 2 (.data), {LEAVE}"]),
        (["--entry=start"], [f"no entry point. {ENTRY}"]),
        (["-pie"], [f"position-independent (ET_DYN), while a kernel must have fixed addresses (ET_EXEC). {FIXED}"]),
        (
            ["-r"],
            [
                "an object file that was never linked (ET_REL). The crate must be a binary, and no linker argument may "
                "be "
                '"-r" or "--relocatable".'
            ],
        ),
        (
            ["--oformat=binary"],
            [
                "not an ELF file: it begins with 01 00 00 00 instead of 7f 45 4c 46. In the target spec "
                '"linker-flavor" must be "gnu-lld" or "gnu", and no linker argument may be "--oformat".'
            ],
        ),
        (
            ["--omagic"],
            [
                "segment 0 (.rodata, .text, .data, .bss) is writable and executable at once: .text is executable, "
                ".data is "
                "writable, .bss is writable. Keep code and data in sections of their own (#[link_section], PHDRS in "
                "the "
                f"linker script), on pages of their own. {OWN_PAGE}"
            ],
        ),
        (
            ["-zmax-page-size=16"],
            [
                "segment 1 (.rodata) (r--) and segment 2 (.text) (r-x) share the page 0x#, which can have the rights "
                "of only "
                f"one. {OWN_PAGE}",
                "segment 2 (.text) (r-x) and segment 3 (.data, .bss) (rw-) share the page 0x#, which can have the "
                "rights of "
                f"only one. {OWN_PAGE}",
            ],
        ),
        (
            ["--image-base=0x10000"],
            [
                f"segment {segment} cannot be mapped: 0x#..0x# begins below 0x# (1 MiB), where loader and text screen "
                "are. "
                'Change its address in the linker script, or the linker argument "--image-base" (default 0x#).'
                for segment in ("1 (.rodata)", "2 (.text)", "3 (.data, .bss)")
            ],
        ),
    ],
)
def test_a_setting_and_what_is_said_of_it(link: Link, arguments: list[str], told: list[str]) -> None:
    found = faults(link(*arguments), "kernel.elf")
    without_addresses = [re.sub(r"0x[0-9a-f]{5,}", "0x#", fault) for fault in found]
    assert without_addresses == [f"kernel.elf: {fault}" for fault in told]


def test_thread_local_storage_names_the_variable(link: Link) -> None:
    (fault,) = faults(link(more=THREAD_LOCAL), "kernel.elf")
    assert fault == (
        "kernel.elf: segment 5 (.tdata) is for thread-local storage (PT_TLS), which the loader does not set up. "
        "Make LEVEL plain statics, without #[thread_local]."
    )


def test_a_section_for_code_and_data_is_named(link: Link) -> None:
    (fault,) = faults(link(more=MIXED), "kernel.elf")
    assert fault.startswith(
        "kernel.elf: segment 3 (.mixed) is writable and executable at once: .mixed is writable and executable. "
    )


def test_other_lines_in_the_debug_information_give_the_same_stripped_kernel(link: Link) -> None:
    one, two = link(line=10), link(line=10_000_000)
    assert one != two
    assert len(one) != len(two)  # so that e_shoff, in the header that is loaded too, differs
    assert stripped(one) == stripped(two)
    assert stripped(link("--strip-all")) == stripped(one)
    assert stripped(link(more=".section .text._start\nnop")) != stripped(one)


def test_readelf_finds_nothing_wrong_with_a_stripped_kernel(link: Link, tmp_path: Path) -> None:
    elf = tmp_path / "kernel.stripped.elf"
    elf.write_bytes(stripped(link()))
    done = subprocess.run([program("readelf", "binutils"), "-hlSW", elf], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert re.search(r"Type: +EXEC", done.stdout)
    assert "There are no sections in this file." in done.stdout
    rows = re.findall(
        r"^ +(LOAD|PHDR|GNU_STACK) +0x(\w+) 0x(\w+) 0x\w+ 0x(\w+) 0x(\w+) (.{3}) 0x10$", done.stdout, re.M
    )
    assert [(row[0], row[5]) for row in rows] == [("LOAD", "R  "), ("LOAD", "R E"), ("LOAD", "RW ")]
    assert sum(int(row[3], 16) for row in rows) <= elf.stat().st_size
    assert all(int(row[1], 16) % 16 == int(row[2], 16) % 16 for row in rows)
