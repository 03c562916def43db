"""The step that checks a kernel ELF and writes what the loader needs of it: header, program headers, bytes to load.

Debug information, symbols and section headers stay behind, so that what changes only them makes no new image.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..action import Action, Input
from ..errors import StepError, Where
from ..own import code_identity
from . import headers
from .elf import faults
from .headers import HEADER, PROGRAM_HEADER, Header, Segment

ALIGNMENT = 16  # of segments in the file: the loader copies, so that pages need not line up
SECTION_FIELDS = (slice(40, 48), slice(58, 64))  # of the header: e_shoff; e_shentsize, e_shnum, e_shstrndx


def strip_action(elf: str, stripped: str, where: Where) -> Action:
    """The step that makes STRIPPED of ELF, both paths relative to the project root."""
    return Action("strip", Path(stripped).name, argv=(__name__, elf, stripped), inputs=(Input(elf),),
                  outputs=(stripped,), toolchain=code_identity(__name__), where=where)  # fmt: skip


def run(argv: Sequence[str], out: Path) -> None:
    """Write the stripped kernel; ARGV is (kernel ELF, output).

    Raises:
        StepError: the loader could not start this kernel; every fault of it at once.
    """
    elf, output = argv
    content = Path(elf).read_bytes()
    found = faults(content, Path(elf).name)
    if found:
        raise StepError("\n".join(found))
    (out / Path(output).name).write_bytes(stripped(content))


def stripped(elf: bytes) -> bytes:
    """The bytes of ELF, in which `faults` finds none, that the loader needs, as an ELF file of their own.

    Loaded, it gives the same memory, except that section headers are not where a copy of ELF's header says.
    """
    header = headers.read_header(elf)
    loaded = headers.loaded(headers.read_segments(elf, header))
    parts: list[bytes | memoryview] = [_header(header, len(loaded)), b""]
    table: list[bytes] = []
    position = HEADER.size + len(loaded) * PROGRAM_HEADER.size
    for segment in loaded:
        padding = (segment.vaddr - position) % ALIGNMENT if segment.filesz else 0
        position += padding
        table.append(_program_header(segment, position if segment.filesz else 0))
        parts += [bytes(padding), _content(elf, segment)]
        position += segment.filesz
    parts[1] = b"".join(table)
    return b"".join(parts)


def _header(header: Header, segments: int) -> bytes:
    ident = headers.MAGIC + bytes((headers.CLASS_64, headers.LITTLE_ENDIAN, headers.VERSION, *bytes(9)))
    clean = header._replace(ident=ident, phoff=HEADER.size, shoff=0, ehsize=HEADER.size, phentsize=PROGRAM_HEADER.size,
                            phnum=segments, shentsize=0, shnum=0, shstrndx=0)  # fmt: skip
    return HEADER.pack(*clean)


def _program_header(segment: Segment, offset: int) -> bytes:
    return PROGRAM_HEADER.pack(headers.PT_LOAD, segment.flags, offset, segment.vaddr, segment.paddr, segment.filesz,
                               segment.memsz, ALIGNMENT if segment.filesz else 1)  # fmt: skip


def _content(elf: bytes, segment: Segment) -> bytes | memoryview:
    """What SEGMENT loads. Where that is the ELF header too (lld's way), without the place of the sections."""
    content = memoryview(elf)[segment.offset : segment.offset + segment.filesz]
    if segment.offset >= HEADER.size:
        return content
    clean = bytearray(content)
    for field in SECTION_FIELDS:
        for index in range(field.start - segment.offset, field.stop - segment.offset):
            if 0 <= index < len(clean):
                clean[index] = 0
    return bytes(clean)
