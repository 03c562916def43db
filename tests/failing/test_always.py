"""`-h`, `-c` and `doctor` work whatever is broken, and a warning is no error."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from project import FILES, HELLO, Project

BROKEN = {
    "every declaration": tomllib.loads((Path(__file__).parent / "several-wrong/case.toml").read_text("utf-8"))[
        "replace"
    ],
    "the build folder": [{"old": 'tools=["osimage"]', "new": 'tools=["osimage"], BUILD_DIR="../out"'}],
    "a call": [{"old": "sysroot=sysroot)\nloader", "new": "sysrot=sysroot)\nloader"}],
}


def broken(what: str) -> str:
    text = HELLO
    for change in BROKEN[what]:
        assert text.count(change["old"]) == 1
        text = text.replace(change["old"], change["new"])
    return text


def files_of(project: Project) -> set[Path]:
    return {path for path in project.root.rglob("*") if path.is_file() and path.name != ".sconsign.dblite"}


@pytest.mark.parametrize("what", BROKEN)
def test_help_clean_and_doctor_work_when_something_is_broken(what: str, project: Project) -> None:
    project.build()
    before = files_of(project)
    project.write({"SConstruct": broken(what)})
    told = project.fails().stderr
    help_text = project.build("-h").stdout
    assert "\n  image         build every image (what scons does by itself)\n" in help_text
    assert "\n  PROFILE=     " in help_text
    report = project.build("doctor").stdout
    assert report.startswith("compiler  good ")
    faults = report.partition("\nThe SConstruct has faults:\n")[2]
    assert faults.replace("  SConstruct", "osimage: SConstruct") == told
    assert files_of(project) == before
    cleaned = project.build("-c").stdout
    if what != "the build folder":  # nobody knows then what is whose
        assert "Removed build/hello.img\n" in cleaned
        assert not (project.root / "build/hello.elf").exists()
    assert {name: project.read(name).decode() for name in FILES} == {**FILES, "SConstruct": broken(what)}


def test_a_setting_that_nobody_declared_is_a_warning(project: Project) -> None:
    result = project.build("-n", "COLOUR=blue")
    assert result.stderr == "osimage: warning: nobody declared a setting COLOUR\n"
    assert "[IMAGE] hello.img\n" in result.stdout


def test_a_terminal_that_lacks_a_letter(project: Project) -> None:
    project.replace("SConstruct", "hello.img", "hällo.img")
    result = project.build("-n", environ={"PYTHONIOENCODING": "ascii"})
    assert "[IMAGE] h?llo.img\n" in result.stdout
