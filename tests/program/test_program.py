"""The program `osimage`: its words, and that a start of an unchanged kernel loads neither SCons nor a stage."""

from __future__ import annotations

import subprocess
import sys

import osimage
import pytest
from osimage import program
from project import REPOSITORY

STAGES = ("target", "sysroot", "boot", "image", "editor", "report", "builders", "commands")


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (["--version"], 0, f"osimage {osimage.__version__}\n"),
        (["runner", "--version"], 0, f"osimage {osimage.__version__}\n"),
        (["--help"], 0, program.HELP),
        (["-h"], 0, program.HELP),
    ],
)
def test_it_says_what_it_is(words: list[str], status: int, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(words) == status
    assert capsys.readouterr() == (says, "")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], program.HELP),
        (["runer"], "osimage: there is no command 'runer'. Did you mean 'runner'? `osimage --help` has all.\n"),
        (["build"], "osimage: there is no command 'build'. `osimage --help` has all.\n"),
        (["--quiet"], "osimage: there is no command '--quiet'. `osimage --help` has all.\n"),
    ],
)
def test_what_it_cannot_do(words: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(words) == 2
    assert capsys.readouterr() == ("", says)


def test_help_fits_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--help"], ["runner", "--help"]):
        assert program.main(words) == 0
        text = capsys.readouterr().out
        assert max(map(len, text.splitlines())) <= 120
        assert text.count("\n") <= 24


def test_a_start_loads_neither_scons_nor_a_stage() -> None:
    check = "import sys, osimage.program.runner, osimage.program.image; print(*sys.modules)"
    package = REPOSITORY / "site_scons/site_tools"
    done = subprocess.run([sys.executable, "-c", check], cwd=package, capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert not [name for name in loaded if name.split(".")[0] == "SCons"]
    assert not [name for name in loaded if name.startswith(tuple(f"osimage.{stage}" for stage in STAGES))]
