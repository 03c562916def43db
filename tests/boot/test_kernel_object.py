"""What the crate's own loader is linked with: a kernel without debug sections, as the one section of an object file."""

from __future__ import annotations

import io
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from elf_maker import Elf
from elftools.elf.elffile import ELFFile
from osimage.boot import kernel_object, object_list
from osimage.boot.handover import Bootloader09, to_text
from osimage.boot.kernel_object import wrapped
from osimage.boot.strip_debug import string_table, without_debug
from osimage.errors import StepError

OBJCOPY = [name for name in ("llvm-objcopy", *(f"llvm-objcopy-{n}" for n in range(30, 14, -1))) if shutil.which(name)]


def parsed(elf: bytes) -> ELFFile:
    return ELFFile(io.BytesIO(elf))


def symbols(elf: bytes) -> dict[str, tuple[int, str]]:
    table = parsed(elf).get_section_by_name(".symtab")
    return {symbol.name: (symbol["st_value"], symbol["st_info"]["bind"]) for symbol in table.iter_symbols()}


@pytest.mark.parametrize(("names", "table"), [
    ([], b"\0"),
    (["a"], b"\0a\0"),
    (["start", "_start", "t"], b"\0_start\0"),
    (["b", "ab", "a"], b"\0ab\0a\0"),
    (["x", "x"], b"\0x\0"),
])  # fmt: skip
def test_a_name_that_another_ends_with_shares_its_place(names: list[str], table: bytes) -> None:
    made, places = string_table(name.encode() for name in names)
    assert made == table
    for name, place in places.items():
        assert made[place : made.index(b"\0", place)] == name


@pytest.mark.parametrize("size", [1, 512, 4099])
def test_a_wrapped_kernel_is_what_readers_of_elf_expect(size: int) -> None:
    kernel = bytes(n % 251 for n in range(size))
    elf = parsed(wrapped(kernel))
    assert (elf["e_type"], elf["e_machine"], elf.num_sections()) == ("ET_REL", "EM_X86_64", 4)
    section = elf.get_section_by_name(".kernel")
    assert (section.data(), section["sh_flags"], section["sh_addralign"]) == (kernel, 3, 1)
    found = symbols(wrapped(kernel))
    assert found == {"": (0, "STB_LOCAL"), "_kernel_start_addr": (0, "STB_GLOBAL"),
                     "_kernel_end_addr": (size, "STB_GLOBAL"), "_kernel_size": (size, "STB_GLOBAL")}  # fmt: skip


def test_readelf_has_nothing_against_a_wrapped_kernel(tmp_path: Path) -> None:
    if not shutil.which("readelf"):
        pytest.skip("readelf is not installed")
    (tmp_path / "kernel.o").write_bytes(wrapped(b"kernel"))
    command = ["readelf", "--wide", "--headers", "--syms", tmp_path / "kernel.o"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert "_kernel_size" in done.stdout


def test_debug_sections_are_left_out_and_nothing_else(compiled: Callable[..., bytes]) -> None:
    kernel = compiled("report", "-Cdebuginfo=2")
    bare = without_debug(kernel)
    before, after = parsed(kernel), parsed(bare)
    kept = [section.name for section in before.iter_sections() if not section.name.startswith(".debug")]
    assert len(kept) < before.num_sections()
    assert [section.name for section in after.iter_sections()] == kept
    for one, other in zip(before.iter_segments(), after.iter_segments(), strict=True):
        assert one.header == other.header
        if one["p_type"] == "PT_LOAD" and one["p_offset"]:
            assert one.data() == other.data()
    gone = {s.name for s in before.get_section_by_name(".symtab").iter_symbols() if s["st_info"]["type"] == "STT_FILE"}
    assert symbols(bare) == {name: said for name, said in symbols(kernel).items() if name not in gone}


def test_it_is_what_llvm_objcopy_makes(compiled: Callable[..., bytes], tmp_path: Path) -> None:
    if not OBJCOPY:
        pytest.skip("llvm-objcopy is not installed")
    kernel = compiled("report", "-Cdebuginfo=2")
    (tmp_path / "kernel").write_bytes(kernel)
    subprocess.run([OBJCOPY[0], "--strip-debug", tmp_path / "kernel", tmp_path / "bare"], check=True)
    assert without_debug(kernel) == (tmp_path / "bare").read_bytes()


def test_a_file_without_sections_stays_as_it_is() -> None:
    kernel = Elf(sections=False).build()
    assert without_debug(kernel) == kernel


def test_a_kernel_that_no_loader_could_start_is_told(tmp_path: Path) -> None:
    path = tmp_path / "kernel.elf"
    path.write_bytes(b"no ELF file")
    with pytest.raises(StepError, match=r"kernel\.elf"):
        kernel_object.run((str(path), "kernel.o", to_text(Bootloader09())), tmp_path)


def test_damaged_sections_are_told(tmp_path: Path) -> None:
    path = tmp_path / "kernel.elf"
    path.write_bytes(Elf(fields={"shstrndx": 77}).build())
    with pytest.raises(StepError) as caught:
        kernel_object.run((str(path), "kernel.o", to_text(Bootloader09())), tmp_path)
    assert str(caught.value) == "kernel.elf has damaged section headers: link it again."


def test_objects_are_listed_in_the_order_of_their_names(tmp_path: Path) -> None:
    folder = tmp_path / 'a "folder"'
    folder.mkdir()
    for name in ("x.1.o", "x.0.o", "x.rlink"):
        (folder / name).write_bytes(b"")
    object_list.run((str(folder), "objects.args"), tmp_path)
    place = str(folder).replace('"', '\\"')
    assert (tmp_path / "objects.args").read_text() == f'"{place}/x.0.o"\n"{place}/x.1.o"\n'
