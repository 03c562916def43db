"""Damaged kernels: cut, flipped, with hostile headers; the same ones for the same seed."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator, Sequence

from elf_maker import DATA, DYNAMIC, INTERP, LOAD, RODATA, SAYS_OK, TEXT, TLS, Elf, Part, R, W, X

HIGH = 0xFFFF_FFFF_8010_0000

# Kernels that work: one as lld links it, one in the higher half and without sections, one of many unsorted segments.
KERNELS = (
    Elf().build(),
    Elf((Part(".text", HIGH, SAYS_OK, R | X),), HIGH, sections=False).build(),
    Elf((DATA, TEXT, *(Part(f".part{n}", 0x40_0000 - n * 0x1800, bytes([n]) * 700, R, 0x1000) for n in range(8)),
         RODATA)).build(),
)  # fmt: skip

# Fields by offset and size, of the ELF header and of a program header.
HEADER = {"class": (4, 1), "byte order": (5, 1), "type": (16, 2), "machine": (18, 2), "version": (20, 4),
          "entry": (24, 8), "e_phoff": (32, 8), "e_shoff": (40, 8), "e_phentsize": (54, 2), "e_phnum": (56, 2),
          "e_shentsize": (58, 2), "e_shnum": (60, 2), "e_shstrndx": (62, 2)}  # fmt: skip
PROGRAM_HEADER = {"p_type": (0, 4), "p_flags": (4, 4), "p_offset": (8, 8), "p_vaddr": (16, 8), "p_paddr": (24, 8),
                  "p_filesz": (32, 8), "p_memsz": (40, 8), "p_align": (48, 8)}  # fmt: skip
SECTION_HEADER = {"sh_name": (0, 4), "sh_type": (4, 4), "sh_flags": (8, 8), "sh_addr": (16, 8), "sh_offset": (24, 8),
                  "sh_size": (32, 8), "sh_link": (40, 4), "sh_entsize": (56, 8)}  # fmt: skip
HOSTILE = (0, 1, 2, 3, 7, 0x3F, 0xFFF, 0x1000, 0x8000, 0xB8000, 0xF_FFFF, 0x10_0000, 0x20_1000, 1 << 31, (1 << 32) - 1,
           1 << 32, 0x7FFF_0000_0000, (1 << 47) - 1, 1 << 47, 1 << 62, 1 << 63, 0xFFFF_8000_0000_0000, HIGH,
           (1 << 64) - 0x1000, (1 << 64) - 1)  # fmt: skip

Damage = Callable[[random.Random, bytearray], str]


def damaged(seed: int, count: int, kernels: Sequence[bytes] = KERNELS) -> Iterator[tuple[str, bytes]]:
    """COUNT damaged files made of KERNELS, each with what was done to it. Some can still be loaded."""
    chance = random.Random(seed)
    for number in range(count):
        kernel = number % len(kernels)
        elf = bytearray(kernels[kernel])
        done = [chance.choice(DAMAGES)(chance, elf) for _ in range(chance.choice((1, 1, 1, 2, 3)))]
        yield f"{number}: kernel {kernel}, {', '.join(done)}", bytes(elf)


def _cut(chance: random.Random, elf: bytearray) -> str:
    size = chance.choice((0, 3, 4, 20, 63, 64, chance.randrange(65, 300), chance.randrange(len(elf) + 1)))
    del elf[size:]
    return f"cut to {len(elf)} bytes"


def _flip(chance: random.Random, elf: bytearray) -> str:
    end = max(1, min(len(elf), chance.choice((64, 64 + 4 * 56, len(elf)))))
    bits = [chance.randrange(end * 8) for _ in range(chance.choice((1, 1, 2, 8)))]
    for bit in bits:
        elf[bit // 8 : bit // 8 + 1] = bytes(byte ^ 1 << bit % 8 for byte in elf[bit // 8 : bit // 8 + 1])
    return f"bits {bits} flipped"


def _hostile_header(chance: random.Random, elf: bytearray) -> str:
    return _replace(chance, elf, 0, HEADER)


def _hostile_program_header(chance: random.Random, elf: bytearray) -> str:
    return _replace(chance, elf, _one_of_table(chance, elf, 32, 56, 56), PROGRAM_HEADER)


def _hostile_section_header(chance: random.Random, elf: bytearray) -> str:
    """Sections give faults their names; there is a fault besides, or they would not be looked at."""
    what = _replace(chance, elf, _one_of_table(chance, elf, 40, 60, 64), SECTION_HEADER)
    return f"{what}, {_replace(chance, elf, 0, {'entry': HEADER['entry']})}"


def _other_type(chance: random.Random, elf: bytearray) -> str:
    kind = chance.choice((LOAD, DYNAMIC, INTERP, TLS, 4, 6, 0x6474_E550))
    return _write(elf, _one_of_table(chance, elf, 32, 56, 56), "p_type", (0, 4), kind)


def _other_rights(chance: random.Random, elf: bytearray) -> str:
    return _write(elf, _one_of_table(chance, elf, 32, 56, 56), "p_flags", (4, 4), chance.choice((0, X, W, R, W | X, 7)))


def _moved(chance: random.Random, elf: bytearray) -> str:
    """A segment near or in another one."""
    source, target = (_one_of_table(chance, elf, 32, 56, 56) for _ in range(2))
    address = int.from_bytes(elf[source + 16 : source + 24], "little") + chance.choice((-1, 0, 1, 8, 0x800, 0xFFF))
    return _write(elf, target, "p_vaddr", (16, 8), address % (1 << 64))


def _copied(chance: random.Random, elf: bytearray) -> str:
    source, target = (_one_of_table(chance, elf, 32, 56, 56) for _ in range(2))
    row = elf[source : source + 56]
    if len(row) == 56 and target + 56 <= len(elf):
        elf[target : target + 56] = row
    return f"program header at {source:#x} copied to {target:#x}"


def _noise(chance: random.Random, elf: bytearray) -> str:
    start = chance.choice((0, 4, 16, 64, chance.randrange(len(elf) + 1)))
    size = min(chance.choice((1, 8, 56, 200, len(elf))), max(0, len(elf) - start))
    elf[start : start + size] = chance.randbytes(size)
    return f"{size} bytes of noise at {start:#x}"


def _zeros(chance: random.Random, elf: bytearray) -> str:
    start = chance.choice((0, 64, chance.randrange(len(elf) + 1)))
    size = min(chance.choice((8, 56, 512)), max(0, len(elf) - start))
    elf[start : start + size] = bytes(size)
    return f"{size} zeros at {start:#x}"


def _many_headers(chance: random.Random, elf: bytearray) -> str:
    """More program headers than a loader has room for, in a table behind the file."""
    row = bytes(elf[64:120]).ljust(56, b"\0")
    count = chance.choice((32, 33, 300))
    elf[:] = bytes(elf[:64]).ljust(64, b"\0") + bytes(elf[64:])
    struct.pack_into("<Q", elf, 32, len(elf))
    struct.pack_into("<H", elf, 56, count)
    elf += row * count
    return f"{count} program headers"


def _something_else(chance: random.Random, elf: bytearray) -> str:
    beginning = chance.choice((b"MZ", b"!<arch>\n", b"#!/bin/sh\n", b"\0" * 512, b"\x7fELF", b"\x7fELF\x01\x01\x01"))
    elf[:] = beginning + elf[len(beginning) : chance.choice((len(beginning), 600))]
    return f"begins with {beginning[:8]!r}"


DAMAGES: tuple[Damage, ...] = (
    _cut, _cut, _flip, _flip, _hostile_header, _hostile_header, _hostile_program_header, _hostile_program_header,
    _hostile_program_header, _hostile_section_header, _other_type, _other_rights, _moved, _copied, _noise, _zeros,
    _many_headers, _something_else,
)  # fmt: skip


def _one_of_table(chance: random.Random, elf: bytearray, start: int, count: int, width: int) -> int:
    """The offset of one entry of the table whose offset and count the ELF header has at START and COUNT."""
    table = int.from_bytes(elf[start : start + 8], "little")
    entries = int.from_bytes(elf[count : count + 2], "little")
    return table + chance.randrange(max(1, min(entries, 64))) * width


def _replace(chance: random.Random, elf: bytearray, base: int, fields: dict[str, tuple[int, int]]) -> str:
    name = chance.choice(list(fields))
    offset, size = fields[name]
    old = int.from_bytes(elf[base + offset : base + offset + size], "little")
    near = [old + by for by in (-0x1000, -1, 1, 0x10, 0x800, 0x1000, 0x10_0000)]
    value = chance.choice((*HOSTILE, *near, len(elf), len(elf) - 1, chance.getrandbits(64)))
    return _write(elf, base, name, fields[name], value % (1 << 8 * size))


def _write(elf: bytearray, base: int, name: str, place: tuple[int, int], value: int) -> str:
    offset, size = place
    if base + offset + size <= len(elf):
        elf[base + offset : base + offset + size] = value.to_bytes(size, "little")
    return f"{name} at {base + offset:#x} = {value:#x}"
