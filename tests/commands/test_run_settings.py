"""What `scons run` takes from the command line."""

from __future__ import annotations

import struct

import pytest
from osimage.commands.run import screenshot_faults
from project import Project

ATTENDED = (
    "SCREENSHOT=screen.png: a picture is taken of a machine that nobody attends to, and these arguments of QEMU's want "
    "somebody to: {}. Leave out one or the other."
)


@pytest.mark.parametrize(("name", "arguments", "says"), [
    ("", ("-s",), []),
    ("screen.png", (), []),
    ("screen.png", ("-smp", "2", "-display", "none"), []),
    ("screen.jpg", (), ["SCREENSHOT=screen.jpg: the picture is a PNG file, so its name must end in .png."]),
    ("1", (), ["SCREENSHOT=1: the picture is a PNG file, so its name must end in .png."]),
    ("nowhere/screen.png", (), ["SCREENSHOT=nowhere/screen.png: there is no folder nowhere. Make it first."]),
    ("made/screen.png", (), []),
    ("screen.png", ("-serial", "stdio"), [ATTENDED.format("-serial stdio")]),
    ("screen.png", ("-display", "gtk"), [ATTENDED.format("-display gtk")]),
    ("screen.png", ("-s",), [ATTENDED.format("-s")]),
])  # fmt: skip
def test_a_picture_that_cannot_be_taken_is_refused(name: str, arguments: tuple[str, ...], says: list[str]) -> None:
    assert list(screenshot_faults(name, arguments, "made")) == says


@pytest.mark.slow
def test_run_prints_the_screen_and_takes_a_picture(project: Project) -> None:
    result = project.build("run", "-s", "SCREENSHOT=build/screen.png", environ={"TERM": "dumb"})
    headline, *rest = result.stdout.splitlines()
    assert headline.startswith("hello.img on QEMU ")
    assert rest == ["Hello World!", "(the screen as a picture: build/screen.png)"]
    data = project.read("build/screen.png")
    assert struct.unpack(">II", data[16:24]) == (720, 400)


def test_a_picture_is_refused_before_anything_is_built(project: Project) -> None:
    result = project.fails("run", "SCREENSHOT=screen.bmp")
    assert result.stderr == "osimage: SCREENSHOT=screen.bmp: the picture is a PNG file, so its name must end in .png.\n"
    assert not (project.root / "build/x86_64-hello.json").exists()
