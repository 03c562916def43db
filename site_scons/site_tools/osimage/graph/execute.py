"""Making a step's outputs: restored from the store, or by running it. Imported only when something has to be made."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ..action import Action, is_python_step, output_files, output_folders
from ..cache.wire import Digest
from ..errors import StepError
from . import diagnostics, disk, folders, products
from .keys import NOTHING_READ, key, look
from .making import Making
from .process import Outcome, run_program, run_python, shell_line
from .reads import may_leave, saw_our_own, what_was_read
from .record import OutputFolder, Record
from .twice import Made, compare
from .watch import Watch

if TYPE_CHECKING:
    from .engine import Engine


def make(engine: Engine, action: Action, making: Making | None = None) -> None:
    """Make ACTION's outputs: from the store where it has them, otherwise by running the step, which MAKING watches.

    Raises:
        StepError: what went wrong, for a person.
    """
    making = making or Making(engine, action)
    try:
        with engine.at_work():
            if engine.machine.twice or not restore(engine, action):
                execute(engine, action, making)
    except OSError as error:
        raise StepError(f"{action.label}: {disk.words(error, engine.build)}") from error


def restore(engine: Engine, action: Action, *, tell: bool = True) -> bool:
    """Bring ACTION's outputs back from the store, all of them verified, or none; TELL prints the step's line."""
    store = engine.machine.store
    if store is None:
        return False
    for read in engine.candidates(action):
        found = look(action, read, engine.today, str(engine.root))
        if found is None:
            continue
        digest = found.encoded().digest.hash
        result = store.lookup(digest, action.outputs)
        if result is None:
            continue
        with _Scratch(engine) as scratch:
            if not store.restore(result, {path: scratch.absolute / Path(path).name for path in action.outputs}):
                continue
            digests = {path: digest.hash for path, (digest, _) in result.outputs.items()}
            for path in output_folders(action):
                products.check_way(engine, path)
                products.clear(engine, path)
                (scratch.absolute / Path(path).name).rename(path)
            filled = products.filled(action)
            outputs = products.publish(engine, scratch.absolute, digests)
        engine.today.filled(filled)
        made = Record(digest, outputs, read, result.stderr, filled, found.glance())
        engine.records.put(action.outputs[0], made)
        if tell:
            engine.console.line(action.step, f"{action.label}, from the cache")
        if engine.machine.show_cached:
            engine.console.write(shell_line(action, scratch.relative, engine.root, engine.machine.programs))
        engine.show_diagnostics(action, result.stderr)
        return True
    return False


def execute(engine: Engine, action: Action, making: Making) -> None:
    """Run ACTION, publish its outputs, record them, and offer them to the store.

    Raises:
        StepError: the step failed, or read what it does not declare.
        OSError: an output could not be written.
    """
    handle = engine.console.start(action.step, action.label, tell=engine.machine.verbose)
    try:
        with _Scratch(engine, action.incremental) as scratch:
            record = engine.records.get(action.outputs[0])
            first = _run_before(engine, action, handle, making) if engine.machine.twice else None
            _begin(engine, action, record)
            has_past = action.incremental is not None and os.path.isdir(action.incremental)
            watch = Watch(action, record.read if record else None, engine.today)
            outcome = _run(engine, action, scratch, handle, making)
            filled = products.filled(action)
            read = what_was_read(engine, action, scratch.relative, filled)
            stderr = diagnostics.warnings_only(outcome.stderr)
            engine.today.forget_trees()  # they may have changed between the question whether to run and now
            found = look(action, read, engine.today, str(engine.root))
            sure = watch.changed(read) is None and engine.machine.is_same() and not saw_our_own(action, read)
            digest = found.encoded().digest.hash if found is not None and sure else ""
            glance = found.glance() if found is not None else ""
            digests = products.digests(action, scratch.absolute)
            if first is not None:
                compare(action, first, Made(digests, filled))
            making.check(digests)
            outputs = products.publish(engine, scratch.absolute, digests, making.handed_out)
    finally:
        engine.console.finish(handle, action.step)
    made = Record(digest, outputs, read, stderr, filled, glance)
    engine.today.filled(filled)
    engine.records.put(action.outputs[0], made)
    engine.show_diagnostics(action, stderr)
    if digest and not has_past and may_leave(action, made):
        _offer(engine, action, made)


def _run_before(engine: Engine, action: Action, handle: int, making: Making) -> Made:
    """What a run of ACTION makes that is only there to be compared with."""
    with _Scratch(engine) as scratch:
        _forget(action)
        _begin(engine, action, engine.records.get(action.outputs[0]))
        _run(engine, action, scratch, handle, making)
        filled = products.filled(action)
        what_was_read(engine, action, scratch.relative, filled)
        _forget(action)
        return Made(products.digests(action, scratch.absolute), filled)


def _forget(action: Action) -> None:
    """Let the compiler of ACTION begin without a past."""
    if action.incremental is not None:
        shutil.rmtree(action.incremental, ignore_errors=True)


def _begin(engine: Engine, action: Action, record: Record | None) -> None:
    """Empty the folders that ACTION fills. From now on its RECORD says that nobody knows what is in them."""
    if not output_folders(action):
        return
    nothing = dict.fromkeys(output_folders(action), OutputFolder({}, {}, ()))
    for path in nothing:
        products.check_way(engine, path)
    engine.records.put(action.outputs[0], Record("", record.outputs if record else {}, None, "", nothing))
    for path in nothing:
        products.clear(engine, path)
        os.mkdir(path)


def _run(engine: Engine, action: Action, scratch: _Scratch, handle: int, making: Making) -> Outcome:
    with engine.pipeline.slot(making.urgency) as is_urgent:
        outcome = _outcome(engine, action, scratch, making, is_urgent)
    if outcome.status != 0 and engine.interrupted():
        engine.console.forget(handle)  # SCons has the word
        raise StepError(f"{action.label}: interrupted")
    if outcome.status != 0:
        engine.console.finish(handle, action.step)  # the step's line comes before the program's words
        raise StepError(_failure(engine, action, outcome, scratch))
    missing = [path for path in output_files(action) if not (scratch.absolute / Path(path).name).is_file()]
    if missing:
        raise StepError(f"{action.label}: {action.argv[0]} ended well but did not write {', '.join(missing)}")
    return outcome


def _outcome(
    engine: Engine, action: Action, scratch: _Scratch, making: Making, is_urgent: Callable[[], bool]
) -> Outcome:
    machine = engine.machine
    if machine.verbose:
        engine.console.write(shell_line(action, scratch.relative, engine.root, machine.programs))
    if is_python_step(action):
        return Outcome(0, "", run_python(action, scratch.absolute, engine.root, machine.programs))

    def hear(line: bytes) -> None:
        making.hear(line, scratch.absolute)

    def matters() -> bool:
        return is_urgent() and not making.handed_out

    return run_program(action, scratch.relative, engine.root, machine.programs, engine.interrupted, hear, matters)


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

    messages = [message for _, message in diagnostics.messages(outcome.stderr) if message is not None]
    advice = explain(messages, action.label if action.external else "")
    verb = "link" if "linking with" in unplaced else "compile"
    return f"{action.label} does not {verb}" + (f". {advice}" if advice else "")


def _offer(engine: Engine, action: Action, made: Record) -> None:
    """Give what ACTION MADE to the store."""
    store = engine.machine.store
    if store is None:
        return
    files = {path: (Path(path), Digest(o.hash, o.stat.size), o.executable) for path, o in made.outputs.items()}
    filled = {path: (Path(path), folders.listing(folder)) for path, folder in made.folders.items()}
    store.put(made.digest, files, made.stderr, folders=filled)
    if made.read is not None:
        base = key(action, NOTHING_READ, engine.today, str(engine.root))
        if base is not None:
            store.add_read_set(base.digest.hash, made.read)


class _Scratch:
    """An empty folder for one step's outputs, below the build folder; gone afterwards.

    Where something is kept from one run to the next in the folder INCREMENTAL, it has the same name each time: rustc
    compiles all anew where its output goes elsewhere.
    """

    def __init__(self, engine: Engine, incremental: str | None = None) -> None:
        self._engine = engine
        self._name = None if incremental is None else Path(incremental).name

    def __enter__(self) -> _Scratch:
        self.absolute = self._engine.new_scratch(self._name)
        self.relative = str(self.absolute.relative_to(self._engine.root))
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.absolute, ignore_errors=True)
