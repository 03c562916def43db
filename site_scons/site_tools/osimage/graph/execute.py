"""Making a step's outputs: restored from the store, or by running it. Imported only when something has to be made."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ..action import ROOT, Action, is_python_step
from ..cache.readset import ReadSet
from ..cache.wire import Digest
from ..errors import StepError
from . import depinfo, diagnostics
from .keys import NOTHING_READ, is_narrowed, key, sources_changed_since
from .process import Outcome, run_program, run_python, shell_line
from .record import Output, Record, Stat

if TYPE_CHECKING:
    from .engine import Engine

CLOCK_MARGIN_NS = 20_000_000  # file times come from a clock that ticks every few milliseconds
INTERRUPTED = (-signal.SIGINT, -signal.SIGTERM, -signal.SIGHUP)  # SCons hears of it too, and says so


def make(engine: Engine, action: Action) -> None:
    """Make ACTION's outputs: from the store where it has them, otherwise by running the step.

    Raises:
        StepError: what went wrong, for a person.
    """
    engine.prepare()
    if not restore(engine, action):
        execute(engine, action)


def restore(engine: Engine, action: Action) -> bool:
    """Bring ACTION's outputs back from the store, all of them verified, or none."""
    store = engine.machine.store
    if store is None:
        return False
    for read in engine.candidates(action):
        encoded = key(action, read, engine.today, str(engine.root))
        result = store.lookup(encoded.digest.hash, action.outputs) if encoded is not None else None
        if encoded is None or result is None:
            continue
        for path in action.outputs:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        if not store.restore(result, {path: Path(path) for path in action.outputs}):
            continue
        outputs = {path: _output(path, digest.hash) for path, (digest, _) in result.outputs.items()}
        engine.today.made(outputs)
        engine.records.put(action.outputs[0], Record(encoded.digest.hash, outputs, read, result.stderr))
        engine.console.line(action.step, f"{action.label}, from the cache")
        engine.show_diagnostics(action, result.stderr)
        return True
    return False


def execute(engine: Engine, action: Action) -> None:
    """Run ACTION, publish its outputs, record them, and offer them to the store.

    Raises:
        StepError: the step failed, or read what it does not declare.
    """
    began_ns = time.time_ns() - CLOCK_MARGIN_NS
    handle = engine.console.start(action.step, action.label, tell=engine.machine.verbose)
    try:
        with _Scratch(engine) as scratch:
            outcome = _run(engine, action, scratch, handle)
            read = _what_was_read(engine, action, scratch)
            stderr = diagnostics.warnings_only(outcome.stderr)
            encoded = key(action, read, engine.today, str(engine.root))
            changed = sources_changed_since(action, read, began_ns, engine.today)
            digest = encoded.digest.hash if encoded is not None and changed is None else ""
            outputs = _publish(engine, action, scratch.absolute)
    except OSError as error:
        raise StepError(_disk_words(action, error)) from error
    finally:
        engine.console.finish(handle, action.step)
    engine.records.put(action.outputs[0], Record(digest, outputs, read, stderr))
    engine.show_diagnostics(action, stderr)
    if digest:
        _offer(engine, action, digest, outputs, read, stderr)


def _run(engine: Engine, action: Action, scratch: _Scratch, handle: int) -> Outcome:
    machine = engine.machine
    if machine.verbose:
        engine.console.write(shell_line(action, scratch.relative, engine.root, machine.programs))
    if is_python_step(action):
        run_python(action, scratch.absolute, engine.root)
        outcome = Outcome(0, "", "")
    else:
        outcome = run_program(action, scratch.relative, engine.root, machine.programs)
    if outcome.status in INTERRUPTED:
        engine.console.forget(handle)
        raise StepError(f"{action.label}: interrupted")
    if outcome.status != 0:
        engine.console.finish(handle, action.step)  # the step's line comes before the program's words
        raise StepError(_failure(engine, action, outcome, scratch))
    missing = [path for path in action.outputs if not (scratch.absolute / Path(path).name).is_file()]
    if missing:
        raise StepError(f"{action.label}: {action.argv[0]} ended well but did not write {', '.join(missing)}")
    return outcome


def _failure(engine: Engine, action: Action, outcome: Outcome, scratch: _Scratch) -> str:
    """Print the program's words, once, and return the one line that is left to say."""
    words = diagnostics.rendered(outcome.stderr, engine.console.colour)
    engine.console.write(words or outcome.stdout)
    if outcome.status < 0:
        return f"{action.argv[0]} was killed by signal {-outcome.status}"
    advice = None
    if action.argv[0] == "rustc":
        from ..crates.hints import explain

        advice = explain([message for _, message in diagnostics.messages(outcome.stderr) if message is not None])
    if not action.local and not engine.machine.verbose:
        engine.console.write(shell_line(action, scratch.relative, engine.root, engine.machine.programs))
    return f"{action.label} does not compile" + (f". {advice}" if advice else "")


def _what_was_read(engine: Engine, action: Action, scratch: _Scratch) -> ReadSet | None:
    """What ACTION's dep-info says it read; None for a step whose declared inputs are all there is.

    Raises:
        StepError: it read something that no input declares.
    """
    if action.dep_info is None:
        return None
    path = scratch.absolute / Path(action.dep_info).name
    final = f"{Path(action.dep_info).parent}/"
    # rustc names crates given by --extern absolutely, and its own outputs by the scratch folder.
    text = path.read_text(encoding="utf-8").replace(f"{engine.root}/", "").replace(f"{scratch.relative}/", final)
    path.write_text(text, encoding="utf-8")
    info = depinfo.parse(text)
    files, undeclared = depinfo.split(
        [name for name in info.files if not name.startswith(final) or name not in action.outputs],
        action, str(engine.root), engine.build, engine.machine.toolchain_folder,
    )  # fmt: skip
    if undeclared:
        raise StepError(_undeclared_words(action, undeclared))
    if not is_narrowed(action):
        if files:
            raise StepError(f"{action.label} reads {', '.join(files)}, which is no input of it.")
        return None
    own = dict(action.env)
    rooted = any(ROOT in own.get(name, "") for name in info.env) or _holds_root(engine, action, scratch)
    return ReadSet(files, tuple(name for name in info.env if name not in own), rooted)


def _undeclared_words(action: Action, undeclared: tuple[str, ...]) -> str:
    names = ", ".join(undeclared)
    listed = ", ".join(f'"{name}"' for name in undeclared)
    return f"{action.label} reads {names}, which nothing declares. Add inputs=[{listed}] to {action.where}."


def _holds_root(engine: Engine, action: Action, scratch: _Scratch) -> bool:
    """Whether an output holds the project's absolute path, so that it belongs to this folder alone."""
    root = os.fsencode(str(engine.root))
    return any(root in (scratch.absolute / Path(path).name).read_bytes() for path in action.outputs)


def _publish(engine: Engine, action: Action, scratch: Path) -> dict[str, Output]:
    """Rename the outputs into place and return them as a record says them."""
    outputs = {}
    for path in action.outputs:
        made = scratch / Path(path).name
        with made.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        made.replace(path)
        outputs[path] = _output(path, digest)
    engine.today.made(outputs)
    return outputs


def _output(path: str, digest: str) -> Output:
    stat = Stat.of(path)
    if stat is None:
        raise StepError(f"{path} vanished right after it was made. Does something else clean the build folder?")
    return Output(digest, os.access(path, os.X_OK), stat)


def _offer(
    engine: Engine, action: Action, digest: str, outputs: dict[str, Output], read: ReadSet | None, stderr: str
) -> None:
    """Give the result to the store, unless it belongs to this folder alone."""
    machine = engine.machine
    if machine.store is None or not action.shared:
        return
    files = {path: (Path(path), Digest(made.hash, made.stat.size), made.executable) for path, made in outputs.items()}
    machine.store.put(digest, files, stderr)
    if read is not None:
        base = key(action, NOTHING_READ, engine.today, str(engine.root))
        if base is not None:
            machine.store.add_read_set(base.digest.hash, read)


def _disk_words(action: Action, error: OSError) -> str:
    what = f"{action.label}: cannot write {error.filename or 'its outputs'}: {error.strerror}"
    if error.errno == errno.ENOSPC:
        return f"{what}. {shutil.disk_usage('.').free} bytes are free; make room and build again, nothing is lost."
    return what + "."


class _Scratch:
    """An empty folder for one step's outputs, below the build folder; gone afterwards."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __enter__(self) -> _Scratch:
        self.absolute = self._engine.new_scratch()
        self.relative = str(self.absolute.relative_to(self._engine.root))
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.absolute, ignore_errors=True)
