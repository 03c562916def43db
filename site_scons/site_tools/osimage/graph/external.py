"""Steps made from sources that nobody edits, such as those of a registry.

SCons' nodes cost an unchanged build most of its time, so such a step has none while its outputs are intact. Whether
they are is asked when something that reads them is about to be judged: of all that a declaration has at once, by a seal
from the last time; where that does not hold, of each step after those that it uses. One of a chain that has to be made
takes with it all that use it, which then are nodes like any others.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from ..action import Action
from ..errors import StepError
from .plans import Packed, unpacked
from .seal import Seals

if TYPE_CHECKING:
    from .nodes import Step
    from .project import Project

_T = TypeVar("_T")


def in_folders(table: Mapping[str, _T], path: str, folders: Collection[str]) -> _T | None:
    """What TABLE has for PATH, or for the one of FOLDERS (with their `/`) in which it lies."""
    found = table.get(path)
    while found is None and folders and "/" in path:
        path = path.rpartition("/")[0]
        found = table.get(path) if f"{path}/" in folders else None
    return found


class Outputs:
    """Outputs of steps, those that are folders with their `/`."""

    def __init__(self, outputs: Collection[str]) -> None:
        self.all = frozenset(outputs)
        self._has_folders = any(output.endswith("/") for output in outputs)

    def has(self, path: str) -> bool:
        """Whether PATH is one of them, or lies in one that is a folder."""
        if path in self.all:
            return True
        while path and self._has_folders:
            if f"{path}/" in self.all:
                return True
            path = path.rpartition("/")[0]
        return False


class Group:
    """The external steps of one declaration, made by NEW_STEP of its actions when they are looked at."""

    def __init__(self, packed: Packed, new_step: Callable[[Action], Step]) -> None:
        self.packed = packed
        self.outputs = Outputs(packed.outputs)
        self.sealed: Outputs | None = None  # those that a seal vouches for; None before it was asked
        self._new_step = new_step
        self._steps: list[Step] | None = None

    @property
    def is_open(self) -> bool:
        """Whether the steps were looked at."""
        return self._steps is not None

    @property
    def steps(self) -> list[Step]:
        """The steps, in the order in which they were declared."""
        if self._steps is None:
            self._steps = [self._new_step(action) for action in unpacked(self.packed)]
        return self._steps


class Externals:
    """The external steps of PROJECT."""

    def __init__(self, project: Project) -> None:
        self.groups: list[Group] = []
        self._project = project
        self._seals: Seals | None = None
        self._places: dict[int, int] = {}  # of a step by its identity: in what order they were looked at
        self._makers: dict[str, Step] = {}
        self._filled: set[str] = set()

    def open(self, group: Group) -> list[Step]:
        """The steps of GROUP, which are told apart from now on."""
        if not group.is_open:
            for step in group.steps:
                self._places[id(step)] = len(self._places)
                for output in step.action.outputs:
                    self._makers.setdefault(output.rstrip("/"), step)
                    if output.endswith("/"):
                        self._filled.add(output)
            # Two declarations may need the same step.
            group.steps[:] = [self._makers[step.action.outputs[0]] for step in group.steps]
        return group.steps

    def has_others(self, outputs: Collection[str]) -> bool:
        """Whether one of OUTPUTS is made by another declaration too, external or not."""
        nodes = self._project.producers
        return any(not group.packed.outputs.isdisjoint(outputs) for group in self.groups) or any(
            output.rstrip("/") in nodes for output in outputs
        )

    def maker(self, path: str) -> Step | None:
        """The external step that makes PATH, or fills the folder in which it lies."""
        for group in self.groups:
            if not group.is_open and group.outputs.has(path):
                self.open(group)
        return in_folders(self._makers, path, self._filled)

    def vouches(self, path: str) -> bool:
        """Whether PATH is made by an external step that has no nodes, and need not be looked at."""
        return any(group.sealed is not None and group.sealed.has(path) for group in self.groups)

    def broken(self, action: Action) -> list[Step]:
        """The external steps that ACTION needs, also those that others of them need, and that have to be made."""
        return self._broken([entry.path for entry in action.inputs])

    def seal(self) -> None:
        """Keep for the next run what was found or made intact in this one; without that, it asks each step's record."""
        with suppress(OSError, StepError):
            self._seal()

    def _seal(self) -> None:
        for group in self.groups:
            if not group.is_open or group.sealed is None:
                continue  # nothing of it was asked for
            current = [step.action for step in group.steps if step.current]
            if any(output not in group.sealed.all for action in current for output in action.outputs):
                self._all_seals().put(group.packed.identity, current)

    def _broken(self, paths: Sequence[str]) -> list[Step]:
        reached = self._reached(paths)
        for step in reached:
            if not step.is_judged:  # once: one that is not current may be made just now
                step.is_judged = True
                if not self._waits(step):
                    step.current = self._project.engine.is_current(step.action) or None
        return [step for step in reached if not step.current]

    def _reached(self, paths: Sequence[str]) -> list[Step]:
        """What makes PATHS, and what that needs, without what is sealed; each after those it uses."""
        found: dict[int, Step] = {}
        waiting = [paths]
        while waiting:
            asked = waiting.pop()
            self._ask_seals(asked)
            for path in asked:
                step = in_folders(self._makers, path, self._filled)
                if step is not None and id(step) not in found:
                    found[id(step)] = step
                    waiting.append([entry.path for entry in step.action.inputs])
        return sorted(found.values(), key=lambda step: self._places[id(step)])

    def _ask_seals(self, paths: Sequence[str]) -> None:
        """Look at the steps that make PATHS, unless a seal vouches for all of these."""
        for group in self.groups:
            if group.is_open and group.sealed is not None:
                continue
            made = [path for path in paths if group.outputs.has(path)]
            if not made:
                continue
            if group.sealed is None:
                group.sealed = Outputs(())
                seals = self._all_seals()
                if all(map(self._is_settled, seals.inputs(group.packed.identity))):
                    group.sealed = Outputs(seals.check(group.packed.identity))
            if group.is_open or not all(group.sealed.has(path) for path in made):
                for step in self.open(group):
                    if step.action.outputs[0] in group.sealed.all and not step.waits_for_others():
                        step.is_judged = step.current = True

    def _is_settled(self, path: str) -> bool:
        """Whether PATH is what it will be when this build has ended: no source of a seal is still to be made."""
        if not any(group.outputs.has(path) for group in self.groups):
            return self._project.producer(path) is None
        return self.vouches(path) or not self._broken([path])

    def _all_seals(self) -> Seals:
        if self._seals is None:
            self._seals = Seals(self._project.engine)
        return self._seals

    def _waits(self, step: Step) -> bool:
        """Whether it cannot be known yet what STEP reads, since somebody has to make it before."""
        makers = (self._project.maker(entry.path) for entry in step.action.inputs if not self.vouches(entry.path))
        known = all(maker is None or (maker.action.external and maker.current) for maker in makers)
        return not known or step.waits_for_others()
