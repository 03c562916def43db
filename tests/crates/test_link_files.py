"""The files of a link: found from the workspace's root as cargo would, named from the project root, and inputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cargo_cases import write
from osimage.action import Input
from osimage.crates.fault import FaultError
from osimage.crates.link_files import located
from osimage.crates.place import Place

FILES = {
    "kernel/link.ld": "INCLUDE memory.ld\n  INCLUDE kernel/sections.ld\nSECTIONS {}\n",
    "kernel/memory.ld": "",
    "kernel/sections.ld": "",
    "kernel/boot.o": "",
    "kernel/lib/libx.a": "",
    "top.ld": "",
    "both.ld": "",
    "kernel/both.ld": "",
}
LINK = (Input("kernel/link.ld"), Input("kernel/memory.ld"), Input("kernel/sections.ld"))
SEARCHED = "-Clink-arg=-Lkernel"

FOUND = {
    "joined": (["-Clink-arg=-Tlink.ld"], ["-Clink-arg=-Tkernel/link.ld", SEARCHED], LINK),
    "in two flags": (
        ["-Clink-arg=-T", "-Clink-arg=link.ld"], ["-Clink-arg=-T", "-Clink-arg=kernel/link.ld", SEARCHED], LINK,
    ),
    "in one flag": (
        ["-Clink-args=--gc-sections -T top.ld -Tboth.ld"],
        ["-Clink-args=--gc-sections -T top.ld -Tkernel/both.ld"],
        (Input("top.ld"), Input("kernel/both.ld")),
    ),
    "a long option": (
        ["-Clink-arg=--script=both.ld"], ["-Clink-arg=--script=kernel/both.ld"], (Input("kernel/both.ld"),),
    ),
    "an object": (["-Clink-arg=boot.o"], ["-Clink-arg=kernel/boot.o"], (Input("kernel/boot.o"),)),
    "a folder of libraries": (
        ["-Clink-arg=-Llib", "-lx"], ["-Clink-arg=-Lkernel/lib", "-lx"], (Input("kernel/lib", "tree"),),
    ),
    "rustc's own search path": (["-L", "native=lib"], ["-Lnative=kernel/lib"], (Input("kernel/lib", "tree"),)),
    "what is no file": (["-Clink-arg=-Ttext=0x1000", "-Clink-arg=-z", "-Clink-arg=now", "-Copt-level=1"],) * 2 + ((),),
    "what the linker may find": (["-Clink-arg=-Tnowhere.ld"],) * 2 + ((),),
}  # fmt: skip


@pytest.mark.parametrize(("flags", "moved", "inputs"), FOUND.values(), ids=FOUND.keys())
def test_files_are_named_from_the_project_root(
    flags: list[str], moved: list[str], inputs: tuple[Input, ...], tmp_path: Path
) -> None:
    write(tmp_path, FILES)
    found = located(flags, {}, "kernel", Place(str(tmp_path), "build"))
    assert found.flags == tuple(moved)
    assert found.inputs == inputs


def spec(*words: str) -> dict[str, Any]:
    return {"pre-link-args": {"ld.lld": list(words), "gnu-lld": list(words)}}


def test_a_script_of_a_spec_may_be_named_from_the_project_root(tmp_path: Path) -> None:
    """An SConstruct says the spec's overrides, and the linker runs in its folder."""
    write(tmp_path, FILES)
    found = located([], {"pre-link-args": {"gnu-lld": ["-Ttop.ld"]}}, "kernel", Place(str(tmp_path), "build"))
    assert found.flags == ()
    assert found.inputs == (Input("top.ld"),)


def test_scripts_of_a_spec_are_found_by_a_search_path(tmp_path: Path) -> None:
    write(tmp_path, FILES)
    place = Place(str(tmp_path), "build")
    assert located((), spec("-T", "link.ld", "--gc-sections"), "kernel", place).flags == (SEARCHED,)
    assert located((), spec("-Tlink.ld"), "kernel", place).inputs == LINK
    assert located((), spec("-Ttop.ld"), ".", place).flags == ()


WRONG = {
    "outside": (
        ["-Clink-arg=-T../../out.ld"],
        {},
        "the link reads ../../out.ld, which lies outside the project. The project is the SConstruct's folder: move "
        "the SConstruct up, or the file in.",
    ),
    "everything": (
        ["-L", ".."],
        {},
        "the link searches .., the whole project: name the folder that has the libraries.",
    ),
    "one name, two files": (
        [],
        spec("-Tboth.ld"),
        "the target spec names both.ld, which is both kernel/both.ld and both.ld: rename one of them.",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("flags", "described", "says"), WRONG.values(), ids=WRONG.keys())
def test_what_cannot_be_an_input_is_told(
    flags: list[str], described: dict[str, Any], says: str, tmp_path: Path
) -> None:
    write(tmp_path, {f"p/{name}": text for name, text in FILES.items()} | {"out.ld": ""})
    with pytest.raises(FaultError) as told:
        located(flags, described, "kernel", Place(str(tmp_path / "p"), "build"))
    assert str(told.value) == says
