"""What a kernel that uses the crate `bootloader` 0.9 is handed: its features and `[package.metadata.bootloader]`.

Keys, types and defaults are those of that crate's build script (0.9.35); what it panics at is a fault here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from ..errors import did_you_mean
from .layout import HIGHER_HALF, LARGE_PAGE_SIZE, LOADER_WINDOW_END, PAGE_SIZE

TABLE = "[package.metadata.bootloader]"
FEATURES = ("map_physical_memory", "recursive_page_table", "vga_320x200", "sse")
STACK_SIZE = "kernel-stack-size"
PHYSICAL_MEMORY = "physical-memory-offset"
ADDRESSES = ("kernel-stack-address", PHYSICAL_MEMORY, "boot-info-address")
KEYS = (STACK_SIZE, *ADDRESSES)
NUMBER = re.compile(r"0x\+?([0-9a-fA-F]+)|\+?([0-9]+)")  # as Rust's from_str_radix reads it, base 16 and 10
MAX_STACK_PAGES = LOADER_WINDOW_END // PAGE_SIZE


class Bootloader09(NamedTuple):
    """What the kernel expects: the crate's features as its graph resolved them, and what its manifest says.

    Addresses are virtual ones; None leaves them to the loader, which takes parts of 512 GiB that the kernel does not
    use. The first page at the stack's address is the guard page.
    """

    map_physical_memory: bool = False
    recursive_page_table: bool = False
    vga_320x200: bool = False
    sse: bool = False
    kernel_stack_size: int = 512  # pages
    kernel_stack_address: int | None = None
    physical_memory_offset: int | None = None
    boot_info_address: int | None = None


def read(table: Mapping[str, Any], features: Collection[str]) -> tuple[Bootloader09, list[str]]:
    """What TABLE, the value of `package.metadata.bootloader`, and the FEATURES of the crate say; a line for each fault.

    Features that are not about the handover (`binary`, optional dependencies) may be among FEATURES. A fault leaves
    its key at the default.
    """
    said: dict[str, Any] = {name: True for name in FEATURES if name in features}
    faults = []
    for key, value in table.items():
        number, fault = _read(key, value, features)
        if fault:
            faults.append(f"{TABLE}: {fault}")
        else:
            said[key.replace("-", "_")] = number
    return Bootloader09(**said), faults


def to_text(handover: Bootloader09 | None) -> str:
    """HANDOVER as an argument of a step; empty for a kernel of osimage's own protocol."""
    return json.dumps(handover) if handover is not None else ""


def from_text(text: str) -> Bootloader09 | None:
    """What `to_text` made TEXT of."""
    return Bootloader09(*json.loads(text)) if text else None


def is_canonical(address: int) -> bool:
    """Whether the processor has the virtual ADDRESS."""
    return address < LOADER_WINDOW_END or HIGHER_HALF <= address < 1 << 64


def warnings(handover: Bootloader09) -> list[str]:
    """What of HANDOVER the crate's loader accepts, as ours does, though it cannot be meant."""
    offset = handover.physical_memory_offset
    if offset is None or offset % LARGE_PAGE_SIZE == 0:
        return []
    below = offset // LARGE_PAGE_SIZE * LARGE_PAGE_SIZE
    return [
        f"{PHYSICAL_MEMORY} is {offset:#x}, no multiple of {LARGE_PAGE_SIZE:#x} (2 MiB): physical memory is mapped in "
        f"pages of that size, from {below:#x} on, so that physical address 0 is not at the offset. Take {below:#x}."
    ]


def _read(key: str, value: object, features: Collection[str]) -> tuple[int, str]:
    """The number that VALUE of KEY means, and what is wrong with it."""
    if key not in KEYS:
        return 0, f"no such key '{key}' (there are: {', '.join(KEYS)}).{did_you_mean(key, KEYS)}"
    if key == STACK_SIZE:
        return _read_size(value)
    number, fault = _read_address(key, value)
    if not fault and key == PHYSICAL_MEMORY and "map_physical_memory" not in features:
        fault = f"{key} is for kernels whose dependency `bootloader` has the feature 'map_physical_memory'. Add it."
    return number, fault


def _read_size(value: object) -> tuple[int, str]:
    if not isinstance(value, int) or isinstance(value, bool):
        return 0, f"{STACK_SIZE} wants a number of pages of {PAGE_SIZE} bytes, not {_shown(value)}."
    if not 0 < value <= MAX_STACK_PAGES:
        return 0, f"{STACK_SIZE} is {value}: a stack has 1 to {MAX_STACK_PAGES} pages of {PAGE_SIZE} bytes."
    return value, ""


def _read_address(key: str, value: object) -> tuple[int, str]:
    if isinstance(value, int) and not isinstance(value, bool):
        words = "wants a text, since TOML has no numbers of 64 bits without a sign"
        return 0, f'{key} {words}. Write {key} = "{value:#x}".'
    if not isinstance(value, str):
        return 0, f'{key} wants an address as a text, such as "0x18000000000", not {_shown(value)}.'
    found = NUMBER.fullmatch(value)
    number = int(found[1] or found[2], 16 if found[1] else 10) if found else 1 << 64
    fault = _address_fault(number)
    return number, f'{key} is "{value}", {fault}' if fault else ""


def _address_fault(number: int) -> str:
    """What is wrong with the virtual address NUMBER, as a sentence goes on after it."""
    if number >= 1 << 64:
        return 'no number of 64 bits: write it in hexadecimal ("0x18000000000") or decimal.'
    if number % PAGE_SIZE:
        return f'which is no multiple of {PAGE_SIZE:#x}, a page. Take "{number & -PAGE_SIZE:#x}".'
    if not is_canonical(number):
        return f"and the processor has no addresses in {LOADER_WINDOW_END:#x}..{HIGHER_HALF:#x}. Take one outside."
    return ""


def _shown(value: object) -> str:
    """VALUE as TOML writes it where that is short, else its kind."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (str, int, float)):
        return repr(value)
    return "a table" if isinstance(value, Mapping) else "a list" if isinstance(value, list) else "a time"
