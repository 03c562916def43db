"""What a person sees of a build: at a terminal, in a pipe, when it is interrupted."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from osimage.graph.console import status
from project import Project
from terminal import Screen, Session

PACKAGES = Path(__file__).parents[2] / "site_scons/site_tools"

# A build in small, where a tenth of a second counts as slow. Held steps last until the test says `go_on`.
PRELUDE = """
import signal, sys, threading, time
from osimage.graph import console
console.TICK_S, console.SLOW_S = 0.02, 0.1
here = console.Console()
def step(tag, text, seconds, **more):
    handle = here.start(tag, text, **more)
    time.sleep(seconds)
    here.finish(handle, tag)
released = threading.Event()
signal.signal(signal.SIGUSR1, lambda *_: released.set())
def hold(*steps):
    handles = [here.start(tag, text) for tag, text in steps]
    while not released.wait(0.02): pass
    for handle, (tag, _) in zip(handles, steps): here.finish(handle, tag)
"""
SECONDS = re.compile(r", \d\.\d s")


def environ(**more: str) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    return own | {"PYTHONPATH": str(PACKAGES), "TERM": "xterm", "PYTHONDONTWRITEBYTECODE": "1"} | more


def at_terminal(script: str, width: int = 80, **more: str) -> Session:
    return Session([sys.executable, "-c", PRELUDE + script], environ(**more), width)


def go_on(session: Session) -> None:
    os.kill(session.pid, signal.SIGUSR1)


@pytest.mark.parametrize(("running", "width", "line"), [
    ([("core", 3.2)], 40, "… core 3 s"),
    ([("kernel", 1.0), ("core", 12.9)], 40, "… core 12 s, kernel 1 s"),  # the longest first
    ([("kernel", 1.0), ("core", 3.0), ("stage 2", 2.0)], 24, "… core 3 s and 2 more"),
    ([("kernel", 1.0), ("core", 3.0), ("stage 2", 2.0)], 34, "… core 3 s, stage 2 2 s and 1 more"),
    ([("a kernel with a long name", 7.0)], 20, "… a kernel with… 7 s"),
    ([("a kernel with a long name", 7.0)], 16, "… a kernel… 7 s"),
    ([("a kernel with a long name", 7.0), ("core", 2.0)], 24, "… a kern… 7 s and 1 more"),
    ([("core", 3.0)], 5, "… … 3"),
    ([("core", 3.0)], 0, ""),
])  # fmt: skip
def test_the_status_line_has_as_many_steps_as_fit(running: list[tuple[str, float]], width: int, line: str) -> None:
    assert status(running, width) == line
    assert len(line) <= width


def test_every_step_has_one_line_and_nothing_of_the_status_line_is_left() -> None:
    session = at_terminal('step("spec", "target spec", 0)\nstep("core", "core 1.96.0", 0.5)\nhere.close()')
    assert session.end() == 0
    assert SECONDS.sub("", session.screen) == "[SPEC] target spec\n[CORE] core 1.96.0"
    assert SECONDS.search(session.screen), "a slow step's seconds are worth telling"


def test_what_runs_is_told_while_it_runs() -> None:
    session = at_terminal('hold(("core", "core"), ("kernel", "kernel"))\nhere.close()')
    seen = session.read_until(lambda output: re.search(r"core \d+ s, kernel \d+ s.*\r$", output))
    assert re.fullmatch(r"… core \d+ s, kernel \d+ s", Screen(80).feed(seen).text)
    go_on(session)
    assert session.end() == 0
    assert SECONDS.sub("", session.screen) == "[CORE] core\n[KERNEL] kernel"


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_what_others_print_comes_above_the_status_line(stream: str) -> None:
    script = f"""
def talk():
    time.sleep(0.3)
    print("scons: said by", end=" ", file=sys.{stream})
    time.sleep(0.1)  # in the middle of a line nothing is drawn
    print("SCons", file=sys.{stream})
threading.Thread(target=talk).start()
hold(("core", "core"))
here.close()
print("the end")
"""
    session = at_terminal(script)
    seen = session.read_until(lambda output: re.search(r"SCons.*core \d+ s.*\r$", output, re.DOTALL))
    assert re.fullmatch(r"scons: said by SCons\n… core \d+ s", Screen(80).feed(seen).text)
    go_on(session)
    assert session.end() == 0
    assert SECONDS.sub("", session.screen) == "scons: said by SCons\n[CORE] core\nthe end"


def test_lines_do_not_make_the_status_line_flicker() -> None:
    session = at_terminal("""
threading.Thread(target=step, args=("core", "core", 600), daemon=True).start()
time.sleep(0.3)
for number in range(5): here.line("quick", f"number {number}")
here.close()
""")
    assert session.end() == 0
    # Line and status line come in one piece: after each line the status line is there again.
    assert len(re.findall(r"number \d\r\n\r(?:\x1b\[2m)?… core \d+ s", session.output)) == 5


def test_a_narrower_window_gets_a_shorter_line() -> None:
    session = at_terminal('hold(("core", "core 1.96.0 for x86_64-hello"))\nhere.close()')
    session.read_until(lambda output: re.search(r"x86_64-hello \d s", output))
    session.resize(20)
    session.read_until(lambda output: re.search(r"… core 1\.96\.0… \d s", output))
    go_on(session)
    assert session.end() == 0


def test_closing_in_the_middle_of_a_step_clears_the_line() -> None:
    session = at_terminal("""
threading.Thread(target=step, args=("core", "core", 600), daemon=True).start()
time.sleep(0.4)
here.close()
print("interrupted")
""")
    assert session.end() == 0
    assert "… core" in session.output
    assert session.screen == "interrupted"


def test_a_step_that_is_forgotten_has_no_line() -> None:
    script = 'handle = here.start("core", "core")\ntime.sleep(0.3)\nhere.forget(handle)\nhere.finish(handle, "core")'
    session = at_terminal(script)
    assert session.end() == 0
    assert "… core" in session.output
    assert session.screen == ""


@pytest.mark.parametrize(("more", "sequences"), [
    ({}, {"\x1b[1;36m", "\x1b[2m", "\x1b[0m", "\x1b[J"}),
    ({"NO_COLOR": "1"}, {"\x1b[J"}),
    ({"TERM": "dumb"}, set()),
])  # fmt: skip
def test_a_terminal_gets_only_what_it_understands(more: dict[str, str], sequences: set[str]) -> None:
    session = at_terminal('step("core", "core", 0.4)\nhere.close()', **more)
    assert session.end() == 0
    assert set(re.findall(r"\x1b\[[0-9;]*[A-Za-z]", session.output)) == sequences


def test_a_pipe_gets_a_line_when_a_step_begins() -> None:
    script = 'print(sys.stdout.write.__name__)\nstep("core", "core", 0.3)\nprint("end")'
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + script], env=environ(), capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "write\n[CORE] core\nend\n"


def test_silence_leaves_out_steps_but_not_words() -> None:
    script = 'here.silent = True\nstep("core", "core", 0.3)\nhere.write("warning: unused")\nhere.close()'
    session = at_terminal(script)
    assert session.end() == 0
    assert session.output == "warning: unused\r\n"


def test_a_terminal_without_the_character_gets_another() -> None:
    session = at_terminal('step("core", "core…", 0.4)\nhere.close()', PYTHONIOENCODING="iso-8859-1")
    assert session.end() == 0
    assert SECONDS.sub("", session.screen) == "[CORE] core?"


@pytest.mark.slow
def test_ctrl_c_leaves_one_line_and_no_process(new_project: Callable[..., Project], tmp_path: Path) -> None:
    project = new_project(cache=tmp_path / "empty")
    own = project.environment() | {"TERM": "xterm"}
    session = Session(project.command("image", "-j1"), own, cwd=project.root)
    session.read_until(lambda output: re.search(r"… core \S+ for x86_64-hello \d+ s", output))
    session.type(b"\x03")
    assert session.end() == 2
    *steps, last = session.screen.splitlines()[-3:]
    core = "build/sysroot/lib/rustlib/x86_64-hello/lib/libcore.rmeta"
    assert "".join([*steps, last]).endswith(f"scons: *** [{core}] Build interrupted.")
    assert "…" not in session.screen
    assert "[CORE]" not in session.screen
    assert not processes_below(project.root)


def processes_below(folder: Path) -> list[str]:
    """The commands of processes whose working directory is FOLDER."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").resolve() == folder.resolve():
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found
