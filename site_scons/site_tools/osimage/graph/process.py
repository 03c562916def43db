"""Running one step: a program with a fixed environment, or one of our own modules in process."""

from __future__ import annotations

import importlib
import os
import selectors
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from ..action import CARGO, LINKER, OUT, ROOT, RUSTC, RUSTDOC, Action, is_python_step
from ..errors import StepError
from ..toolchain.programs import STEERING, Programs

ATTENTION_S = 0.2  # how often a running program is looked after
LESS_URGENT = 10  # as nice(1) has it; a tenth of the time where others want all of it


class Outcome(NamedTuple):
    """How a program ended: exit status (negative: the signal that killed it) and what it wrote."""

    status: int
    stdout: str
    stderr: str


def expand(word: str, out: str, root: Path) -> str:
    """WORD with the placeholders of an Action filled in."""
    return word.replace(OUT, out).replace(ROOT, str(root))


def run_python(action: Action, out: Path, root: Path, programs: Programs) -> str:
    """Run a Python step in this process, where it may start PROGRAMS; returns its warnings, a line each.

    Raises:
        StepError: what the step found wrong.
        OSError: a file could not be read or written.
    """
    module = importlib.import_module(action.argv[0])
    words = (expand(word, str(out), root) for word in action.argv[1:])
    return module.run([_located(word, programs) for word in words], out) or ""


def _located(word: str, programs: Programs) -> str:
    """WORD with the placeholders of PROGRAMS filled in."""
    for placeholder, name in ((RUSTC, "rustc"), (CARGO, "cargo"), (RUSTDOC, "rustdoc"), (LINKER, "linker")):
        word = word.replace(placeholder, programs.paths.get(name, placeholder))
    return word


def run_program(
    action: Action,
    out: str,
    root: Path,
    programs: Programs,
    stop: Callable[[], bool],
    heard: Callable[[bytes], None],
    is_urgent: Callable[[], bool],
) -> Outcome:
    """Run a step's program in ROOT with OUT (relative to ROOT) as its scratch folder; end it when STOP says so.

    HEARD gets every line that it writes to standard error, without its end, as it comes. Once it is not what IS_URGENT
    any more, the program goes on with what time others leave.

    Raises:
        StepError: the program is not known or cannot be started.
    """
    name = action.argv[0]
    argv = [programs.paths.get(name, expand(name, out, root)), *(expand(word, out, root) for word in action.argv[1:])]
    environ = environment(action, out, root, programs)
    # One that keeps something in the build folder inherits the folder's lock, also for after we were killed.
    close_fds = action.incremental is None
    try:
        process = subprocess.Popen(argv, cwd=root, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, close_fds=close_fds)  # fmt: skip
    except OSError as error:
        raise StepError(f"cannot start {argv[0]}: {error.strerror}") from error
    with process:
        stdout, stderr = _listen(process, stop, heard, is_urgent)
    return Outcome(process.returncode, stdout.decode(errors="replace"), stderr.decode(errors="replace"))


def _listen(
    process: subprocess.Popen[bytes],
    stop: Callable[[], bool],
    heard: Callable[[bytes], None],
    is_urgent: Callable[[], bool],
) -> tuple[bytes, bytes]:
    """All that PROCESS writes until both of its streams are closed; STOP, HEARD and IS_URGENT as for `run_program`."""
    output, errors = bytearray(), bytearray()
    told = 0  # bytes of its standard error
    looked = time.monotonic()
    has_stepped_back = False
    with selectors.DefaultSelector() as selector:
        for stream, kept in ((process.stdout, output), (process.stderr, errors)):
            if stream is not None:
                selector.register(stream, selectors.EVENT_READ, kept)
        while selector.get_map():
            if not has_stepped_back and not is_urgent():
                has_stepped_back = True
                _step_back(process.pid)
            for ready, _ in selector.select(ATTENTION_S):
                data = os.read(ready.fd, 1 << 16)
                ready.data.extend(data)
                if not data:
                    selector.unregister(ready.fileobj)
            while (end := errors.find(b"\n", told)) >= 0:
                heard(bytes(errors[told:end]))
                told = end + 1
            if time.monotonic() - looked >= ATTENTION_S:
                looked = time.monotonic()
                if stop():
                    _end(process.pid)
    return bytes(output), bytes(errors)


def _step_back(pid: int) -> None:
    """Let PID, whose threads each have a priority of their own, go on with what time others leave (setpriority(2))."""
    niceness = os.getpriority(os.PRIO_PROCESS, 0) + LESS_URGENT
    with suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            os.setpriority(os.PRIO_PROCESS, int(thread), niceness)


def _end(pid: int) -> None:
    """End PID and all that it has started."""
    for each in reversed(_family(pid)):
        with suppress(ProcessLookupError):
            os.kill(each, signal.SIGTERM)


def _family(pid: int) -> list[int]:
    """PID and the processes that it has started, such as rustc's linker, each after the one that started it."""
    found = [pid]
    for parent in found:
        with suppress(OSError):
            tasks = Path(f"/proc/{parent}/task").glob("*/children")  # proc(5)
            found += [int(child) for task in tasks for child in task.read_text(encoding="ascii").split()]
    return found


def environment(
    action: Action, out: str, root: Path, programs: Programs, user: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """The whole environment of ACTION's program: its own variables, a PATH, and the person's where it may see them."""
    base = {"LC_ALL": "C.UTF-8"}
    base |= {name: user[name] for name in ("HOME", "TMPDIR") if name in user}
    if action.user_env:
        base |= {name: value for name, value in user.items() if not name.startswith(STEERING)}
    base["PATH"] = programs.search_path
    preload = programs.preload.get(action.argv[0])
    if preload:
        base["LD_PRELOAD"] = preload
    own = {name: _located(expand(value, out, root), programs) for name, value in action.env}
    return base | own | {name: value.replace(ROOT, str(root)) for name, value in variables_from(action, root)}


def variables_from(action: Action, root: Path) -> list[tuple[str, str]]:
    """The variables, name and value, that files in ROOT add to those of ACTION.

    Raises:
        OSError: such a file cannot be read.
    """
    records = [record for file in action.env_from for record in os.fsdecode((root / file).read_bytes()).split("\0")]
    return [(name, value) for name, equals, value in (record.partition("=") for record in records) if equals]


def shell_line(action: Action, out: str, root: Path, programs: Programs) -> str:
    """The command as a person could type it in the project root."""
    if is_python_step(action):
        return f"# {shlex.join(action.argv)}"
    words = [programs.paths.get(action.argv[0], action.argv[0]), *(expand(w, out, root) for w in action.argv[1:])]
    sets = [f"{name}={_located(expand(value, out, root), programs)}" for name, value in action.env]
    sets += [f"{name}={value.replace(ROOT, str(root))}" for name, value in variables_from(action, root)]
    return shlex.join([*(["env", *sets] if sets else []), *words])
