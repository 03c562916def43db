"""Verdicts of tests: outputs like any other, of steps that no build runs by itself.

A test may run for minutes, and others may build meanwhile. So the inputs are taken down before it, with the lock held,
and compared after it; only what passed is recorded and stored.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..action import Action
from ..cache.wire import Digest
from ..errors import StepError
from .keys import key
from .record import Output, Record, Stat

if TYPE_CHECKING:
    from .engine import Engine
    from .watch import Watch


class Trial(NamedTuple):
    """A test that is about to run: its step, the digest of that (hex), and the state of its inputs."""

    action: Action
    digest: str
    watch: Watch


def is_known(engine: Engine, action: Action) -> bool:
    """Whether ACTION's outputs, those of a test that passed, are here or come from the store."""
    if engine.is_current(action):
        return True
    from .execute import restore

    with engine.at_work():
        return restore(engine, action, tell=False)


def forget(engine: Engine, action: Action) -> None:
    """Let ACTION, which has run, be no more than what is there: the next build runs it again."""
    with engine.at_work():
        record = engine.records.get(action.outputs[0])
        if record is not None:
            engine.records.put(action.outputs[0], record._replace(digest=""))


def begin(engine: Engine, action: Action) -> Trial:
    """Take down what ACTION is about to read.

    Raises:
        StepError: an input is missing.
    """
    from .watch import Watch

    with engine.at_work():
        watch = Watch(action, None, engine.today)
        encoded = key(action, None, engine.today, str(engine.root))
        return Trial(action, encoded.digest.hash if encoded else "", watch)


def keep(engine: Engine, trial: Trial) -> None:
    """Record the outputs of TRIAL, whose test has passed and written them, and give them to the store.

    Where an input or our own code has changed meanwhile nobody knows what has passed, and nothing is kept.
    """
    action = trial.action
    with engine.at_work():
        if not trial.digest or trial.watch.changed(None) is not None or not engine.machine.is_same():
            return
        outputs = {path: _output(path) for path in action.outputs}
        engine.today.made(outputs)
        engine.records.put(action.outputs[0], Record(trial.digest, outputs, None, ""))
        store = engine.machine.store
        if store is not None and action.shared:
            files = {path: (Path(path), Digest(made.hash, made.stat.size), False) for path, made in outputs.items()}
            store.put(trial.digest, files)


def _output(path: str) -> Output:
    stat = Stat.of(path)
    if stat is None:
        raise StepError(f"{path} vanished right after it was made. Does something else clean the build folder?")
    with open(path, "rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return Output(digest, os.access(path, os.X_OK), stat)
