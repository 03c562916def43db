"""Where everything of the BIOS loader lies, on disk, in memory and in the kernel's address space, and how it is bound.

Every integer below also reaches the loader's Rust and assembly, through the crate that `rust_source` writes; there is
no second place to change. Sizes and addresses are bytes, sectors have 512 of them.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from ..errors import StepError

if TYPE_CHECKING:
    from .handover import Bootloader09

LOADER_NAME = "osimage-bios 0.1.0"  # what the boot information record calls the loader

SECTOR_SIZE = 0x200
PAGE_SIZE = 0x1000
LARGE_PAGE_SIZE = 0x20_0000
# Firmware reads the MBR by cylinder, head and sector. A disk below one cylinder of 16 heads with 63 sectors has none,
# and SeaBIOS then says "could not read the boot disk" (virtio, AHCI, NVMe, USB).
MIN_DISK_SIZE = 16 * 63 * SECTOR_SIZE

# Stage 1: the boot code of the MBR, which the firmware loads. After it come the disk's signature and partition table.
STAGE1_ADDRESS = 0x7C00
STAGE1_CODE_SIZE = 440
STAGE1_MAGIC = int.from_bytes(b"OSIMAGE1", "little")
STAGE1_MAGIC_OFFSET = 410
STAGE1_PACKET_OFFSET = 418  # 16 bytes: the packet of the BIOS call that reads stage 2
STAGE1_SECTOR_OFFSET = STAGE1_PACKET_OFFSET + 8  # u64: LBA of stage 2
STAGE1_COUNT_OFFSET = 434  # u16: sectors of stage 2 that stage 1 reads
STAGE1_CHECKSUM_OFFSET = 436  # u32: stage2_checksum of all of them

# Stage 2, in two places. Stage 1 reads the first, with the parameters below and all that real mode touches; that one
# reads the rest: what runs in 64-bit mode, some of it when the kernel has failed. No read crosses a multiple of 64 KiB.
STAGE2_ADDRESS = 0x8000
STAGE2_READ_SECTORS = 8  # in one BIOS call; there is firmware that reads no more at once
STAGE2_FIRST_SECTORS = STAGE2_READ_SECTORS
STAGE2_REST_ADDRESS = 0x20000
STAGE2_MAX_SECTORS = 127  # of both, which follow each other on disk
STAGE2_MAGIC = int.from_bytes(b"OSIMAGE2", "little")
STAGE2_MAGIC_OFFSET = 8
KERNEL_SECTOR_OFFSET = 16  # u64: LBA of the kernel's ELF file
KERNEL_SIZE_OFFSET = 24  # u64: its bytes
KERNEL_SHA256_OFFSET = 32  # 32 bytes
STACK_SIZE_OFFSET = 64  # u64: bytes of the kernel's stack
HANDOVER_OFFSET = 72  # u64: the bits below; none for osimage's own record
KERNEL_STACK_ADDRESS_OFFSET = 80  # u64: addresses that a kernel of `bootloader` 0.9 asks for, or ANY_ADDRESS
PHYSICAL_MEMORY_OFFSET_OFFSET = 88  # u64
BOOT_INFO_ADDRESS_OFFSET = 96  # u64
REST_PACKET_OFFSET = 104  # 16 bytes: the packet of the BIOS call that reads the rest of stage 2
REST_SECTOR_OFFSET = REST_PACKET_OFFSET + 8  # u64: its LBA
REST_COUNT_OFFSET = 120  # u32: its sectors
REST_CHECKSUM_OFFSET = 124  # u32: stage2_checksum of all of them
COMMAND_LINE_LENGTH_OFFSET = 128  # u64
COMMAND_LINE_OFFSET = 136  # UTF-8
COMMAND_LINE_CAPACITY = 176
STAGE2_PARAMETERS_END = COMMAND_LINE_OFFSET + COMMAND_LINE_CAPACITY

# What is handed over: bits of the field at HANDOVER_OFFSET. The second to the fifth are features of the crate.
BOOTLOADER_09 = 1 << 0  # what the crate `bootloader` 0.9 hands over, not osimage's record
MAP_PHYSICAL_MEMORY = 1 << 1
RECURSIVE_PAGE_TABLE = 1 << 2
VGA_320X200 = 1 << 3
SSE = 1 << 4
ANY_ADDRESS = (1 << 64) - 1

# Low memory while the loader runs. Page 0 is the BIOS's own; from 0x80000 up firmware may keep its extended data.
BOOT_TABLES_ADDRESS = 0x1000  # the page tables of the loader itself: PML4, PDPT, four page directories
BOOT_TABLES_SIZE = 0x6000
REAL_STACK_TOP = STAGE1_ADDRESS  # of real mode, downwards
BOUNCE_ADDRESS = 0x10000  # what the BIOS reads from disk lands here; must not cross a multiple of 64 KiB
BOUNCE_SECTORS = 127  # the most that every BIOS reads in one call
LOADER_DATA_ADDRESS = 0x30000  # .bss and stacks of stage 2
LOADER_DATA_END = 0x50000

# Left mapped for the kernel below 1 MiB: the loader, and VGA's memory (0xa0000 graphics, 0xb8000 text).
VGA_ADDRESS = 0xA0000
VGA_END = 0xC0000
TEXT_SCREEN_ADDRESS = 0xB8000
TEXT_COLUMNS = 80
TEXT_ROWS = 25
COM1_PORT = 0x3F8

# The kernel's address space. Segments may lie in [KERNEL_MIN_VADDR, LOADER_WINDOW) and in
# [HIGHER_HALF, HIGHER_HALF_END): the last page is left out so that no address wraps.
KERNEL_MIN_VADDR = 0x10_0000
LOADER_WINDOW = 0x7FFF_0000_0000  # the loader's own: kernel stack and boot information
LOADER_WINDOW_END = 0x8000_0000_0000
HIGHER_HALF = 0xFFFF_8000_0000_0000
HIGHER_HALF_END = 0xFFFF_FFFF_FFFF_F000
PIE_BASE = 0x20_0000  # added to the addresses of a position-independent kernel (ET_DYN)

KERNEL_STACK_TOP = LOADER_WINDOW + 0x8000_0000  # downwards; the page below the stack is never mapped
DEFAULT_STACK_SIZE = 20 * PAGE_SIZE
MAX_STACK_SIZE = 0x400_0000
BOOT_INFO_ADDRESS = LOADER_WINDOW + 0xC000_0000
BOOT_INFO_SIZE = 4 * PAGE_SIZE

MAX_LOAD_SEGMENTS = 32
MAX_MEMORY_REGIONS = 512

# What the crate `bootloader` 0.9 does where nobody asks for anything else.
KERNEL_IMAGE_ADDRESS = 0x40_0000  # the kernel's file in physical memory, where that is free
BOOTLOADER_09_REGIONS = 64  # room in its memory map
# Low memory stays mapped where it is, from the second page to the end of the crate's own loader: 0x15000, with all
# features this. Kernels write there, such as code for other processors.
BOOTLOADER_09_LOW_END = 0x1_6000


def rust_source() -> str:
    """The constants of this module as a Rust crate; integers are `u64`, texts `&str`."""
    lines = ["//! Written by osimage from its layout: addresses, sizes and offsets of the BIOS loader.", "#![no_std]"]
    for name, value in sorted(globals().items()):
        if not name.isupper():
            continue
        if isinstance(value, int):
            lines.append(f"pub const {name}: u64 = {value:#x};")
        elif isinstance(value, str):
            lines.append(f'pub const {name}: &str = "{value}";')
    return "\n".join(lines) + "\n"


def mapping_fault(start: int, end: int, window: bool = True) -> str | None:
    """Why the loader cannot map a kernel's bytes START up to END (exclusive), or None where it can.

    WINDOW says whether the loader has a part of the address space for itself, as for kernels of its own protocol.
    """
    if end < start or end > 1 << 64:
        return f"{start:#x}..{end:#x} wraps around the end of the address space"
    if start < KERNEL_MIN_VADDR:
        return f"{start:#x}..{end:#x} begins below {KERNEL_MIN_VADDR:#x} (1 MiB), where loader and text screen are"
    if window and start < LOADER_WINDOW_END and end > LOADER_WINDOW:
        own = f"{LOADER_WINDOW:#x}..{LOADER_WINDOW_END:#x}"
        return f"{start:#x}..{end:#x} reaches into {own}, where the loader puts the kernel's stack"
    if end > LOADER_WINDOW_END and start < HIGHER_HALF:
        hole = f"{LOADER_WINDOW_END:#x}..{HIGHER_HALF:#x}"
        return f"{start:#x}..{end:#x} is not canonical: the processor has no addresses in {hole}"
    if end > HIGHER_HALF_END:
        return f"{start:#x}..{end:#x} reaches into the last page of the address space"
    return None


def stack_size_fault(size: int) -> str | None:
    """Why SIZE (bytes) cannot be the size of the kernel's stack, or None where it can."""
    if size % PAGE_SIZE or not PAGE_SIZE <= size <= MAX_STACK_SIZE:
        return f"a kernel stack of {size} bytes: it must be a multiple of {PAGE_SIZE}, at most {MAX_STACK_SIZE}"
    return None


def command_line_fault(text: str) -> str | None:
    """Why TEXT cannot be the kernel's command line, or None where it can."""
    size = len(text.encode())
    if size > COMMAND_LINE_CAPACITY:
        return f"a command line of {size} bytes: the loader has room for {COMMAND_LINE_CAPACITY}"
    return None


def stage2_checksum(stage2: bytes) -> int:
    """What the loader computes over STAGE2, or a part of it, in whole sectors: a sum of its 32-bit words.

    For each word the sum is rotated left by one, then the word is added.
    """
    total = 0
    for (word,) in struct.iter_unpack("<I", stage2):
        total = ((total << 1 | total >> 31) + word) & 0xFFFF_FFFF
    return total


def stage2_on_disk(flat: bytes) -> bytes:
    """Stage 2 as it lies on disk: FLAT, as linked, without the memory between its two places.

    Raises:
        StepError: there is something in between, which would not be loaded.
    """
    first, rest = STAGE2_FIRST_SECTORS * SECTOR_SIZE, STAGE2_REST_ADDRESS - STAGE2_ADDRESS
    if any(flat[first:rest]):
        between = f"{STAGE2_ADDRESS + first:#x} and {STAGE2_REST_ADDRESS:#x}"
        raise StepError(
            f"stage 2 of the loader has something between {between}, from where nothing is loaded; a loader source of "
            "one's own must have its parts where stage2/link.ld of osimage's own puts them"
        )
    return flat[:first] + flat[rest:]


def bind_stage2(
    code: bytes,
    *,
    stage2_sector: int,
    kernel_sector: int,
    kernel_size: int,
    kernel_sha256: bytes,
    stack_size: int = DEFAULT_STACK_SIZE,
    command_line: str = "",
    handover: Bootloader09 | None = None,
) -> bytes:
    """Stage 2 for one kernel, padded to whole sectors.

    CODE is what `stage2_on_disk` makes of `stage2.bin`, and goes to LBA STAGE2_SECTOR; KERNEL_SECTOR is where the
    kernel's ELF file begins, KERNEL_SIZE its bytes, KERNEL_SHA256 their digest (32 bytes). A kernel is handed what
    HANDOVER says, or osimage's record, with STACK_SIZE bytes of stack and the COMMAND_LINE.

    Raises:
        StepError: CODE is not a stage 2 of this layout, or a parameter does not fit.
    """
    _check_magic(code, "stage 2", STAGE2_MAGIC_OFFSET, STAGE2_MAGIC)
    bound = bytearray(code + bytes(-len(code) % SECTOR_SIZE))
    if len(bound) > STAGE2_MAX_SECTORS * SECTOR_SIZE:
        raise StepError(f"stage 2 of the loader has {len(code)} bytes: at most {STAGE2_MAX_SECTORS * SECTOR_SIZE} fit")
    fault = command_line_fault(command_line) or (stack_size_fault(stack_size) if handover is None else None)
    if fault:
        raise StepError(fault)
    if len(kernel_sha256) != 32:
        raise StepError(f"the kernel's SHA-256 has {len(kernel_sha256)} bytes instead of 32")
    text = command_line.encode()
    rest = bytes(bound[STAGE2_FIRST_SECTORS * SECTOR_SIZE :])
    expected = (stack_size, 0, ANY_ADDRESS, ANY_ADDRESS, ANY_ADDRESS) if handover is None else _expected(handover)
    struct.pack_into("<QQ32s5Q", bound, KERNEL_SECTOR_OFFSET, kernel_sector, kernel_size, kernel_sha256, *expected)
    struct.pack_into("<QIIQ", bound, REST_SECTOR_OFFSET, stage2_sector + STAGE2_FIRST_SECTORS, len(rest) // SECTOR_SIZE,
                     stage2_checksum(rest), len(text))  # fmt: skip
    bound[COMMAND_LINE_OFFSET : COMMAND_LINE_OFFSET + len(text)] = text
    return bytes(bound)


def _expected(handover: Bootloader09) -> tuple[int, int, int, int, int]:
    """The fields from STACK_SIZE_OFFSET to BOOT_INFO_ADDRESS_OFFSET for a kernel that expects HANDOVER."""
    features = (
        (handover.map_physical_memory, MAP_PHYSICAL_MEMORY),
        (handover.recursive_page_table, RECURSIVE_PAGE_TABLE),
        (handover.vga_320x200, VGA_320X200),
        (handover.sse, SSE),
    )
    bits = BOOTLOADER_09 | sum(bit for wanted, bit in features if wanted)
    addresses = (handover.kernel_stack_address, handover.physical_memory_offset, handover.boot_info_address)
    stack, physical, boot_info = (ANY_ADDRESS if address is None else address for address in addresses)
    return handover.kernel_stack_size * PAGE_SIZE, bits, stack, physical, boot_info


def bind_stage1(code: bytes, stage2: bytes, stage2_sector: int) -> bytes:
    """The 440 bytes of boot code that load STAGE2 (as bound, whole sectors) from LBA STAGE2_SECTOR.

    Raises:
        StepError: CODE is not a stage 1 of this layout, or STAGE2 is not one that it can load.
    """
    _check_magic(code, "stage 1", STAGE1_MAGIC_OFFSET, STAGE1_MAGIC)
    if len(code) != STAGE1_CODE_SIZE:
        raise StepError(f"stage 1 of the loader has {len(code)} bytes instead of {STAGE1_CODE_SIZE}")
    _check_magic(stage2, "stage 2", STAGE2_MAGIC_OFFSET, STAGE2_MAGIC)
    if len(stage2) % SECTOR_SIZE or len(stage2) > STAGE2_MAX_SECTORS * SECTOR_SIZE:
        raise StepError(f"stage 2 of the loader has {len(stage2)} bytes: not 1 to {STAGE2_MAX_SECTORS} whole sectors")
    bound = bytearray(code)
    first = stage2[: STAGE2_FIRST_SECTORS * SECTOR_SIZE]
    struct.pack_into("<Q", bound, STAGE1_SECTOR_OFFSET, stage2_sector)
    struct.pack_into("<H", bound, STAGE1_COUNT_OFFSET, len(first) // SECTOR_SIZE)
    struct.pack_into("<I", bound, STAGE1_CHECKSUM_OFFSET, stage2_checksum(first))
    return bytes(bound)


def _check_magic(code: bytes, what: str, offset: int, magic: int) -> None:
    expected = magic.to_bytes(8, "little")
    found = code[offset : offset + 8]
    if found != expected:
        raise StepError(
            f"this is not {what} of osimage's loader: at offset {offset} it has {found!r} instead of {expected!r}; "
            f"a loader source of one's own must begin with the layout of osimage's own"
        )
