"""The header and program headers of a 64-bit ELF file, read as they stand, without believing them."""

from __future__ import annotations

import struct
from typing import NamedTuple

MAGIC = b"\x7fELF"
HEADER = struct.Struct("<16sHHIQQQIHHHHHH")  # Elf64_Ehdr (System V ABI, ELF-64 object file format)
PROGRAM_HEADER = struct.Struct("<IIQQQQQQ")  # Elf64_Phdr

CLASS_64, LITTLE_ENDIAN, VERSION = 2, 1, 1  # e_ident[4], [5] and [6]
ET_REL, ET_EXEC, ET_DYN, ET_CORE = 1, 2, 3, 4
EM_X86_64 = 62

PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_TLS = 1, 2, 3, 7
PF_X, PF_W, PF_R = 1, 2, 4


class Header(NamedTuple):
    """Elf64_Ehdr; offsets and sizes are bytes in the file, the entry an address in memory."""

    ident: bytes
    type: int
    machine: int
    version: int
    entry: int
    phoff: int
    shoff: int
    flags: int
    ehsize: int
    phentsize: int
    phnum: int
    shentsize: int
    shnum: int
    shstrndx: int


class Segment(NamedTuple):
    """Elf64_Phdr with its place in the table; offsets and sizes are bytes, addresses those of the kernel."""

    number: int
    type: int
    flags: int
    offset: int
    vaddr: int
    paddr: int
    filesz: int
    memsz: int
    align: int

    @property
    def end(self) -> int:
        """The first address after it; may lie beyond 2**64 in a damaged file."""
        return self.vaddr + self.memsz

    @property
    def protection(self) -> int:
        """What a page table can tell apart of its rights: PF_W and PF_X."""
        return self.flags & (PF_W | PF_X)

    @property
    def rights(self) -> str:
        """Its rights as `readelf` would show them: "r-x"."""
        return "".join(letter if self.flags & bit else "-" for letter, bit in (("r", PF_R), ("w", PF_W), ("x", PF_X)))


def read_header(elf: bytes) -> Header:
    """The header of ELF, which has at least 64 bytes."""
    return Header._make(HEADER.unpack_from(elf))


def read_segments(elf: bytes, header: Header) -> list[Segment]:
    """Every program header of ELF; the table that HEADER describes lies within the file."""
    table = elf[header.phoff : header.phoff + header.phnum * PROGRAM_HEADER.size]
    return [Segment(number, *fields) for number, fields in enumerate(PROGRAM_HEADER.iter_unpack(table))]


def loaded(segments: list[Segment]) -> list[Segment]:
    """Those of SEGMENTS that have something to load, by address."""
    return sorted(
        (s for s in segments if s.type == PT_LOAD and (s.memsz or s.filesz)), key=lambda s: (s.vaddr, s.number)
    )
