"""A thousand damaged kernels: what is wrong is told, and nothing where an independent reading finds nothing."""

from __future__ import annotations

import io
import time
from itertools import combinations
from pathlib import Path

import pytest
from damage import KERNELS, damaged
from elf_maker import Elf
from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile
from osimage.boot import strip
from osimage.boot.elf import faults
from osimage.boot.strip import stripped
from osimage.errors import StepError

LOWER = range(0x10_0000, 0x7FFF_0000_0000)
HIGHER = range(0xFFFF_8000_0000_0000, 0xFFFF_FFFF_FFFF_F000)


def reading(elf: bytes) -> ELFFile:
    """ELF as pyelftools sees it, without the section headers, which no loader reads."""
    blind = bytearray(elf)
    blind[40:48] = bytes(8)
    blind[58:64] = bytes(6)
    return ELFFile(io.BytesIO(bytes(blind)))


def can_be_loaded(elf: bytes) -> bool:
    """Whether the loader's rules hold for ELF: written once more, page by page, over another parser."""
    if len(elf) < 64 or elf[4:7] != b"\2\1\1":
        return False
    try:
        file = reading(elf)
        segments = [file.get_segment(number) for number in range(file.header["e_phnum"])]
    except (ELFError, OverflowError):
        return False
    header = file.header
    if (header["e_machine"], header["e_type"], header["e_version"]) != ("EM_X86_64", "ET_EXEC", "EV_CURRENT"):
        return False
    if header["e_phentsize"] != 56 or header["e_phoff"] + 56 * header["e_phnum"] > len(elf):
        return False
    if any(s["p_type"] in ("PT_INTERP", "PT_DYNAMIC") or (s["p_type"] == "PT_TLS" and s["p_memsz"]) for s in segments):
        return False
    loaded = [s.header for s in segments if s["p_type"] == "PT_LOAD" and (s["p_memsz"] or s["p_filesz"])]
    if not 0 < len(loaded) <= 32 or sum(s["p_memsz"] for s in loaded) > 1 << 30:
        return False
    for s in loaded:
        last = s["p_vaddr"] + s["p_memsz"] - 1
        if s["p_filesz"] > s["p_memsz"] or (s["p_filesz"] and s["p_offset"] + s["p_filesz"] > len(elf)):
            return False
        if not any(s["p_vaddr"] in half and last in half for half in (LOWER, HIGHER)) or s["p_flags"] & 3 == 3:
            return False
    for a, b in combinations(loaded, 2):
        if a["p_vaddr"] < b["p_vaddr"] + b["p_memsz"] and b["p_vaddr"] < a["p_vaddr"] + a["p_memsz"]:
            return False
    rights: dict[int, int] = {}
    for s in loaded:
        for page in range(s["p_vaddr"] >> 12, (s["p_vaddr"] + s["p_memsz"] - 1 >> 12) + 1):
            if rights.setdefault(page, s["p_flags"] & 3) != s["p_flags"] & 3:
                return False
    entry = header["e_entry"]
    return any(s["p_flags"] & 1 and s["p_vaddr"] <= entry < s["p_vaddr"] + s["p_filesz"] for s in loaded)


def memory(elf: bytes) -> list[tuple[int, int, int, bytes]]:
    """What is loaded: address, size, rights and content of each segment."""
    loaded = [s for s in reading(elf).iter_segments() if s["p_type"] == "PT_LOAD" and s["p_memsz"]]
    return sorted((s["p_vaddr"], s["p_memsz"], s["p_flags"], s.data()) for s in loaded)


@pytest.mark.parametrize("seed", range(10))
def test_what_is_wrong_is_told_and_only_that(seed: int) -> None:
    verdicts = set()
    for description, elf in damaged(seed, 100):
        began = time.perf_counter()
        found = faults(elf, "hello.elf")
        assert time.perf_counter() - began < 1, description
        assert bool(found) != can_be_loaded(elf), (description, found)
        assert all(fault.startswith("hello.elf: ") and "\n" not in fault for fault in found), description
        if not found:
            assert memory(stripped(elf)) == memory(elf), description
        verdicts.add(bool(found))
    assert verdicts == {True, False}


def test_the_kernels_that_are_damaged_work() -> None:
    assert [faults(kernel, "hello.elf") for kernel in KERNELS] == [[], [], []]


def test_the_step_says_every_fault_and_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    out = tmp_path / "out"
    out.mkdir()
    for description, elf in damaged(99, 100):
        Path("hello.elf").write_bytes(elf)
        expected = faults(elf, "hello.elf")
        if expected:
            with pytest.raises(StepError) as told:
                strip.run(["hello.elf", "build/hello.stripped.elf", ""], out)
            assert str(told.value) == "\n".join(expected), description
            assert not list(out.iterdir())
        else:
            strip.run(["hello.elf", "build/hello.stripped.elf", ""], out)
            (out / "hello.stripped.elf").unlink()


def many_sections() -> bytes:
    """As many section headers as a file can count, each a symbol table that is the whole file."""
    elf = bytearray(Elf(entry=0x20_2000).build())
    row = elf[int.from_bytes(elf[40:48], "little") + 4 * 64 :][:64]  # .symtab's
    elf[40:48] = len(elf).to_bytes(8, "little")
    elf[60:64] = b"\xff\xff\x01\x00"
    row[24:40] = bytes(8) + (4 << 20).to_bytes(8, "little")
    return bytes(elf + row * 0xFFFF)


def endless_names() -> bytes:
    """A symbol table of four megabytes, all with names that never end."""
    elf = bytearray(Elf(entry=0x20_2000).build())
    table = int.from_bytes(elf[40:48], "little") + 4 * 64
    elf[table + 24 : table + 40] = len(elf).to_bytes(8, "little") + (4 << 20).to_bytes(8, "little")
    return bytes(elf) + b"A" * (4 << 20)


def many_segments() -> bytes:
    """As many program headers as a file can count."""
    elf = bytearray(Elf().build())
    elf[32:40] = len(elf).to_bytes(8, "little")
    elf[56:58] = b"\xff\xff"
    return bytes(elf + elf[64:120] * 0xFFFF)


@pytest.mark.parametrize("make", [many_sections, endless_names, many_segments])
def test_a_hostile_kernel_takes_no_longer(make: object) -> None:
    assert callable(make)
    elf = make()
    began = time.process_time()
    assert faults(elf, "hello.elf")
    assert time.process_time() - began < 1
