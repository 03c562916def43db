"""The checks on a kernel ELF: everything the loader would refuse is told when building, with what to change.

The headers are read with `struct`, at no cost worth counting; the names in what is told come from `names`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from . import headers
from .headers import ET_CORE, ET_DYN, ET_EXEC, ET_REL, PF_W, PF_X, PT_DYNAMIC, PT_INTERP, PT_TLS, Header, Segment
from .layout import KERNEL_MIN_VADDR, MAX_LOAD_SEGMENTS, PAGE_SIZE, mapping_fault
from .names import Names, listed

if TYPE_CHECKING:
    from .handover import Bootloader09

MAX_MEMORY = 0x4000_0000  # of all segments together: file and copy both have to lie below the PCI hole at 3 GiB

DAMAGED = "The file is damaged: delete it and build again."
FIXED_ADDRESS = (
    'In the target spec "position-independent-executables" and "static-position-independent-executables" must be '
    'false; without a spec of your own, add the rustflag "-Crelocation-model=static". No linker argument may be '
    '"-pie" or "-shared".'
)
OWN_PAGE = (
    'In the linker script put ". = ALIGN(0x1000);" between them, and leave out the linker arguments "--nmagic" (-n), '
    '"--omagic" (-N) and any "-z max-page-size" below 0x1000.'
)
ENTRY = (
    'Define `#[unsafe(no_mangle)] pub extern "C" fn _start() -> !` in the kernel, or name its function with the '
    'linker argument "--entry=NAME".'
)
REACHED = "The linker keeps only what it reaches from the entry point."
TARGET = '"llvm-target" in the target spec must begin with "x86_64-".'
MACHINES = {3: "32-bit x86", 40: "32-bit ARM", 62: "x86-64", 183: "AArch64", 243: "RISC-V", 258: "LoongArch"}
TYPES = {
    ET_REL: ('an object file that was never linked (ET_REL). The crate must be a binary, and no linker argument may be '
             '"-r" or "--relocatable".'),
    ET_DYN: f"position-independent (ET_DYN), while a kernel must have fixed addresses (ET_EXEC). {FIXED_ADDRESS}",
    ET_CORE: "a core dump (ET_CORE), not a program.",
}  # fmt: skip


def faults(elf: bytes, name: str, handover: Bootloader09 | None = None) -> list[str]:
    """Everything for which the loader could not start ELF, a kernel called NAME: a line each, none where it is fine.

    A kernel that expects HANDOVER may be what the crate's own loader accepts: writable code, position-independent code
    that nobody relocates, thread-local storage. Bytes of any kind may be given; nothing is raised for them.
    """
    strict = handover is None
    return [f"{name}: {fault}" for fault in _header_faults(elf, strict) or _content_faults(elf, strict)]


def _header_faults(elf: bytes, strict: bool) -> list[str]:
    """Faults that leave no program headers to read."""
    if not elf:
        return ["the file is empty: the linker wrote nothing. Delete it and build again."]
    if elf[:4] != headers.MAGIC:
        return [
            f"not an ELF file: it begins with {elf[:4].hex(' ')} instead of {headers.MAGIC.hex(' ')}. In the target "
            'spec "linker-flavor" must be "gnu-lld" or "gnu", and no linker argument may be "--oformat".'
        ]
    if len(elf) < headers.HEADER.size:
        return [f"cut off: it has {len(elf):#x} bytes, the ELF header alone {headers.HEADER.size:#x}. {DAMAGED}"]
    header = headers.read_header(elf)
    kinds = list(_kind_faults(header, strict))
    return kinds or list(_table_faults(header, len(elf)))


def _kind_faults(header: Header, strict: bool) -> Iterator[str]:
    bits, order, version = header.ident[4:7]
    if bits != headers.CLASS_64:
        kind = "a 32-bit ELF file" if bits == 1 else f"an ELF file of the unknown class {bits:#x}"
        yield f"{kind}, while the loader starts 64-bit kernels. {TARGET}"
    if order != headers.LITTLE_ENDIAN:
        kind = "a big-endian ELF file" if order == 2 else f"an ELF file of the unknown byte order {order:#x}"
        yield f"{kind}, while x86-64 is little-endian. {TARGET}"
        return  # the numbers below would be misread
    if version != headers.VERSION or header.version != headers.VERSION:
        yield f"an ELF file of version {version:#x}/{header.version:#x} instead of 0x1/0x1. {DAMAGED}"
    if header.machine != headers.EM_X86_64:
        machine = MACHINES.get(header.machine, "an unknown processor")
        yield f"made for {machine} (machine {header.machine:#x}) instead of x86-64 (0x3e). {TARGET}"
    if header.type != ET_EXEC and (strict or header.type != ET_DYN):
        yield TYPES.get(header.type, f"of the unknown ELF type {header.type:#x} instead of ET_EXEC (0x2). {DAMAGED}")


def _table_faults(header: Header, size: int) -> Iterator[str]:
    width = headers.PROGRAM_HEADER.size
    end = header.phoff + header.phnum * width
    if not header.phnum:
        yield f"empty: it has no program headers. {REACHED} {ENTRY}"
    elif header.phentsize != width:
        yield f"program headers of {header.phentsize:#x} bytes instead of {width:#x}. {DAMAGED}"
    elif end > size:
        yield f"cut off: its {header.phnum} program headers reach to {end:#x}, the file ends at {size:#x}. {DAMAGED}"


def _content_faults(elf: bytes, strict: bool) -> list[str]:
    header = headers.read_header(elf)
    segments = headers.read_segments(elf, header)
    loaded = headers.loaded(segments)
    names = Names(elf)
    if len(loaded) > MAX_LOAD_SEGMENTS:
        return [
            f"{len(loaded)} segments to load (PT_LOAD), the loader takes at most {MAX_LOAD_SEGMENTS}. Gather sections "
            "of equal rights in the linker script."
        ]
    return [
        *(_linking_faults(segments, names) if strict else _template_faults(segments, names)),
        *_memory_faults(loaded, names),
        *_mapping_faults(header, loaded, names, strict),
        *(fault for segment in loaded for fault in _segment_faults(segment, len(elf), names, strict)),
        *_neighbour_faults(loaded, names),
        *_entry_faults(header.entry, loaded, names),
    ]


def _linking_faults(segments: list[Segment], names: Names) -> Iterator[str]:
    """Faults of a kernel that wants to be finished by someone when it starts; one of each kind."""
    first = {segment.type: segment for segment in reversed(segments) if segment.type != PT_TLS or segment.memsz}
    for kind, what in ((PT_INTERP, "PT_INTERP"), (PT_DYNAMIC, "PT_DYNAMIC")):
        if kind in first:
            yield (
                f"{call(first[kind], names)} is for a dynamic linker ({what}), and a kernel has none. {FIXED_ADDRESS} "
                'Nor may "dynamic-linking" in the target spec be true.'
            )
    if PT_TLS in first:
        what, variables = call(first[PT_TLS], names), listed(names.thread_local())
        yield (
            f"{what} is for thread-local storage (PT_TLS), which the loader does not set up. Make "
            f"{variables or 'its variables'} plain statics, without #[thread_local]."
        )


def _template_faults(segments: list[Segment], names: Names) -> Iterator[str]:
    templates = [segment for segment in segments if segment.type == PT_TLS]
    if len(templates) > 1:
        yield (
            f"{' and '.join(call(segment, names) for segment in templates)} are all for thread-local storage "
            "(PT_TLS), and the boot information has room for one. Gather .tdata and .tbss in the linker script."
        )


def _memory_faults(loaded: list[Segment], names: Names) -> Iterator[str]:
    total = sum(segment.memsz for segment in loaded)
    if total > MAX_MEMORY:
        largest = max(loaded, key=lambda segment: segment.memsz)
        symbol = names.largest(largest.vaddr, largest.end)
        advice = f"its largest symbol, `{symbol.name}` ({symbol.size:#x} bytes)," if symbol else "its variables"
        yield (
            f"it needs {total:#x} bytes of memory, the loader gives at most {MAX_MEMORY:#x}. The largest is "
            f"{call(largest, names)} with {largest.memsz:#x}: make {advice} smaller."
        )


def _mapping_faults(header: Header, loaded: list[Segment], names: Names, strict: bool) -> Iterator[str]:
    """Faults of addresses; what is position-independent was linked at 0 as a whole, and that is said once."""
    for segment in loaded:
        unmappable = mapping_fault(segment.vaddr, segment.end, strict)
        if unmappable and header.type == ET_DYN and segment.vaddr < KERNEL_MIN_VADDR:
            yield f"position-independent (ET_DYN) and linked low: {unmappable}. {FIXED_ADDRESS}"
            return
        if unmappable:
            yield (
                f"{call(segment, names)} cannot be mapped: {unmappable}. Change its address in the linker script, or "
                'the linker argument "--image-base" (default 0x200000).'
            )


def _segment_faults(segment: Segment, size: int, names: Names, strict: bool) -> Iterator[str]:
    """Faults of one segment by itself; SIZE is that of the file in bytes."""
    end = segment.offset + segment.filesz
    if segment.filesz > segment.memsz:
        yield (
            f"{call(segment, names)} has {segment.filesz:#x} bytes in the file and only {segment.memsz:#x} in memory. "
            f"{DAMAGED}"
        )
    if segment.filesz and end > size:
        yield f"cut off: {call(segment, names)} reaches to {end:#x} in the file, which ends at {size:#x}. {DAMAGED}"
    if strict and segment.protection == PF_W | PF_X:
        yield writable_code(segment, names)


def writable_code(segment: Segment, names: Names) -> str:
    """What is to be said of SEGMENT, which can be written and executed."""
    sections = names.within(segment.vaddr, segment.end)
    inside = listed([section.with_rights for section in sections if section.with_rights])
    return (
        f"{call(segment, names)} is writable and executable at once{inside and f': {inside}'}. Keep code and "
        "data in sections of their own (#[link_section], PHDRS in the linker script), on pages of their own. "
        f"{OWN_PAGE}"
    )


def _neighbour_faults(loaded: list[Segment], names: Names) -> Iterator[str]:
    """Faults of segments with each other; LOADED is sorted by address."""
    before: Segment | None = None  # of those so far the one that ends last
    for after in loaded:
        if before and after.vaddr < before.end:
            yield (
                f"{call(before, names)} and {call(after, names)} overlap in memory at {after.vaddr:#x}.."
                f"{min(before.end, after.end):#x}. Give them addresses of their own in the linker script."
            )
        elif before and _share_page(before, after) and before.protection != after.protection:
            yield (
                f"{call(before, names)} ({before.rights}) and {call(after, names)} ({after.rights}) share the page "
                f"{after.vaddr // PAGE_SIZE * PAGE_SIZE:#x}, which can have the rights of only one. {OWN_PAGE}"
            )
        if before is None or after.end > before.end:
            before = after


def _share_page(before: Segment, after: Segment) -> bool:
    return (before.end - 1) // PAGE_SIZE == after.vaddr // PAGE_SIZE


def _entry_faults(entry: int, loaded: list[Segment], names: Names) -> Iterator[str]:
    if not entry:
        yield f"no entry point{'' if loaded else ', and so nothing was linked'}. {ENTRY}"
        return
    if not loaded:
        yield f"empty: no segment has anything to load (PT_LOAD). {REACHED} {ENTRY}"
        return
    holders = [segment for segment in loaded if segment.vaddr <= entry < segment.end]
    if not holders:
        yield f"{_entry(entry, names)} in no segment that is loaded. {ENTRY}"
    elif not any(segment.flags & PF_X for segment in holders):
        yield (
            f"{_entry(entry, names)} in {call(holders[0], names)}, which is not executable. Leave the function in "
            ".text: no #[link_section] on it, and in the linker script .text in a segment of its own."
        )
    elif not any(entry < segment.vaddr + segment.filesz for segment in holders if segment.flags & PF_X):
        yield f"{_entry(entry, names)} in {call(holders[0], names)}, where the file has no code, only zeros. {ENTRY}"


def _entry(entry: int, names: Names) -> str:
    symbol = names.symbol_at(entry)
    return f"the entry point {entry:#x}{f' (`{symbol}`)' if symbol else ''} lies"


def call(segment: Segment, names: Names) -> str:
    """SEGMENT as a person can find it: its place in the table and the sections in it."""
    inside = listed([section.name for section in names.within(segment.vaddr, segment.end)])
    return f"segment {segment.number} ({inside or f'{segment.vaddr:#x}..{segment.end:#x}'})"
