"""Steps without SCons, one after the other: for a program that wants one file made and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..action import Action
from .engine import Engine


def make(engine: Engine, actions: Sequence[Action], wanted: str) -> None:
    """Make the output WANTED, and of ACTIONS, which come in the order in which they can run, only what it needs.

    The working directory is the engine's root.

    Raises:
        StepError: a step failed.
    """
    for action in reversed(list(_needed(actions, wanted))):
        if not engine.is_current(action):
            from .execute import make as execute

            execute(engine, action)


def _needed(actions: Sequence[Action], wanted: str) -> Iterator[Action]:
    """Those of ACTIONS that WANTED is made by, the last one first."""
    paths = {wanted}
    for action in reversed(actions):
        if not paths.isdisjoint(action.outputs):
            paths.update(entry.path for entry in action.inputs)
            yield action
