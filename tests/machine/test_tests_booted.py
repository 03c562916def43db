"""`scons test` with kernels that end in every way there is: verdicts, what is told, what is remembered, what is left."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from optional import program
from project import Project
from terminal import Screen, Session

KERNELS = Path(__file__).parent / "kernels"
IMAGES = """\
env = Environment(tools=["osimage"])
sysroot = env.Sysroot("sysroot", env.TargetSpec("x86_64-hello.json"))
loader = env.Bootloader("bios", sysroot=sysroot)

def image(name):
    kernel = env.Kernel(name + ".elf", "kernels/Cargo.toml", sysroot=sysroot, bin=name)
    return env.DiskImage(name + ".img", kernel, loader=loader)

"""
EVERY_WAY = (
    IMAGES
    + """\
for name in ("passes", "fails", "panics", "faults", "reboots", "powers_off", "silent"):
    env.Test(image(name))
env.Test(image("floods"), timeout=100)
env.Test(image("halts"))
env.Test(image("hangs"), timeout=2)
"""
)
AS_EXPECTED = (
    IMAGES
    + """\
env.Test(image("passes"))
env.Test(image("fails"), expect="panic")
env.Test(image("panics"), expect=35)
env.Test(image("faults"), expect="fault")
env.Test(image("reboots"), success=0)
env.Test(image("powers_off"), success=[0, 33])
"""
)
HANGS = IMAGES + 'env.Test(image("passes"))\nenv.Test(image("hangs"))\n'
MARGIN = " " * 7
TAIL = "\n".join(
    MARGIN + line
    for line in (
        "Running 3 tests",
        "kernels::first...       [ok]",
        "kernels::second...      [ok]",
        "kernels::third...",
    )
)
TOLD = {
    "passes": "passed  3 tests, {s}",
    "fails": "FAILED  exit code 35, not 33 (2 of 3 tests passed, {s})\n"
    "       kernels::third  FAILED  kernels/src/bin/fails.rs:10:96: assertion `left == right` failed\n"
    f"       ── the end of build/tests/fails.log ──\n{TAIL}       [failed]\n\n"
    "       Error: panicked at kernels/src/bin/fails.rs:10:96:\n       assertion `left == right` failed\n"
    "         left: 2\n        right: 3",
    "panics": "FAILED  exit code 35, not 33 ({s})\n       kernels/src/bin/panics.rs:10:5: it went wrong\n"
    "       ── the end of build/tests/panics.log ──\n       [failed]\n\n"
    "       Error: panicked at kernels/src/bin/panics.rs:10:5:\n       it went wrong",
    "faults": "FAILED  triple fault at RIP {rip}, with CR2 0x0 ({s})\n       (nothing came on the serial line)\n"
    '       (TEST=faults QEMU_ARGS="-d int -D int.log" records every fault)',
    "reboots": "FAILED  the machine was reset ({s})\n       (nothing came on the serial line)",
    "powers_off": "FAILED  the machine was switched off ({s})\n       (nothing came on the serial line)",
    "silent": "passed  {s}",
    "floods": "passed  {s}",
    "halts": "FAILED  halted for good with interrupts off in kernels::third (2 of 3 tests passed, {s})\n"
    f"       ── the end of build/tests/halts.log ──\n{TAIL}",
    "hangs": "FAILED  timed out after 2 s in kernels::third (2 of 3 tests passed, {s})\n"
    f"       ── the end of build/tests/hangs.log ──\n{TAIL}",
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, shared_cache: Path) -> Project:
    """A project with the images of all kernels, and a store of its own for what passes."""
    program("qemu-system-x86_64", "qemu-system-x86")
    project = Project(tmp_path_factory.mktemp("tests"), shared_cache).write({"SConstruct": EVERY_WAY})
    shutil.copytree(KERNELS, project.root / "kernels")
    project.build("image")
    project.cache = tmp_path_factory.mktemp("store")
    return project


def says(project: Project, sconstruct: str) -> Project:
    return project.write({"SConstruct": sconstruct})


def blocks(text: str) -> dict[str, str]:
    """What is told of each test, without what differs from run to run."""
    text = re.sub(r"\b\d+\.\d s\b", "{s}", text)
    text = re.sub(r"RIP 0x[0-9a-f]+", "RIP {rip}", text).partition("passed in")[0].rpartition("\n")[0]
    return {
        found[1]: found[2] for found in re.finditer(r"^\[TEST\] (\S+) +((?:.*\n?(?!\[TEST\]))*)$", text, re.MULTILINE)
    }


def results(result_text: str) -> list[str]:
    """The lines of the tests, without what differs from run to run."""
    return re.findall(r"^\[TEST\] (.*?)(?:, \d+\.\d s|\d+\.\d s)?$", result_text, re.MULTILINE)


def test_every_way_to_end_is_told(built: Project) -> None:
    result = says(built, EVERY_WAY).fails("test", "TEST_CACHE=no")
    assert {name: text.rstrip() for name, text in blocks(result.stdout).items()} == TOLD
    assert re.search(r"^3 of 10 passed in \d+\.\d s$", result.stdout, re.MULTILINE)
    assert result.stderr == "scons: *** [test] failed: fails, panics, faults, reboots, powers_off, halts, hangs\n"
    xml = built.read("build/tests.xml").decode()
    assert (xml.count("<testsuite "), xml.count("<failure ")) == (10, 7)
    assert built.read("build/tests/floods.log").count(b"\n") == 20_000
    assert built.read("build/tests/hangs.log").endswith(b"kernels::third...\t")


def test_what_is_expected_passes_and_is_remembered(built: Project) -> None:
    names = ["passes", "fails", "panics", "faults", "reboots", "powers_off"]
    shutil.rmtree(built.root / "build/tests", ignore_errors=True)
    says(built, AS_EXPECTED)
    first = built.build("test")
    assert sorted(line.split()[0] for line in results(first.stdout)) == sorted(names)
    cached = [
        "passes      passed  3 tests, cached",
        "fails       passed  3 tests, cached",
        *(f"{name:<10}  passed  cached" for name in names[2:]),
    ]
    again = built.build("test")
    assert results(again.stdout) == cached
    assert again.stdout.splitlines()[-1].startswith("6 of 6 passed (6 cached) in 0.")
    assert "<failure" not in built.read("build/tests.xml").decode()
    shutil.rmtree(built.root / "build/tests")
    assert results(built.build("test").stdout) == cached  # from the store
    assert built.read("build/tests/passes.log").startswith(b"Running 3 tests\n")
    assert "cached" not in built.build("test", "TEST_CACHE=no", "TEST=a").stdout
    other = built.build("test", "TEST=passes", "QEMU_ARGS=-smp 2")
    assert results(other.stdout) == ["passes  passed  3 tests"]
    assert "cached" not in built.build("test", "TEST=passes", "QEMU_ARGS=-nic user").stdout
    assert "cached" not in built.build("test", "TEST=passes", "QEMU_ARGS=-nic user").stdout  # not to be remembered
    assert "cached" in built.build("test", "TEST=passes").stdout
    built.replace("kernels/src/bin/silent.rs", "Says nothing", "Tells nothing")
    assert "cached" in built.build("test", "TEST=passes").stdout  # another kernel's source


def test_one_that_has_failed_since_is_booted_again(built: Project, tmp_path: Path) -> None:
    """A QEMU that fails at times, with the same identity."""
    qemu = program("qemu-system-x86_64", "qemu-system-x86")
    fake = tmp_path / "bin/qemu-system-x86_64"
    fake.parent.mkdir()
    fake.write_text(f'#!/bin/sh\n[ -e {tmp_path}/broken ] && [ $# -gt 2 ] && exit 1\nexec {qemu} "$@"\n')
    fake.chmod(0o755)
    path = {"PATH": f"{fake.parent}:{os.environ['PATH']}"}
    says(built, IMAGES + 'env.Test(image("passes"))\n')
    built.build("test", environ=path)
    assert "cached" in built.build("test", environ=path).stdout
    (tmp_path / "broken").touch()
    failed = built.fails("test", "TEST_CACHE=no", environ=path)
    assert "passes  FAILED  QEMU did not start: it ended with exit code 1 (" in failed.stdout
    assert "FAILED" in built.fails("test", environ=path).stdout
    (tmp_path / "broken").unlink()
    assert results(built.build("test", environ=path).stdout) == ["passes  passed  3 tests"]
    assert "cached" in built.build("test", environ=path).stdout


def test_a_wrong_argument_is_told_in_qemus_words(built: Project) -> None:
    says(built, IMAGES + 'env.Test(image("passes"))\n')
    result = built.fails("test", "QEMU_ARGS=-no-such-thing")
    assert blocks(result.stdout + "x passed in") == {
        "passes": "FAILED  QEMU did not start: -no-such-thing: invalid option ({s})"
    }


def test_tests_are_chosen_by_their_names_and_by_what_ran_in_them(built: Project) -> None:
    says(built, EVERY_WAY).build("test", "TEST=passes")
    built.fails("test", "TEST=panics")
    assert {line.split()[0] for line in results(built.build("test", "TEST=pass*").stdout)} == {"passes"}
    for name in ("fails", "halts", "hangs"):
        (built.root / f"build/tests/{name}.json").unlink(missing_ok=True)
    assert {line.split()[0] for line in results(built.build("test", "TEST=kernels::sec").stdout)} == {"passes"}
    result = built.build("test", "TEST=passes", "VERBOSE=1", "TEST_CACHE=no")
    assert re.search(r"^/\S*qemu-system-x86_64 -name passes.img .* -serial stdio$", result.stdout, re.MULTILINE)
    assert "       kernels::first   ok\n       kernels::second  ok\n       kernels::third   ok\n" in result.stdout
    assert built.build("test", "TEST=passes", "-s").stdout == ""
    assert built.build("test", "TEST=pa", "-n").stdout == "[TEST] passes, panics\n"
    steps = [step for step in json.loads(built.build("plan").stdout) if step["step"] == "test"]
    assert [step["label"] for step in steps] == list(TOLD)


# -- how it ends -------------------------------------------------------------------------------------------------------


def machines(pid: int) -> list[int]:
    """The QEMUs that the process PID has started."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            if b"qemu" in Path(f"/proc/{child}/cmdline").read_bytes():
                found.append(int(child))
    return found


def is_gone(pid: int) -> bool:
    try:
        return "State:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return True


def wait_for(what: Callable[[], object], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, f"it did not happen within {seconds} s"
        time.sleep(0.02)


@contextmanager
def hanging(project: Project, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """`scons test` with a test that hangs, once the other has passed; and the process id of its QEMU."""
    hangs, passes = project.root / "build/tests/hangs.log", project.root / "build/tests/passes.json"
    hangs.unlink(missing_ok=True)
    passes.unlink(missing_ok=True)
    process = subprocess.Popen(
        project.command("test", "-j2", "TEST_CACHE=no", *arguments), cwd=project.root, env=project.environment(), text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    left: list[int] = []
    try:
        wait_for(lambda: hangs.exists() and hangs.read_bytes().endswith(b"third...\t") and passes.exists())
        wait_for(lambda: len(machines(process.pid)) == 1)
        left = machines(process.pid)
        yield process, left[0]
    finally:
        process.kill()
        process.communicate()
        for pid in left:
            if not is_gone(pid):
                os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize(("number", "own"), [(signal.SIGINT, "-smp 4"), (signal.SIGTERM, "-smp 5")])
def test_a_signal_ends_all_machines_and_keeps_what_passed(built: Project, number: signal.Signals, own: str) -> None:
    says(built, HANGS)
    with hanging(built, f"QEMU_ARGS={own}") as (process, machine):
        process.send_signal(number)
        told = process.communicate(timeout=20)[0]
        assert process.returncode == 2
        assert told.splitlines()[-1] == "scons: *** [test] Build interrupted."
        assert is_gone(machine)
    again = built.build("test", "TEST=passes", f"QEMU_ARGS={own}")
    assert results(again.stdout) == ["passes  passed  3 tests, cached"]


def test_no_machine_outlives_a_killed_scons(built: Project) -> None:
    says(built, HANGS)
    with hanging(built) as (process, machine):
        process.kill()
        wait_for(lambda: is_gone(machine))


def test_what_passed_with_an_image_that_was_edited_meanwhile_is_not_kept(built: Project) -> None:
    says(built, HANGS)
    with hanging(built, "QEMU_ARGS=-smp 3") as (process, _):
        built.write({"build/passes.img": built.read("build/passes.img")})
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
    assert "cached" not in built.build("test", "TEST=passes", "QEMU_ARGS=-smp 3").stdout
    assert "cached" in built.build("test", "TEST=passes", "QEMU_ARGS=-smp 3").stdout


def test_a_killed_machine_is_told_and_others_may_build_meanwhile(built: Project) -> None:
    says(built, HANGS)
    with hanging(built) as (process, machine):
        built.build("image")
        os.kill(machine, signal.SIGKILL)
        told = process.communicate(timeout=20)[0]
        assert "hangs   FAILED  QEMU died of signal 9 (SIGKILL) in kernels::third (2 of 3 tests passed, " in told
        assert process.returncode == 2


def test_a_terminal_shows_what_runs(built: Project) -> None:
    says(built, HANGS)
    built.build("test", "TEST=passes", "TEST_TIMEOUT=3")
    environ = built.environment({"TERM": "xterm", "NO_COLOR": "1"})
    session = Session(built.command("test", "TEST_TIMEOUT=3"), environ, width=60, cwd=built.root)
    output = session.read_until(lambda text: "hangs: kernels::third 2 s" in text)
    assert Screen(60).feed(output).text.splitlines()[-1] == "… 1 of 2 tests 2 s, hangs: kernels::third 2 s"
    assert session.end() == 2
    assert "…" not in session.screen
