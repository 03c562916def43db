"""One build at a time; the second says whom it waits for."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from osimage.errors import StepError
from osimage.graph.lock import BuildLock

HOLD = """
import sys, time
sys.argv = ["scons", "image"]
from pathlib import Path
from osimage.graph.lock import BuildLock
lock = BuildLock(Path("lock")); lock.acquire(); print("held", flush=True); sys.stdin.readline()
"""


def holder(folder: Path) -> subprocess.Popen[str]:
    package = Path(sys.modules["osimage"].__file__ or "").parent.parent
    return subprocess.Popen(
        [sys.executable, "-c", HOLD], cwd=folder, env={"PYTHONPATH": str(package)},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_waiting_is_said_while_it_is_held(tmp_path: Path) -> None:
    with holder(tmp_path) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        package = Path(sys.modules["osimage"].__file__ or "").parent.parent
        code = 'from osimage.graph.lock import BuildLock; from pathlib import Path; BuildLock(Path("lock")).acquire()'
        second = subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=tmp_path,
            env={"PYTHONPATH": str(package)},
            stderr=subprocess.PIPE,
            text=True,
        )
        assert second.stderr is not None
        said = second.stderr.readline()
        assert said == f"osimage: waiting for `scons image` (process {first.pid}), which is building here\n"
        first.communicate("\n", timeout=10)
        assert second.wait(timeout=10) == 0
        second.stderr.close()


@pytest.mark.parametrize("before", ["", "`scons` (process 999999999)"])
def test_who_has_just_taken_it_may_say_so_a_moment_later(
    before: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file is still empty, or names the one before."""
    name = f"`scons image` (process {os.getpid()})"
    with (tmp_path / "lock").open("w") as file:
        file.write(before)
        file.flush()
        fcntl.flock(file, fcntl.LOCK_EX)
        timer = threading.Timer(0.15, (tmp_path / "lock").write_text, [name])
        timer.start()
        with pytest.raises(StepError, match="interrupted"):
            BuildLock(tmp_path / "lock").acquire(lambda: True)
        timer.join()
    assert capsys.readouterr().err == f"osimage: waiting for {name}, which is building here\n"


def test_it_may_be_taken_again_after_release(tmp_path: Path) -> None:
    lock = BuildLock(tmp_path / "lock")
    lock.acquire()
    lock.acquire()
    lock.release()
    lock.release()
    other = BuildLock(tmp_path / "lock")
    other.acquire()
    other.release()


LEAVE = HOLD.replace(
    "print(",
    "import subprocess; child = subprocess.Popen(['sleep', '60'], close_fds=False, stdout=2); print(child.pid, ",
)


def leaver(folder: Path) -> tuple[subprocess.Popen[str], int]:
    """A process that holds the lock and has started a program with it, and the program's number."""
    package = Path(sys.modules["osimage"].__file__ or "").parent.parent
    process = subprocess.Popen(
        [sys.executable, "-c", LEAVE.replace("readline()", "readline(); lock.release()")], cwd=folder,
        env={"PYTHONPATH": str(package), "PATH": "/usr/bin:/bin"}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert process.stdout is not None
    return process, int(process.stdout.readline().split()[0])


@pytest.mark.parametrize("deleted", [False, True])
def test_a_program_that_outlives_a_killed_build_is_waited_for_and_named(
    deleted: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, child = leaver(tmp_path)
    first.kill()
    first.communicate()
    if deleted:
        (tmp_path / "lock").unlink()
    lock, asked = BuildLock(tmp_path / "lock"), []

    def stop() -> bool:
        asked.append(1)
        if len(asked) == 3:
            os.kill(child, signal.SIGKILL)
        return False

    lock.acquire(stop)
    lock.release()
    assert len(asked) >= 3
    why = f"goes on after `scons image` (process {first.pid}) was killed"
    why = "still uses the build folder that was deleted" if deleted else why
    assert capsys.readouterr().err == f"osimage: waiting for sleep (process {child}), which {why}\n"


@pytest.mark.parametrize("deleted", [False, True])
def test_a_program_that_goes_on_after_a_build_has_ended_holds_nobody_up(deleted: bool, tmp_path: Path) -> None:
    first, child = leaver(tmp_path)
    first.communicate("\n", timeout=10)
    if deleted:
        (tmp_path / "lock").unlink()
    try:
        BuildLock(tmp_path / "lock").acquire(lambda: True)
    finally:
        os.kill(child, signal.SIGKILL)
