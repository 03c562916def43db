"""However a run is ended, QEMU is gone, the terminal is as it was, and nobody printed anything."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import osimage
import pytest

DRIVER = """
import os, signal, sys, threading
sys.path.insert(0, sys.argv[1])
from osimage.errors import Where
from osimage.machine.declaration import MachineDeclaration
from osimage.machine.run import run

status = []

def start():
    machine = MachineDeclaration("run", sys.argv[2], Where("", 0, ""))
    status.append(run(machine, qemu_path=sys.argv[3], display=False, terminal=sys.stdout.isatty(), out=sys.stdout,
                      environ=os.environ, limit_s=60, qemu_args=sys.argv[5]))

for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
if sys.argv[4] == "thread":
    signal.signal(signal.SIGINT, lambda *_: None)  # as SCons does: it only takes note
    worker = threading.Thread(target=start)
    worker.start()
    worker.join()
else:
    start()
sys.exit(status[0])
"""


def children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task")
    return [int(child) for task in tasks.iterdir() for child in (task / "children").read_text().split()]


def wait_for(what: Callable[[], object], seconds: float = 20) -> object:
    """What WHAT gives once it is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := what():
            return found
        time.sleep(0.01)
    pytest.fail(f"it did not happen within {seconds} s")


def is_gone(pid: int) -> bool:
    try:
        return "State:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return True


def ended(process: subprocess.Popen[bytes], terminal: int) -> bool:
    """Whether PROCESS has ended; what it shows on TERMINAL meanwhile is read."""
    if select.select([terminal], [], [], 0)[0]:
        os.read(terminal, 65536)
    return process.poll() is not None


def take_terminal() -> None:
    """Make standard input the controlling terminal, as of somebody who types there."""
    os.close(os.open(os.ttyname(0), os.O_RDWR))


@contextmanager
def driven(
    image: Path, qemu_path: str, way: str = "main", args: str = "", stream: int = subprocess.PIPE
) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A process that runs a machine without end, once that runs; and QEMU's process id."""
    package = str(Path(osimage.__file__).parents[1])
    argv = [sys.executable, "-c", DRIVER, package, str(image), qemu_path, way, args]
    terminal = stream != subprocess.PIPE
    process = subprocess.Popen(
        argv,
        stdin=stream if terminal else subprocess.DEVNULL,
        stdout=stream,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=take_terminal if terminal else None,  # noqa: PLW1509
    )
    machine = 0
    try:
        machine = int(str(wait_for(lambda: children(process.pid))).strip("[]"))
        if not terminal:
            assert process.stdout
            assert b" on QEMU " in process.stdout.readline()
        time.sleep(0.3)
        yield process, machine
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()
        if machine and not is_gone(machine):
            os.kill(machine, signal.SIGKILL)


@pytest.mark.parametrize("way", ["main", "thread"])
def test_ctrl_c_ends_quietly(disk: Callable[[str], Path], qemu_path: str, way: str) -> None:
    with driven(disk("counting"), qemu_path, way) as (process, machine):
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(10) == 130
        assert process.stdout
        assert process.stdout.read() == b""
        assert is_gone(machine)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_to_us_alone_ends_qemu_too(
    disk: Callable[[str], Path], qemu_path: str, number: signal.Signals, status: int
) -> None:
    with driven(disk("counting"), qemu_path) as (process, machine):
        process.send_signal(number)
        assert process.wait(10) == status
        assert process.stdout
        assert process.stdout.read() == b""
        assert is_gone(machine)


def test_qemu_does_not_outlive_a_killed_run(disk: Callable[[str], Path], qemu_path: str) -> None:
    with driven(disk("counting"), qemu_path) as (process, machine):
        process.kill()
        wait_for(lambda: is_gone(machine), 5)


def test_a_killed_qemu_is_told(disk: Callable[[str], Path], qemu_path: str) -> None:
    with driven(disk("counting"), qemu_path) as (process, machine):
        os.kill(machine, signal.SIGKILL)
        assert process.wait(10) == 1
        assert process.stdout
        assert b"StepError: QEMU died of signal 9 (SIGKILL)." in process.stdout.read()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_terminal_is_as_before(disk: Callable[[str], Path], qemu_path: str, number: signal.Signals) -> None:
    """QEMU has it for `-nographic`, takes echo away, and cannot put it back when it is killed."""
    ours, theirs = pty.openpty()
    try:
        before = termios.tcgetattr(theirs)
        with driven(disk("counting"), qemu_path, args="-nographic", stream=theirs) as (process, machine):
            wait_for(lambda: termios.tcgetattr(theirs)[3] != before[3])
            os.kill(machine, number)
            wait_for(lambda: ended(process, ours))
        assert termios.tcgetattr(theirs) == before
    finally:
        os.close(ours)
        os.close(theirs)


def test_keys_reach_the_serial_line_one_by_one(disk: Callable[[str], Path], qemu_path: str) -> None:
    """With `-gdb none` the machine counts as one that a person debugs, so it is not looked at but attended to."""
    ours, theirs = pty.openpty()
    try:
        before = termios.tcgetattr(theirs)
        with driven(disk("echo"), qemu_path, args="-gdb none", stream=theirs) as (process, machine):
            wait_for(lambda: termios.tcgetattr(theirs)[3] != before[3])
            os.write(ours, b"HAL")
            shown = b""
            while b"IBM" not in shown:
                assert select.select([ours], [], [], 10)[0], f"only this came: {shown!r}"
                shown += os.read(ours, 65536)
            os.write(ours, b"\x03")  # Ctrl-C
            wait_for(lambda: ended(process, ours))
            assert process.returncode == 130
            assert b"HAL" not in shown
            assert is_gone(machine)
        assert termios.tcgetattr(theirs) == before
    finally:
        os.close(ours)
        os.close(theirs)
