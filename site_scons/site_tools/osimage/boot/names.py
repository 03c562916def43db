"""Names for addresses of an ELF file, from its sections and symbols: what a fault is about, for who reads it.

Read with pyelftools, and only where there is a fault to tell. The file may be damaged or hostile: whatever cannot be
read has no name, and the fault stands without it.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

MAX_SECTIONS = 4096
MAX_NAME = 200
SHOWN = 4  # names told at a time

SHT_SYMTAB, SHT_NOBITS = 2, 8
SHF_WRITE, SHF_ALLOC, SHF_EXECINSTR, SHF_TLS = 1, 2, 4, 0x400
STT_NOTYPE, STT_OBJECT, STT_FUNC, STT_TLS = 0, 1, 2, 6
KINDS = (STT_NOTYPE, STT_OBJECT, STT_FUNC, STT_TLS)  # NOTYPE: labels in assembly
V0_PATH = re.compile("_R(?:N[a-z])*C")  # names nested in names, from the crate on
V0_IDENTIFIER = re.compile("(?:s[0-9a-zA-Z]*_)?([1-9][0-9]{0,3})_?")
LEGACY_IDENTIFIER = re.compile("([1-9][0-9]{0,3})")
HASH = re.compile("h[0-9a-f]{16}")  # what the older mangling puts behind a path
SYMBOL = struct.Struct("<IBBHQQ")  # Elf64_Sym: name, info, other, section, value, size


class Section(NamedTuple):
    """A section header as far as names need it; addresses and sizes in bytes."""

    name: str
    type: int
    flags: int
    address: int
    offset: int
    size: int
    link: int

    @property
    def with_rights(self) -> str:
        """What it asks for beyond being read: ".data is writable"; empty where that is nothing."""
        rights = [word for bit, word in ((SHF_WRITE, "writable"), (SHF_EXECINSTR, "executable")) if self.flags & bit]
        return f"{self.name} is {' and '.join(rights)}" if rights else ""


class Symbol(NamedTuple):
    """A symbol with its address and size in bytes."""

    name: str
    kind: int
    address: int
    size: int


class Names:
    """The sections and symbols of ELF by address."""

    def __init__(self, elf: bytes) -> None:
        self._elf = elf
        self._sections: list[Section] | None = None

    @property
    def sections(self) -> list[Section]:
        """Every section whose header can be read, in the order of the file."""
        if self._sections is None:
            self._sections = _read_sections(self._elf)
        return self._sections

    def within(self, start: int, end: int) -> list[Section]:
        """The sections with memory in START up to END (exclusive), by address."""
        found = [s for s in self.sections if s.flags & SHF_ALLOC and s.size and start <= s.address < end and s.name]
        return sorted((s for s in found if not (s.flags & SHF_TLS and s.type == SHT_NOBITS)), key=lambda s: s.address)

    def thread_local(self) -> list[str]:
        """The names of the thread-local symbols, or of their sections where there are none."""
        symbols = [readable(symbol.name) for symbol in self.symbols() if symbol.kind == STT_TLS]
        return symbols or [section.name for section in self.sections if section.flags & SHF_TLS and section.name]

    def symbol_at(self, address: int) -> str | None:
        """The name of the function or variable that ADDRESS lies in."""
        fitting = [s for s in self.symbols() if s.address <= address < s.address + max(s.size, 1)]
        return readable(min(fitting, key=lambda s: (s.address != address, s.size)).name) if fitting else None

    def largest(self, start: int, end: int) -> Symbol | None:
        """The largest function or variable in START up to END (exclusive)."""
        found = max((s for s in self.symbols() if start <= s.address < end), key=lambda s: s.size, default=None)
        return found._replace(name=readable(found.name)) if found else None

    def symbols(self) -> Iterator[Symbol]:
        """Every defined function and variable with a name, from the first symbol table."""
        table = next((section for section in self.sections if section.type == SHT_SYMTAB), None)
        if table is None or table.link >= len(self.sections):
            return
        strings = self.sections[table.link]
        entries = self._elf[table.offset : table.offset + table.size]
        for name, info, _, section, value, size in SYMBOL.iter_unpack(entries[: len(entries) // 24 * 24]):
            text = _text(self._elf, strings.offset + name) if section and info & 15 in KINDS else ""
            if text:
                yield Symbol(text, info & 15, value, size)


def readable(symbol: str) -> str:
    """The path of a Rust item whose mangled name is SYMBOL: "hello::HEAP"; SYMBOL itself where that is not simple.

    Both of rustc's ways: v0 (RFC 2603) for paths of plain names, and the older one that looks like C++.
    """
    names: list[str] = []
    if symbol.startswith("_ZN") and symbol.endswith("E"):
        rest, identifier = symbol[3:-1], LEGACY_IDENTIFIER
    else:
        start = V0_PATH.match(symbol)
        rest, identifier = symbol[start.end() :] if start else "", V0_IDENTIFIER
    while rest and (found := identifier.match(rest)):
        end = found.end() + int(found[1])
        if end > len(rest):
            break
        names.append(rest[found.end() : end])
        rest = rest[end:]
    if identifier is LEGACY_IDENTIFIER and names and HASH.fullmatch(names[-1]):
        names.pop()
    return "::".join(names) if names and not rest and all(name.isidentifier() for name in names) else symbol


def listed(names: list[str]) -> str:
    """NAMES in a row, the first few."""
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")


def _read_sections(elf: bytes) -> list[Section]:
    from elftools.common.utils import struct_parse
    from elftools.elf.elffile import ELFFile

    stream = io.BytesIO(elf)
    try:
        file = ELFFile(stream)
        first, width = file["e_shoff"], file["e_shentsize"]
        count = min(file.num_sections(), MAX_SECTIONS, (len(elf) - first) // width if width else 0)
        headers = [struct_parse(file.structs.Elf_Shdr, stream, first + index * width) for index in range(count)]
        names = headers[file.get_shstrndx()]["sh_offset"]
    except Exception:  # pyelftools has no one error for damaged files; without names the fault is told all the same
        return []
    types = {"SHT_SYMTAB": SHT_SYMTAB, "SHT_NOBITS": SHT_NOBITS}
    return [
        Section(_text(elf, names + h["sh_name"]), types.get(h["sh_type"], 0), h["sh_flags"], h["sh_addr"],
                h["sh_offset"], h["sh_size"], h["sh_link"])
        for h in headers
    ]  # fmt: skip


def _text(elf: bytes, offset: int) -> str:
    """The zero-terminated text at OFFSET; empty where there is none that could be shown."""
    end = elf.find(b"\0", offset, offset + MAX_NAME)
    text = elf[offset:end] if 0 <= offset < end else b""
    return text.decode("ascii", errors="replace") if text.isascii() and text.decode("ascii").isprintable() else ""
