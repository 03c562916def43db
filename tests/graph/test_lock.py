"""One build at a time; the second says whom it waits for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

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


def test_it_may_be_taken_again_after_release(tmp_path: Path) -> None:
    lock = BuildLock(tmp_path / "lock")
    lock.acquire()
    lock.acquire()
    lock.release()
    lock.release()
    other = BuildLock(tmp_path / "lock")
    other.acquire()
    other.release()
