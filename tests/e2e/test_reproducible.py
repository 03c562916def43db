"""Two clones come to the same bytes, wherever, whenever and by whomever they are built; no path of the machine inside."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from memory import watched
from project import Project
from small import PROJECT_FILES, Toolchain

MACHINE = ("/usr/", "/tmp/", "/home/", "/root/", "/var/", ".osimage/scratch")
LIMIT_MB = 120


def assert_no_path_of_the_machine(files: Mapping[str, bytes], *more: str) -> None:
    """Programs that run here may name the loader of shared libraries; nothing else names anything."""
    for name, content in files.items():
        if not name.endswith("build_script"):
            for path in (*MACHINE, *more):
                assert path.encode() not in content, f"{path} in {name}"


@pytest.mark.parametrize(
    ("environ", "arguments", "shell"),
    [
        ({}, ["-j8"], "umask 077"),
        ({"TZ": "Asia/Tokyo", "LANG": "de_DE.UTF-8", "LC_ALL": "C"}, ["-j1"], "umask 000"),
        ({"SOURCE_DATE_EPOCH": "1", "HOME": "/nonexistent", "TMPDIR": "/var/tmp", "USER": "somebody"}, ["--random"], ":"),
        ({"PYTHONHASHSEED": "7", "TERM": "xterm", "RUST_BACKTRACE": "1", "CARGO_INCREMENTAL": "1"}, ["VERBOSE=1"], ":"),
        ({"RUST_LOG": "", "LD_BIND_NOW": "1", "COLUMNS": "40"}, ["--cache-disable"], "ulimit -c 0"),
    ],
    ids=["jobs and umask", "zone and language", "home and date", "python and rust", "no cache"],
)  # fmt: skip
def test_clones_are_the_same_to_the_byte(
    small: Project, toolchain: Toolchain, tmp_path: Path, environ: Mapping[str, str], arguments: list[str], shell: str
) -> None:
    other = Project(tmp_path / "somewhere/else entirely", tmp_path / "other-cache", toolchain.environ).write(
        PROJECT_FILES
    )
    for path in other.root.rglob("*"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    command = f"{shell}; exec {shlex.join(other.command(*arguments))}"
    environ = other.environment({"XDG_CACHE_HOME": str(tmp_path / "xdg"), **environ})
    done = subprocess.run(
        ["/bin/sh", "-c", command], cwd=other.root, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    files = other.built_files()
    assert files.keys() == small.built_files().keys()
    assert [name for name, content in small.built_files().items() if content != files[name]] == []
    assert_no_path_of_the_machine(files, str(tmp_path))


@pytest.mark.slow
def test_the_real_core_is_the_same_to_the_byte_and_scons_stays_small(
    project: Project, new_project: Callable[..., Project], tmp_path: Path
) -> None:
    """Core as the store has it, of another folder and another day, and core compiled here and now."""
    project.build()
    assert watched(project, project.command()) < LIMIT_MB  # nothing to do
    other = new_project("somewhere/else entirely", cache=tmp_path / "empty-cache")
    cold = watched(other, other.command("-j8"))
    print(f"scons took {cold:.0f} MB for a cold build")
    assert cold < LIMIT_MB
    files = other.built_files()
    assert [name for name, content in project.built_files().items() if content != files[name]] == []
    assert_no_path_of_the_machine(files, str(tmp_path))
