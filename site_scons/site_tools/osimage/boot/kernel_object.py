"""The step that wraps a kernel for the loader of the crate `bootloader` 0.9: an object file whose one section is it."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

from ..action import Action, Input
from ..errors import StepError, Where
from ..own import code_identity
from . import headers
from .elf import faults
from .handover import Bootloader09, from_text, to_text
from .headers import HEADER, Header
from .strip_debug import (
    ADDRESS_SIZE,
    SECTION,
    SHT_STRTAB,
    SHT_SYMTAB,
    SYMBOL,
    Section,
    Symbol,
    string_table,
    without_debug,
)

KERNEL = b".kernel"  # the section's name, for the crate's linker script
START, END, SIZE = b"_kernel_start_addr", b"_kernel_end_addr", b"_kernel_size"

SHT_PROGBITS = 1
SHF_WRITE, SHF_ALLOC = 1, 2
SHN_ABS = 0xFFF1
STB_GLOBAL = 1


def wrap_action(elf: str, wrapped: str, where: Where, handover: Bootloader09) -> Action:
    """The step that makes WRAPPED of ELF, a kernel that expects HANDOVER; paths are relative to the project root."""
    return Action("strip", Path(wrapped).name, argv=(__name__, elf, wrapped, to_text(handover)), inputs=(Input(elf),),
                  outputs=(wrapped,), toolchain=code_identity(__name__), where=where, local=True)  # fmt: skip


def run(argv: Sequence[str], out: Path) -> None:
    """Write the object file; ARGV is (kernel ELF, output, what it is handed).

    Raises:
        StepError: no loader could start this kernel; every fault of it at once.
    """
    elf, output, expected = argv
    content = Path(elf).read_bytes()
    found = faults(content, Path(elf).name, from_text(expected))
    if found:
        raise StepError("\n".join(found))
    try:
        kernel = without_debug(content)
    except (ValueError, IndexError, struct.error):
        raise StepError(f"{Path(elf).name} has damaged section headers: link it again.") from None
    (out / Path(output).name).write_bytes(wrapped(kernel))


def wrapped(kernel: bytes) -> bytes:
    """A relocatable ELF file with the bytes of KERNEL as its section `.kernel` and the symbols that the loader uses."""
    names, places = string_table((KERNEL, b".strtab", b".symtab", START, END, SIZE))
    section = 1  # the number of `.kernel`
    symbols = (
        Symbol(0, 0, 0, 0, 0, 0),
        Symbol(places[START], STB_GLOBAL << 4, 0, section, 0, 0),
        Symbol(places[END], STB_GLOBAL << 4, 0, section, len(kernel), 0),
        Symbol(places[SIZE], STB_GLOBAL << 4, 0, SHN_ABS, len(kernel), 0),
    )
    table = b"".join(SYMBOL.pack(*each) for each in symbols)
    content = HEADER.size
    strings = content + len(kernel)
    symtab = _aligned(strings + len(names))
    end = symtab + len(table)
    sections = (
        Section(*[0] * 10),
        Section(places[KERNEL], SHT_PROGBITS, SHF_WRITE | SHF_ALLOC, 0, content, len(kernel), 0, 0, 1, 0),
        Section(places[b".strtab"], SHT_STRTAB, 0, 0, strings, len(names), 0, 0, 1, 0),
        Section(places[b".symtab"], SHT_SYMTAB, 0, 0, symtab, len(table), 2, 1, ADDRESS_SIZE, SYMBOL.size),
    )
    ident = headers.MAGIC + bytes((headers.CLASS_64, headers.LITTLE_ENDIAN, headers.VERSION, *bytes(9)))
    header = Header(ident, headers.ET_REL, headers.EM_X86_64, headers.VERSION, 0, 0, end, 0, HEADER.size, 0, 0,
                    SECTION.size, len(sections), 2)  # fmt: skip
    written = (HEADER.pack(*header), kernel, names, bytes(symtab - strings - len(names)), table)
    return b"".join((*written, *(SECTION.pack(*each) for each in sections)))


def _aligned(offset: int) -> int:
    return offset + -offset % ADDRESS_SIZE
