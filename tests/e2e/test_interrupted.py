"""Kills, signals and builds at once: whatever ends a build, the next one ends with the bytes of a clean one."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from project import Project
from small import KERNEL, LIBRARY_FILES, Toolchain

KILLS = 30
TEXTS = ("Hello World!", "Hello Moon!!", "Hello Mars!!")
EXTRA = "core/src/extra.rs"


class State(NamedTuple):
    """What a person has edited: a text of the kernel, and a number in core."""

    text: str = TEXTS[0]
    number: int = 1

    def write(self, project: Project, toolchain: Toolchain) -> None:
        """Write both files."""
        project.write({"kernel/src/main.rs": KERNEL.replace(TEXTS[0], self.text)})
        toolchain.edit(EXTRA, LIBRARY_FILES[EXTRA].replace("1", str(self.number)))


@pytest.fixture
def clean(new_small: Callable[..., Project], toolchain: Toolchain, tmp_path: Path) -> Callable[[State], Project]:
    """Builds of each state in a folder and with a store of its own, which nothing disturbs."""
    made: dict[State, Project] = {}

    def of(state: State) -> Project:
        if state not in made:
            made[state] = new_small(f"clean{len(made)}", cache=tmp_path / "clean-cache")
            state.write(made[state], toolchain)
            made[state].build()
        return made[state]

    return of


def start(project: Project, *arguments: str) -> subprocess.Popen[str]:
    """A build in a process group of its own."""
    return subprocess.Popen(
        project.command(*arguments), cwd=project.root, env=project.environment(), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def compiling(project: Project) -> subprocess.Popen[str]:
    """A build that has come to core."""
    process = start(project)
    assert process.stdout is not None
    while process.stdout.readline() != "[CORE] core 1.96.0 for x86_64-hello\n":
        assert process.poll() is None
    return process


def busy(project: Project, toolchain: Toolchain, seconds: int, number: int) -> subprocess.Popen[str]:
    """A build that compiles core for SECONDS; NUMBER is what it finds there, so that no store has the result."""
    toolchain.hook("name=core", before=f"sleep {seconds}")
    toolchain.edit(EXTRA, f"pub const EXTRA: u8 = {number};")
    return compiling(project)


def kill(process: subprocess.Popen[str], *, alone: bool = False) -> bool:
    """Kill a build and all it has started, or scons ALONE; whether it still ran."""
    ran = process.poll() is None
    if ran:
        (os.kill if alone else os.killpg)(process.pid, signal.SIGKILL)
    process.communicate()
    return ran


def processes_of(project: Project) -> list[str]:
    """The command lines of all processes that work in the project's folder."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and Path(os.readlink(entry / "cwd")).is_relative_to(project.root):
                found.append((entry / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue  # ended meanwhile
    return found


@pytest.mark.slow
def test_a_kill_at_any_moment_leaves_nothing_wrong(
    new_small: Callable[..., Project], toolchain: Toolchain, clean: Callable[[State], Project], tmp_path: Path
) -> None:
    """In edits and restores; in half of the cases the edit is taken back before the next build."""
    chance = random.Random(2026)
    project = new_small(cache=tmp_path / "cache")
    here, killed, number = State(), 0, 0
    longest = {"kernel": 0.3, "core": 0.6, "restore": 0.4}  # seconds; less where a build was quicker than the kill
    project.build()
    while killed < KILLS:
        number += 1
        kind = chance.choice(["kernel", "kernel", "core", "restore"])
        after = here
        if kind == "kernel":
            after = here._replace(text=chance.choice([text for text in TEXTS if text != here.text]))
        elif kind == "core":
            after = here._replace(number=3 - here.number)
        else:
            shutil.rmtree(project.root / "build")
        after.write(project, toolchain)
        process = start(project, *chance.choice([[], [], ["--cache-disable"]]))
        time.sleep(chance.uniform(0.05, longest[kind]))
        in_time = kill(process, alone=chance.random() < 0.3)
        killed += in_time
        longest[kind] *= 1.02 if in_time else 0.9
        if number % 2:
            here.write(project, toolchain)
        else:
            here = after
        project.build()
        assert project.read("build/hello.img") == clean(here).read("build/hello.img"), f"kill {number}, {kind}"
    print(f"{killed} of {number} builds were killed before their end")
    assert project.built_files() == clean(here).built_files()
    assert not list((project.root / "build/.osimage/scratch").iterdir())
    assert not list(project.root.rglob(".new.*")), "names of files that were being written"
    assert project.up_to_date()


def test_a_kill_while_a_result_is_stored_or_brought_back(
    new_small: Callable[..., Project], toolchain: Toolchain, clean: Callable[[State], Project], tmp_path: Path
) -> None:
    """A large file makes both take a while: a module of core with 20 MB of data."""
    data = {State(number=1): b"\1" * 20_000_000, State(number=2): b"\2" * 20_000_000}
    image = clean(State()).read("build/hello.img")
    toolchain.edit(
        "core/src/extra.rs", 'pub const EXTRA: u8 = 1;\npub static DATA: &[u8; 20_000_000] = include_bytes!("data");\n'
    )
    project = new_small(cache=tmp_path / "cache")
    for state, content in data.items():
        (toolchain.library / "core/src/data").write_bytes(content)
        for moment in range(4):
            shutil.rmtree(project.root / "build", ignore_errors=True)
            process = start(project)
            deadline = time.monotonic() + 30
            seen = "ac" if moment % 2 else "tmp"
            while process.poll() is None and time.monotonic() < deadline:
                if list((project.cache / seen).glob("*")):
                    break
            time.sleep(0.03 * moment)
            kill(process)
            project.build()
            assert project.read("build/hello.img") == image, (state, moment)
            assert content in project.read("build/sysroot/lib/rustlib/x86_64-hello/lib/libcore.rlib")
    assert project.up_to_date()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_build_and_all_that_it_started(
    small: Project, toolchain: Toolchain, clean: Callable[[State], Project], number: signal.Signals
) -> None:
    """The signal goes to scons alone, as `kill` sends it; the compiler would go on for a minute."""
    after = State(TEXTS[1], 100 + number)  # a core of its own, which no other test has put into the store
    image = clean(after).read("build/hello.img")
    after.write(small, toolchain)
    toolchain.hook("name=core", before="sleep 60")
    process = compiling(small)
    time.sleep(0.3)
    assert len(processes_of(small)) == 3, "scons, the compiler's script, and what it waits for"
    began = time.monotonic()
    os.kill(process.pid, number)
    told = process.communicate(timeout=20)
    assert process.returncode == 2, told
    assert time.monotonic() - began < 10
    assert processes_of(small) == []
    assert "Traceback" not in told[0] + told[1]
    assert "interrupted" in told[1]
    toolchain.unhook()
    small.build()
    assert small.read("build/hello.img") == image
    assert small.up_to_date()


def test_three_builds_at_once_are_all_right(
    small: Project, toolchain: Toolchain, clean: Callable[[State], Project]
) -> None:
    """Two in terminals and one that an editor started."""
    after = State(TEXTS[1], 2)
    after.write(small, toolchain)
    all_of_them = [start(small, "--cache-disable"), start(small, "image"), start(small, "build/hello.elf")]
    told = [process.communicate(timeout=300) for process in all_of_them]
    assert [process.returncode for process in all_of_them] == [0, 0, 0], told
    waiting = [error for _, error in told if "osimage: waiting for `scons" in error]
    assert len(waiting) == 2, told
    assert all("which is building here" in line for line in waiting)
    assert small.read("build/hello.img") == clean(after).read("build/hello.img")
    assert small.up_to_date()


def test_builds_with_other_settings_at_once_end_with_one_of_them(
    small: Project, new_small: Callable[..., Project]
) -> None:
    expected = {}
    for profile in ("dev", "release"):
        other = new_small(profile)
        other.build(f"PROFILE={profile}")
        expected[profile] = other.read("build/hello.img"), other.read("build/hello.elf")
    for _ in range(3):
        both = {profile: start(small, f"PROFILE={profile}") for profile in expected}
        told = [process.communicate(timeout=300) for process in both.values()]
        assert [process.returncode for process in both.values()] == [0, 0], told
        assert (small.read("build/hello.img"), small.read("build/hello.elf")) in expected.values()
        for profile, (image, _) in expected.items():
            small.build(f"PROFILE={profile}")
            assert small.read("build/hello.img") == image


@pytest.mark.parametrize(("arguments", "number", "own"), [
    ([], signal.SIGINT, ""),
    (["-c"], signal.SIGINT, ""),
    (["-c"], signal.SIGTERM, "import signal\nsignal.signal(signal.SIGTERM, lambda *_: None)\n"),
], ids=["build", "clean", "clean, with a handler in the SConstruct"])  # fmt: skip
def test_who_waits_for_another_build_can_be_interrupted(
    small: Project, toolchain: Toolchain, arguments: list[str], number: signal.Signals, own: str
) -> None:
    first = busy(small, toolchain, 60, 3)
    small.write({"SConstruct": own + small.read("SConstruct").decode()})
    second = start(small, *arguments)
    assert second.stderr is not None
    assert second.stderr.readline().endswith(f"(process {first.pid}), which is building here\n")
    os.kill(second.pid, number)
    said = "".join(second.communicate(timeout=10))
    assert second.returncode == 2
    words = "scons: Build interrupted." if "-c" in arguments else "interrupted while waiting for another build"
    assert said.endswith(f"{words}\n")
    assert 'File "' not in said
    os.kill(first.pid, signal.SIGINT)
    first.communicate(timeout=10)
    assert processes_of(small) == []


def test_cleaning_waits_for_a_build(small: Project, toolchain: Toolchain) -> None:
    first = busy(small, toolchain, 1, 4)
    second = start(small, "-c")
    _, waited = second.communicate(timeout=60)
    first.communicate(timeout=60)
    assert (first.returncode, second.returncode) == (0, 0)
    assert f"osimage: waiting for `scons {' '.join(small.command()[3:])}` (process {first.pid})" in waited
    assert not (small.root / "build/hello.img").exists()
    toolchain.unhook()
    assert small.build().ran == []


def test_two_clones_fill_one_store_at_once(
    new_small: Callable[..., Project], toolchain: Toolchain, clean: Callable[[State], Project], tmp_path: Path
) -> None:
    clones = [new_small(f"clone{number}", cache=tmp_path / "cache") for number in range(3)]
    builds = [start(clone) for clone in clones]
    told = [process.communicate(timeout=300) for process in builds]
    assert [process.returncode for process in builds] == [0, 0, 0], told
    for clone in clones:
        assert clone.built_files() == clean(State()).built_files()
    late = new_small("late", cache=tmp_path / "cache")
    assert late.build().ran == []
    assert late.built_files() == clean(State()).built_files()


SLOW_SCRIPT = """\
use std::{env, fs, path::Path, thread, time::Duration};
fn main() {
    println!("cargo::rerun-if-changed=word");
    let word = fs::read_to_string("word").unwrap();
    let out = env::var("OUT_DIR").unwrap();
    fs::write(Path::new("../started"), &word).unwrap();
    if word == "first" {
        thread::sleep(Duration::from_secs(2)); // while the next build is to begin
    }
    fs::write(Path::new(&out).join("word"), &word).unwrap();
    fs::write(Path::new(&out).join(&word), "").unwrap();
}
"""


def test_a_build_script_that_outlives_a_killed_build_spoils_nothing(new_small: Callable[..., Project]) -> None:
    project = new_small(more={"kernel/build.rs": SLOW_SCRIPT, "kernel/word": "first"})
    process = start(project)
    while not (project.root / "started").exists():
        assert process.poll() is None
        time.sleep(0.02)
    kill(process, alone=True)
    project.write({"kernel/word": "second"})
    result = project.build()
    assert "osimage: waiting for build_script_bu (process " in result.stderr
    assert (
        f"which goes on after `scons {' '.join(project.command()[3:])}` (process {process.pid}) was killed"
        in result.stderr
    )
    (out,) = project.root.glob("build/crates/sysroot/build/*/out")
    assert sorted(os.listdir(out)) == ["second", "word"]
    assert (out / "word").read_text() == "second"
    assert project.up_to_date()
