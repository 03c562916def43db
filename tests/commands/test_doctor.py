"""`scons doctor`: columns that a person reads, and an answer whatever is wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from osimage.commands.doctor import Line, table
from project import FILES, Project
from terminal import Session

LINES = (
    Line(
        "compiler", "good", "1.96.0", "/usr/bin/rustc", ("chosen by PATH", "passed over /opt/rust/bin/rustc: too old")
    ),
    Line("cc", "good", "", "/usr/bin/cc"),
    Line("QEMU", "missing", "", "", ("As root: `apt-get install qemu-system-x86`.",)),
)


def test_columns_are_aligned() -> None:
    assert "\n".join(table(LINES, None)) == (
        "compiler  good     1.96.0  /usr/bin/rustc\n"
        "          chosen by PATH\n"
        "          passed over /opt/rust/bin/rustc: too old\n"
        "cc        good             /usr/bin/cc\n"
        "QEMU      missing\n"
        "          As root: `apt-get install qemu-system-x86`."
    )


def test_notes_are_broken_where_the_terminal_ends() -> None:
    lines = list(table(LINES, 40))
    assert lines[2:4] == ["          passed over", "            /opt/rust/bin/rustc: too old"]
    assert all(len(line) <= 40 for line in lines if "/usr/bin" not in line)


def test_verdicts_have_colours() -> None:
    text = "\n".join(table(LINES, 80, colour=True))
    assert "\x1b[32mgood   \x1b[0m  1.96.0" in text
    assert "\x1b[31mmissing\x1b[0m" in text


def test_what_is_there_and_where_the_store_is(project: Project) -> None:
    lines = project.build("doctor").stdout.splitlines()
    names = [line.split()[0] for line in lines if not line.startswith(" ")]
    assert names == ["compiler", "rust-src", "linker", "cargo", "cc", "QEMU", "mimalloc", "display", "cache"]
    assert lines[-2].split() == ["cache", "good", str(project.cache)]
    assert lines[-1].endswith(" of at most 10 GiB")


def test_faults_of_the_sconstruct_are_told_too(new_project: Callable[..., Project]) -> None:
    project = new_project(files=FILES | {"SConstruct": FILES["SConstruct"].replace("(image)", "(image, mem=1)")})
    result = project.build("doctor")
    assert result.stdout.endswith(
        "\n\nThe SConstruct has faults:\n"
        "  SConstruct:7: env.Machine(name=\"run\"): it has no argument 'mem'. Did you mean 'memory'?\n"
    )
    assert result.stderr == ""


def test_a_missing_compiler_is_told_once(project: Project) -> None:
    result = project.build("doctor", "RUSTC=/nowhere")
    assert result.stdout.count("RUSTC=/nowhere: there is no such program") == 1
    assert result.stdout.splitlines()[0] == "compiler  missing"
    assert "faults" not in result.stdout


@pytest.mark.parametrize(("environ", "says"), [
    ({"OSIMAGE_CACHE_SIZE": "5"}, "OSIMAGE_CACHE_SIZE=5: which unit? Write 5M or 5G."),
    ({"OSIMAGE_CACHE_SIZE": "500M"}, "0 results, 0 MiB of at most 500 MiB"),
    ({"OSIMAGE_CACHE_SIZE": "1.5T"}, "0 results, 0 MiB of at most 1536 GiB"),
])  # fmt: skip
def test_the_stores_size_is_told(
    environ: dict[str, str], says: str, new_project: Callable[..., Project], tmp_path: Path
) -> None:
    project = new_project(cache=tmp_path / "store")
    assert project.build("doctor", environ=environ).stdout.splitlines()[-1].strip() == says


def test_the_home_directory_is_short_at_a_terminal(new_project: Callable[..., Project], tmp_path: Path) -> None:
    project = new_project(cache=tmp_path / "home/store")
    environ = project.environment({"TERM": "xterm"}) | {"HOME": str(tmp_path / "home")}
    session = Session(project.command("doctor"), environ, cwd=project.root)
    assert session.end() == 0
    assert "cache     good             ~/store\n          0 results, 0 MiB of at most 10 GiB" in session.screen
    assert all(len(line) <= 80 for line in session.screen.splitlines())
