"""Small kernel ELF files made by hand, with sections and symbols, so that a test can have any it wants."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

LOAD, DYNAMIC, INTERP, TLS, GNU_STACK = 1, 2, 3, 7, 0x6474_E551
X, W, R = 1, 2, 4

HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
HEADER_FIELDS = ("ident", "type", "machine", "version", "entry", "phoff", "shoff", "flags", "ehsize", "phentsize",
                 "phnum", "shentsize", "shnum", "shstrndx")  # fmt: skip
PROGRAM_HEADER = struct.Struct("<IIQQQQQQ")
SECTION_HEADER = struct.Struct("<IIQQQQIIQQ")
SYMBOL = struct.Struct("<IBBHQQ")

# Writes "OK" to the text screen, in light cyan, and to the first serial port; then ends QEMU with status 33 where it
# has an isa-debug-exit at 0xf4, and halts. Position-independent.
SAYS_OK = bytes.fromhex("c7042500800b004f0b4b0b 66baf803 b04fee b04bee b010 e6f4 f4 ebfd")


@dataclass(frozen=True)
class Part:
    """A segment and the one section in it: its bytes in the file, its address and size in memory, its rights."""

    name: str
    address: int
    content: bytes
    flags: int
    memory: int | None = None  # bytes; None: as many as the content has
    type: int = LOAD
    symbols: Sequence[tuple[str, int, int, int]] = ()  # name, address, size, kind (1 variable, 2 function, 6 TLS)


TEXT = Part(".text", 0x201000, SAYS_OK, R | X, symbols=[("_start", 0x201000, len(SAYS_OK), 2)])
RODATA = Part(".rodata", 0x200000, b"Hello World!", R)
DATA = Part(".data", 0x202000, bytes(range(16)), R | W, 0x2010, symbols=[("HEAP", 0x202010, 0x2000, 1)])


@dataclass(frozen=True)
class Elf:
    """An ELF file; FIELDS replaces fields of its header, SECTIONS says whether it has sections and symbols."""

    parts: Sequence[Part] = (RODATA, TEXT, DATA)
    entry: int = 0x201000
    sections: bool = True
    fields: dict[str, Any] = field(default_factory=dict)

    def build(self) -> bytes:
        """The file."""
        offsets: list[int] = []
        position = HEADER.size + len(self.parts) * PROGRAM_HEADER.size
        for part in self.parts:
            position += -position % 16
            offsets.append(position)
            position += len(part.content)
        tail, header = self._sections(offsets, position + -position % 8) if self.sections else (b"", (0, 0, 0))
        ident = b"\x7fELF\x02\x01\x01" + bytes(9)
        values = (ident, 2, 62, 1, self.entry, 64, header[0], 0, 64, 56, len(self.parts), 64, header[1], header[2])
        fields = dict(zip(HEADER_FIELDS, values, strict=True)) | self.fields
        made = bytearray(HEADER.pack(*fields.values()))
        for part, offset in zip(self.parts, offsets, strict=True):
            made += self.program_header(part, offset)
        for part, offset in zip(self.parts, offsets, strict=True):
            made += bytes(offset - len(made)) + part.content
        return bytes(made) + (bytes(header[0] - len(made)) + tail if tail else b"")

    @staticmethod
    def program_header(part: Part, offset: int) -> bytes:
        memory = len(part.content) if part.memory is None else part.memory
        return PROGRAM_HEADER.pack(
            part.type, part.flags, offset, part.address, part.address, len(part.content), memory, 16
        )

    def _sections(self, offsets: Sequence[int], start: int) -> tuple[bytes, tuple[int, int, int]]:
        """The section headers at START with what follows them, and e_shoff, e_shnum and e_shstrndx."""
        count = len(self.parts) + 4
        names, strings = bytearray(b"\0"), bytearray(b"\0")
        symbols = bytearray(SYMBOL.size)
        rows: list[tuple[int, ...]] = [(0,) * 10]
        for number, (part, offset) in enumerate(zip(self.parts, offsets, strict=True), 1):
            memory = len(part.content) if part.memory is None else part.memory
            flags = 2 | (part.flags & W and 1) | (part.flags & X and 4) | (part.type == TLS and 0x400)
            rows.append((_add(names, part.name), 1, flags, part.address, offset, memory, 0, 0, 16, 0))
            for name, address, size, kind in part.symbols:
                symbols += SYMBOL.pack(_add(strings, name), 0x10 | kind, 0, number, address, size)
        places = [start + count * SECTION_HEADER.size]
        own = [_add(names, name) for name in (".symtab", ".strtab", ".shstrtab")]
        for content in (symbols, strings):
            places.append(places[-1] + len(content))
        rows.append((own[0], 2, 0, 0, places[0], len(symbols), count - 2, 1, 8, SYMBOL.size))
        rows.append((own[1], 3, 0, 0, places[1], len(strings), 0, 0, 1, 0))
        rows.append((own[2], 3, 0, 0, places[2], len(names), 0, 0, 1, 0))
        table = b"".join(SECTION_HEADER.pack(*row) for row in rows)
        return table + bytes(symbols + strings + names), (start, count, count - 1)


def _add(table: bytearray, name: str) -> int:
    table += name.encode() + b"\0"
    return len(table) - len(name) - 1
