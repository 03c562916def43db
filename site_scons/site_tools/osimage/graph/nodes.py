"""Actions as SCons nodes: SCons orders them, our engine decides and runs them.

A step's outputs are one node group. Its nodes are ordinary File nodes except that the records, not SCons' signatures,
say whether they are up to date, and that neither `.sconsign` nor SCons' CacheDir ever sees them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import SCons.Action
import SCons.Builder
import SCons.Errors
import SCons.Node.FS

from ..action import Action
from ..errors import OsimageError
from .project import Project


class Step:
    """An Action among SCons' nodes, with its verdict of this run."""

    __slots__ = ("action", "current", "project")

    def __init__(self, action: Action, project: Project) -> None:
        self.action = action
        self.project = project
        self.current: bool | None = None

    def is_current(self) -> bool:
        """Whether the outputs are those of today's inputs; asked when all inputs are up to date, answered once."""
        if self.current is None:
            try:
                self.current = self.project.engine.is_current(self.action)
            except OsimageError as error:
                raise SCons.Errors.BuildError(errstr=str(error), status=2, exitstatus=2) from error
        return self.current

    def run(self, node: Any) -> None:
        """Make the outputs."""
        from .execute import make

        try:
            make(self.project.engine, self.action)
        except OsimageError as error:
            raise SCons.Errors.BuildError(node=node, errstr=str(error), status=2, exitstatus=2) from error
        self.current = True


class StepFile(SCons.Node.FS.File):  # type: ignore[misc]  # SCons has no types
    """An output of a step."""

    __slots__ = ()

    def is_up_to_date(self) -> bool:
        """Whether the step's record says so."""
        return step_of(self).is_current()

    def changed(self, node: Any = None, allowcache: bool = False) -> bool:
        """Whether SCons should think of it as changed; `scons --debug=explain` and Configure ask."""
        return not step_of(self).is_current()

    def get_csig(self) -> str:
        """The content's digest from the record, for nodes of the SConstruct's own that are made from this one."""
        digest = step_of(self).project.engine.output_digest(self.get_path())
        return digest or str(super().get_csig())

    def prepare(self) -> None:
        """Leave the old output where it is; the step replaces it by a rename."""

    def built(self) -> None:
        """Forget what SCons remembered of the file before it was made."""
        self.clear_memoized_values()
        self.ninfo = self.new_ninfo()  # type: ignore[misc]  # a slot of SCons' class

    def visited(self) -> None:
        """Store nothing in SCons' database."""

    def release_target_info(self) -> None:
        """Nothing is held that could be released."""

    def retrieve_from_cache(self) -> bool:
        """Never from SCons' CacheDir, which restores parts of a group; our store is asked inside the step."""
        return False

    def push_to_cache(self) -> bool:
        """Never to SCons' CacheDir."""
        return False


def step_of(node: Any) -> Step:
    """The step that makes NODE."""
    step: Step = node.attributes.osimage_step
    return step


def builder() -> Any:
    """A SCons Builder for steps: its action runs the step of its first target, its emitter adds what it depends on."""
    action = SCons.Action.Action(_run, strfunction=_line_when_not_run)
    return SCons.Builder.Builder(action=action, source_factory=SCons.Node.FS.get_default_fs().File)


def add_steps(env: Any, kind: str, actions: Sequence[Action], project: Project) -> None:
    """Make nodes for ACTIONS, in the order given, with the Builder that env["BUILDERS"] has for KIND."""
    make = env["BUILDERS"][kind]
    for action in actions:
        if action.outputs[0] in project.producers:
            continue  # two declarations that need the same step, such as one spec for two kernels
        sources = [project.producers[entry.path] for entry in action.inputs if entry.path in project.producers]
        targets = [env.fs.File(output, env.fs.Top) for output in action.outputs]
        step = Step(action, project)
        for node in targets:
            node.__class__ = StepFile
            node.attributes.osimage_step = step
            node.nocache = True
            node.set_precious(True)
        make(env, target=targets, source=sources)
        project.producers.update(zip(action.outputs, targets, strict=True))


def _run(target: Sequence[Any], source: Sequence[Any], env: Any) -> None:
    step_of(target[0]).run(target[0])


def _line_when_not_run(target: Sequence[Any], source: Sequence[Any], env: Any) -> str | None:
    """What `scons -n` prints; when the step does run, the engine says it itself."""
    action = step_of(target[0]).action
    return None if SCons.Action.execute_actions else f"[{action.step.upper()}] {action.label}"
