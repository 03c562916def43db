"""Making a step's outputs: restored from the store, or by running it. Imported only when something has to be made."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..action import ROOT, Action, is_python_step
from ..cache.readset import ReadSet
from ..cache.wire import Digest
from ..errors import StepError
from . import depinfo, diagnostics, disk
from .build_folder import clear_way
from .keys import NOTHING_READ, is_narrowed, key
from .process import Outcome, run_program, run_python, shell_line
from .record import Output, Record, Stat
from .watch import Watch
from .way import obstacle

if TYPE_CHECKING:
    from .engine import Engine


def make(engine: Engine, action: Action) -> None:
    """Make ACTION's outputs: from the store where it has them, otherwise by running the step.

    Raises:
        StepError: what went wrong, for a person.
    """
    try:
        with engine.at_work():
            if not restore(engine, action):
                execute(engine, action)
    except OSError as error:
        raise StepError(f"{action.label}: {disk.words(error, engine.build)}") from error


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
        with _Scratch(engine) as scratch:
            if not store.restore(result, {path: scratch.absolute / Path(path).name for path in action.outputs}):
                continue
            digests = {path: digest.hash for path, (digest, _) in result.outputs.items()}
            outputs = _publish(engine, scratch.absolute, digests)
        engine.records.put(action.outputs[0], Record(encoded.digest.hash, outputs, read, result.stderr))
        engine.console.line(action.step, f"{action.label}, from the cache")
        if engine.machine.show_cached:
            engine.console.write(shell_line(action, scratch.relative, engine.root, engine.machine.programs))
        engine.show_diagnostics(action, result.stderr)
        return True
    return False


def execute(engine: Engine, action: Action) -> None:
    """Run ACTION, publish its outputs, record them, and offer them to the store.

    Raises:
        StepError: the step failed, or read what it does not declare.
        OSError: an output could not be written.
    """
    handle = engine.console.start(action.step, action.label, tell=engine.machine.verbose)
    try:
        with _Scratch(engine) as scratch:
            record = engine.records.get(action.outputs[0])
            watch = Watch(action, record.read if record else None, engine.today)
            outcome = _run(engine, action, scratch, handle)
            read = _what_was_read(engine, action, scratch)
            stderr = diagnostics.warnings_only(outcome.stderr)
            engine.today.forget_trees()  # they may have changed between the question whether to run and now
            encoded = key(action, read, engine.today, str(engine.root))
            sure = watch.changed(read) is None and engine.machine.is_same() and not _saw_our_own(read)
            digest = encoded.digest.hash if encoded is not None and sure else ""
            outputs = _publish(engine, scratch.absolute, _digests(action, scratch.absolute))
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
        outcome = run_program(action, scratch.relative, engine.root, machine.programs, engine.interrupted)
    if outcome.status != 0 and engine.interrupted():
        engine.console.forget(handle)  # SCons has the word
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
    unplaced = diagnostics.unplaced(outcome.stderr)
    if disk.is_full(outcome.status, unplaced):
        return f"{action.label}: {disk.full(engine.build)}"
    engine.console.write(diagnostics.rendered(outcome.stderr, engine.console.colour) or outcome.stdout)
    if not action.local and not engine.machine.verbose:
        engine.console.write(shell_line(action, scratch.relative, engine.root, engine.machine.programs))
    if outcome.status < 0:
        return f"{action.label}: {action.argv[0]} was killed by signal {-outcome.status}"
    if action.argv[0] != "rustc":
        return f"{action.label}: {action.argv[0]} ended with status {outcome.status}"
    from ..crates.hints import explain

    advice = explain([message for _, message in diagnostics.messages(outcome.stderr) if message is not None])
    verb = "link" if "linking with" in unplaced else "compile"
    return f"{action.label} does not {verb}" + (f". {advice}" if advice else "")


def _what_was_read(engine: Engine, action: Action, scratch: _Scratch) -> ReadSet | None:
    """What ACTION's compiler and linker say they read; None for a step whose declared inputs are all there is.

    Raises:
        StepError: it read something that no input declares.
    """
    # rustc names crates given by --extern absolutely.
    places = [(os.path.realpath(engine.build), engine.build), (str(engine.root), "")]
    info = _compiled(action, scratch, places)
    files, undeclared = depinfo.split(
        [name for name in (*info.files, *_linked(action, scratch, places)) if name not in action.outputs],
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


def _compiled(action: Action, scratch: _Scratch, places: Sequence[tuple[str, str]]) -> depinfo.DepInfo:
    """What ACTION's dep-info says, which is an output too: from here on it names its outputs by their places."""
    if action.dep_info is None:
        return depinfo.DepInfo((), ())
    path = scratch.absolute / Path(action.dep_info).name
    final = (scratch.relative, str(Path(action.dep_info).parent))
    text = depinfo.relocated(path.read_text(encoding="utf-8"), (*places, final))
    path.write_text(text, encoding="utf-8")
    return depinfo.parse(text)


def _linked(action: Action, scratch: _Scratch, places: Sequence[tuple[str, str]]) -> list[str]:
    """What ACTION's linker says it read, without the objects that rustc made for it."""
    if action.link_info is None:
        return []
    text = (scratch.absolute / action.link_info).read_text(encoding="utf-8")
    names = depinfo.linked(text, places, (entry.path for entry in action.inputs))
    return [name for name in names if not name.startswith(f"{scratch.relative}/")]


def _saw_our_own(read: ReadSet | None) -> bool:
    """Whether the step read a variable that we set and that is another on another machine: nobody can tell of it."""
    return read is not None and not {"PATH", "LD_PRELOAD"}.isdisjoint(read.env)


def _undeclared_words(action: Action, undeclared: tuple[str, ...]) -> str:
    names = ", ".join(undeclared)
    listed = ", ".join(f'"{name}"' for name in undeclared)
    return f"{action.label} reads {names}, which nothing declares. Add inputs=[{listed}] to {action.where}."


def _holds_root(engine: Engine, action: Action, scratch: _Scratch) -> bool:
    """Whether an output holds the project's absolute path, so that it belongs to this folder alone."""
    root = os.fsencode(str(engine.root))
    return any(root in (scratch.absolute / Path(path).name).read_bytes() for path in action.outputs)


def _digests(action: Action, scratch: Path) -> dict[str, str]:
    digests = {}
    for path in action.outputs:
        with (scratch / Path(path).name).open("rb") as stream:
            digests[path] = hashlib.file_digest(stream, "sha256").hexdigest()
    return digests


def _publish(engine: Engine, scratch: Path, digests: Mapping[str, str]) -> dict[str, Output]:
    """Rename the outputs, output path to SHA-256 (hex), into place and return them as a record says them."""
    outputs = {}
    for path, digest in digests.items():
        in_the_way = obstacle(path, engine.records.outputs)
        if in_the_way:
            raise StepError(in_the_way)
        clear_way(engine.build, path)
        (scratch / Path(path).name).replace(path)
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
