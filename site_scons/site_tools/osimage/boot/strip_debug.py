"""A kernel ELF without its debug sections, laid out as `llvm-objcopy --strip-debug` does it.

The crate `bootloader` 0.9 puts such a file into its image, and tells the kernel how large it is.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from . import headers
from .headers import HEADER, Header

SECTION = struct.Struct("<IIQQQQIIQQ")  # Elf64_Shdr (System V ABI, ELF-64 object file format)
SYMBOL = struct.Struct("<IBBHQQ")  # Elf64_Sym
SHT_SYMTAB, SHT_STRTAB, SHT_RELA, SHT_NOBITS, SHT_REL = 2, 3, 4, 8, 9
SHN_LORESERVE = 0xFF00  # from here on a section number is none
STB_LOCAL, STT_FILE = 0, 4
ADDRESS_SIZE = 8

DEBUG = (".debug", ".zdebug")
DEBUG_INDEX = ".gdb_index"


class Section(NamedTuple):
    """Elf64_Shdr; offsets and sizes are bytes in the file."""

    name: int
    type: int
    flags: int
    addr: int
    offset: int
    size: int
    link: int
    info: int
    addralign: int
    entsize: int


class Symbol(NamedTuple):
    """Elf64_Sym."""

    name: int
    info: int
    other: int
    shndx: int
    value: int
    size: int


class _Kept(NamedTuple):
    """A section that stays: its header, its name and its content as they will be."""

    header: Section
    name: bytes
    content: bytes

    def at(self, offset: int) -> _Kept:
        return self._replace(header=self.header._replace(offset=offset))


def without_debug(elf: bytes) -> bytes:
    """ELF, a file for x86-64 with intact headers, without its debug sections and the symbols of its source files.

    What its segments load stays where it is. A file without sections is returned as it is.
    """
    header = headers.read_header(elf)
    if not header.shnum:
        return elf
    table = elf[header.shoff : header.shoff + header.shnum * SECTION.size]
    sections = [Section(*fields) for fields in SECTION.iter_unpack(table)]
    names = [_text(elf, sections[header.shstrndx], section.name) for section in sections]
    gone = {number for number, name in enumerate(names) if _is_debug(name.decode("latin-1"))}
    gone |= {n for n, each in enumerate(sections) if each.type in (SHT_RELA, SHT_REL) and each.info in gone}
    moved = {old: new for new, old in enumerate(n for n in range(len(sections)) if n not in gone)}
    kept = [_Kept(sections[old], names[old], _content(elf, sections[old])) for old in moved]
    kept = [each._replace(header=_renumbered(each.header, moved)) for each in kept]
    _rebuild_symbols(kept, moved)
    _rebuild_names(kept, moved[header.shstrndx])
    return _written(elf, header, kept, moved[header.shstrndx])


def string_table(names: Iterable[bytes]) -> tuple[bytes, Mapping[bytes, int]]:
    """NAMES as a table of strings, and where each begins; one that another ends with shares its place.

    The order is that of LLVM's StringTableBuilder: by the reversed names, the greatest first.
    """
    table, places, last = bytearray(1), {b"": 0}, b""
    for name in sorted({name for name in names if name}, key=lambda name: name[::-1], reverse=True):
        if last.endswith(name):
            places[name] = len(table) - len(name) - 1
        else:
            places[name] = len(table)
            table += name + b"\0"
            last = name
    return bytes(table), places


def _is_debug(name: str) -> bool:
    return name.startswith(DEBUG) or name == DEBUG_INDEX


def _text(elf: bytes, strings: Section, offset: int) -> bytes:
    start = strings.offset + offset
    return elf[start : elf.index(b"\0", start)]


def _content(elf: bytes, section: Section) -> bytes:
    return b"" if section.type == SHT_NOBITS else elf[section.offset : section.offset + section.size]


def _renumbered(section: Section, moved: Mapping[int, int]) -> Section:
    info = moved.get(section.info, 0) if section.type in (SHT_RELA, SHT_REL) else section.info
    return section._replace(link=moved.get(section.link, 0), info=info)


def _rebuild_symbols(kept: list[_Kept], moved: Mapping[int, int]) -> None:
    """Leave out, in place, the symbols of files and of what is gone, and write their names anew; local ones first."""
    for number, section in enumerate(kept):
        if section.header.type != SHT_SYMTAB:
            continue
        strings = kept[section.header.link]
        symbols = [Symbol(*fields) for fields in SYMBOL.iter_unpack(section.content)]
        stay = [each for each in symbols[1:] if each.info & 15 != STT_FILE and _has_place(each, moved)]
        stay.sort(key=lambda each: each.info >> 4 != STB_LOCAL)
        named = [strings.content[each.name : strings.content.index(b"\0", each.name)] for each in stay]
        table, places = string_table(named)
        written = [symbols[0]]
        for each, name in zip(stay, named, strict=True):
            written.append(each._replace(name=places[name], shndx=moved.get(each.shndx, each.shndx)))
        content = b"".join(SYMBOL.pack(*each) for each in written)
        local = sum(each.info >> 4 == STB_LOCAL for each in written)
        kept[number] = section._replace(header=section.header._replace(size=len(content), info=local), content=content)
        kept[section.header.link] = strings._replace(header=strings.header._replace(size=len(table)), content=table)


def _has_place(symbol: Symbol, moved: Mapping[int, int]) -> bool:
    return symbol.shndx >= SHN_LORESERVE or symbol.shndx in moved


def _rebuild_names(kept: list[_Kept], number: int) -> None:
    """Write, in place, the table NUMBER with the names of the sections that stay."""
    table, places = string_table(each.name for each in kept)
    kept[number] = kept[number]._replace(header=kept[number].header._replace(size=len(table)), content=table)
    for index, each in enumerate(kept):
        kept[index] = each._replace(header=each.header._replace(name=places[each.name]))


def _written(elf: bytes, header: Header, kept: Sequence[_Kept], shstrndx: int) -> bytes:
    """The file: what segments load from ELF, the other sections behind it, the table of sections at the end."""
    segments = headers.read_segments(elf, header)
    end = max([header.phoff + header.phnum * header.phentsize, *(each.offset + each.filesz for each in segments)])
    result = bytearray(end)
    for each in segments:
        result[each.offset : each.offset + each.filesz] = elf[each.offset : each.offset + each.filesz]
    table_end = header.phoff + header.phnum * header.phentsize
    result[header.phoff : table_end] = elf[header.phoff : table_end]
    placed = dict(enumerate(kept))
    apart = [n for n, each in placed.items() if n and not any(_is_in(each.header, s) for s in segments)]
    for number in sorted(apart, key=lambda n: placed[n].header.offset):
        align = max(placed[number].header.addralign, 1)
        result += bytes(-len(result) % align)
        placed[number] = placed[number].at(len(result))
        result += placed[number].content
    result += bytes(-len(result) % ADDRESS_SIZE)
    changed = header._replace(shoff=len(result), shnum=len(kept), shstrndx=shstrndx)
    result[: HEADER.size] = HEADER.pack(*changed)
    return bytes(result) + b"".join(SECTION.pack(*each.header) for each in placed.values())


def _is_in(section: Section, segment: headers.Segment) -> bool:
    """Whether SECTION lies in SEGMENT: by its address where the file has nothing of it."""
    if section.type == SHT_NOBITS:
        inside = segment.vaddr <= section.addr and section.addr + section.size <= segment.end
        return bool(section.flags & 2) and inside
    return segment.offset <= section.offset and section.offset + max(section.size, 1) <= segment.offset + segment.filesz
