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
from .accepted import address_faults, warnings
from .elf import faults
from .handover import Bootloader09, from_text, to_text
from .headers import HEADER, PROGRAM_HEADER, Header, Segment

ALIGNMENT = 16  # of segments in the file: the loader copies, so that pages need not line up
SECTION_FIELDS = (slice(40, 48), slice(58, 64))  # of the header: e_shoff; e_shentsize, e_shnum, e_shstrndx


def strip_action(elf: str, stripped: str, where: Where, handover: Bootloader09 | None = None) -> Action:
    """The step that makes STRIPPED of ELF, a kernel that expects HANDOVER; paths are relative to the project root."""
    return Action("strip", Path(stripped).name, argv=(__name__, elf, stripped, to_text(handover)), inputs=(Input(elf),),
                  outputs=(stripped,), toolchain=code_identity(__name__), where=where, local=True)  # fmt: skip


def run(argv: Sequence[str], out: Path) -> str:
    """Write the stripped kernel; ARGV is (kernel ELF, output, what it is handed). Returns warnings, a line each.

    Raises:
        StepError: the loader could not start this kernel; every fault of it at once.
    """
    elf, output, expected = argv
    content, name, handover = Path(elf).read_bytes(), Path(elf).name, from_text(expected)
    found = faults(content, name, handover)
    if handover is not None and not found:
        found = address_faults(content, name, handover)
    if found:
        raise StepError("\n".join(found))
    (out / Path(output).name).write_bytes(stripped(content))
    return "".join(f"warning: {line}\n" for line in warnings(content, name, handover)) if handover else ""


def stripped(elf: bytes) -> bytes:
    """The bytes of ELF, in which `faults` finds none, that the loader needs, as an ELF file of their own.

    Loaded, it gives the same memory, except that section headers are not where a copy of ELF's header says.
    """
    header = headers.read_header(elf)
    segments = headers.read_segments(elf, header)
    loaded = headers.loaded(segments)
    # The loader tells of a template for thread-local storage, whose content lies in a segment that is loaded.
    templates = [_program_header(segment, 0) for segment in segments if segment.type == headers.PT_TLS]
    count = len(loaded) + len(templates)
    parts: list[bytes | memoryview] = [_header(header, count), b""]
    table: list[bytes] = []
    position = HEADER.size + count * PROGRAM_HEADER.size
    for segment in loaded:
        padding = (segment.vaddr - position) % ALIGNMENT if segment.filesz else 0
        position += padding
        table.append(_program_header(segment, position if segment.filesz else 0))
        parts += [bytes(padding), _content(elf, segment)]
        position += segment.filesz
    parts[1] = b"".join(table + templates)
    return b"".join(parts)


def _header(header: Header, segments: int) -> bytes:
    ident = headers.MAGIC + bytes((headers.CLASS_64, headers.LITTLE_ENDIAN, headers.VERSION, *bytes(9)))
    clean = header._replace(ident=ident, phoff=HEADER.size, shoff=0, ehsize=HEADER.size, phentsize=PROGRAM_HEADER.size,
                            phnum=segments, shentsize=0, shnum=0, shstrndx=0)  # fmt: skip
    return HEADER.pack(*clean)


def _program_header(segment: Segment, offset: int) -> bytes:
    return PROGRAM_HEADER.pack(segment.type, segment.flags, offset, segment.vaddr, segment.paddr, segment.filesz,
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
