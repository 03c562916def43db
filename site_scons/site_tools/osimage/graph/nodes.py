"""Actions as SCons nodes: SCons orders them, our engine decides and runs them.

A step's outputs are one node group. Its nodes are ordinary File nodes except that the records, not SCons' signatures,
say whether they are up to date, and that neither `.sconsign` nor SCons' CacheDir ever sees them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import SCons.Action
import SCons.Builder
import SCons.Errors
import SCons.Node.FS
import SCons.Script

from ..action import Action, metadata_of, output_files, output_folders
from ..errors import DeclarationError, OsimageError
from .order import Waiting, awaited
from .project import Project
from .way import obstacle

if TYPE_CHECKING:
    from .making import Making


class Step:
    """An Action of this run with its verdict; its nodes, where it has some, come from ENV's Builder for KIND."""

    __slots__ = ("_env", "_kind", "_making", "_needed", "action", "current", "is_judged", "leads", "project")

    def __init__(self, env: Any, kind: str, action: Action, project: Project) -> None:
        self._env = env
        self._kind = kind
        self._making: Making | None = None  # where it hands out metadata before it ends
        self._needed: list[Any] | None = None
        self.action = action
        self.project = project
        self.current: bool | None = None
        self.is_judged = False  # whether it was asked, without nodes, if it is current
        self.leads: Sequence[Any] = ()  # the nodes that the declaration returned, on which a person may put more

    def add_nodes(self) -> None:
        """Make the nodes; metadata comes before what its step makes later.

        Raises:
            DeclarationError: an output has the place of another, or of something that is not ours.
        """
        env, action, project = self._env, self.action, self.project
        sources = [node for entry in action.inputs if (node := project.producer(entry.path)) is not None]
        targets = _outputs(env, action, project)
        for node in targets:
            node.__class__ = StepFile
            node.attributes.osimage_step = self
            node.waiting_parents = Waiting(node.waiting_parents)
            node.nocache = True
            node.set_precious(True)
        project.producers.update(zip(output_files(action), targets, strict=True))
        metadata = self._metadata()
        groups = [targets] if metadata is None else [[metadata], [node for node in targets if node is not metadata]]
        for group in groups:
            env["BUILDERS"][self._kind](env, target=group, source=sources)
            sources = group
        _add_folders(env, action, project, targets[0])

    def waits_for_others(self) -> bool:
        """Whether the SConstruct makes something, or wants it made, before this step."""
        own = any(node.depends or node.always_build for node in self.nodes())
        return own or bool(self.made_by_others(self._env.fs.Top))

    def nodes(self) -> list[Any]:
        """Those of its outputs that have one."""
        producers = self.project.producers
        return [producers[output] for output in self.action.outputs if output in producers]

    def needed_nodes(self) -> list[Any]:
        """The nodes of external steps that it reads from and that have to be made, which get nodes now."""
        if self._needed is None:  # each of its outputs asks
            self._needed = self._find_needed()
        return self._needed

    def _find_needed(self) -> list[Any]:
        if SCons.Script.GetOption("clean") or not self.project.externals.groups:
            return []
        self.project.start()
        try:
            for step in self.project.externals.broken(self.action):
                if step.action.outputs[0] not in self.project.producers:
                    step.add_nodes()
        except Exception as error:
            raise self._told(error, None) from error
        found = (self.project.producer(entry.path) for entry in self.action.inputs)
        return [node for node in dict.fromkeys(found) if node is not None]

    def made_by_others(self, top: Any) -> list[Any]:
        """What of its inputs the SConstruct makes by means of its own, as far as it is known before the step runs."""
        files = [entry.path for entry in self.action.inputs if entry.kind == "file"]
        if self.action.local and not SCons.Script.GetOption("clean"):
            self.project.start()
            files += self.project.engine.known_reads(self.action)
        project = self.project
        files = [file for file in files if file not in project.producers and not project.externals.vouches(file)]
        found = [known_node(top, file) for file in files]
        return [node for node in found if node is not None and node.has_builder()]

    def is_current(self) -> bool:
        """Whether the outputs are those of today's inputs; asked when all inputs are up to date, answered once."""
        if self.current is None:
            self.project.start()
            try:
                self.current = self.project.engine.is_current(self.action)
            except Exception as error:
                raise self._told(error, None) from error
        return self.current

    def run(self, node: Any) -> None:
        """Make NODE and what belongs to it, or as much as others wait for."""
        from .execute import make
        from .making import Making

        engine, urgency = self.project.engine, partial(awaited, node)
        try:
            if self._making is not None:
                self._making.join()
            elif node is self._metadata() and engine.pipeline.pays:
                self._making = making = Making(engine, self.action, urgency, self._is_awaited)
                engine.pipeline.begin(making, lambda: make(engine, self.action, making))
                if making.handed_out:
                    return
                making.join()
            else:
                make(engine, self.action, Making(engine, self.action, urgency))
        except Exception as error:
            raise self._told(error, node) from error
        self.current = True

    def has_begun(self) -> bool:
        """Whether some of it is made, or will be without more ado."""
        return bool(self.current) or self._making is not None

    def _metadata(self) -> Any:
        """The node of its metadata, where others may begin with that before it ends."""
        return self.project.producers.get(metadata_of(self.action) or "")

    def _is_awaited(self) -> bool:
        """Whether something waits for its metadata alone, and something else lets SCons come for the rest."""
        metadata = self._metadata()
        rest = {node for node in self.nodes() if node is not metadata}
        for_rest = set().union(*(node.waiting_parents for node in rest))
        return bool(for_rest) and bool(set(metadata.waiting_parents) - for_rest - rest)

    def _told(self, error: Exception, node: Any) -> SCons.Errors.BuildError:
        """ERROR as SCons tells it of NODE: in one line where it is the person's or the machine's."""
        if isinstance(error, OsimageError):
            words = str(error)
        elif isinstance(error, OSError):
            from . import disk

            words = f"{self.action.label}: {disk.words(error, self.project.build)}"
        else:
            from . import bug

            words = bug.words(error)
        return SCons.Errors.BuildError(node=node, errstr=words, status=2, exitstatus=2)


class StepFile(SCons.Node.FS.File):  # type: ignore[misc]  # SCons has no types
    """An output of a step."""

    __slots__ = ()

    def is_up_to_date(self) -> bool:
        """Whether the step's record says so; under `scons -n` not either where a source would have been made anew."""
        if not SCons.Action.execute_actions and any(
            child.get_state() == SCons.Node.executed for child in self.children()
        ):
            return False
        return step_of(self).is_current()

    def changed(self, node: Any = None, allowcache: bool = False) -> bool:
        """Whether SCons should think of it as changed; `scons --debug=explain` and Configure ask."""
        return not step_of(self).is_current()

    def explain(self) -> str | None:
        """What `scons --debug=explain` says before the step runs."""
        step = step_of(self)
        return None if step.has_begun() else f"rebuilding `{self}' because {step.project.engine.why(step.action)}\n"

    def get_csig(self) -> str:
        """The content's digest from the record, for nodes of the SConstruct's own that are made from this one."""
        digest = step_of(self).project.engine.output_digest(self.get_path())
        if digest:
            self.get_ninfo().csig = digest  # what SCons compares with the next time
        return digest or str(super().get_csig())

    def scan(self) -> None:
        """Depend on what others make of the inputs, and on what was put before the declaration by `env.Depends`."""
        if self.implicit is None:
            self.implicit: list[Any] = []
            self.implicit_set: set[Any] = set()
            self._children_reset()
            step = step_of(self)
            self.add_to_implicit(step.needed_nodes())
            self.add_to_implicit(step.made_by_others(self.fs.Top))
            for other in (*step.leads, *step.nodes()):
                self.add_to_implicit(node for node in other.depends if node is not self)

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


def known_node(top: Any, path: str) -> Any:
    """The node for PATH, relative to the folder TOP, where SCons has one already."""
    node = top
    for part in path.split("/"):
        node = getattr(node, "entries", {}).get(part)
    return node


def _outputs(env: Any, action: Action, project: Project) -> list[Any]:
    """The nodes of ACTION's outputs."""
    # SCons raises a TypeError for what is in the way on the disk, also for old outputs of ours.
    checker = SCons.Node.FS.diskcheck_match
    checking = checker.func
    checker.enable([])
    try:
        nodes = [env.fs.File(output, env.fs.Top) for output in output_files(action)]
    except TypeError:
        names = ", ".join(action.outputs)
        fault = f"it would make {names}, where another declaration has a file in the place of a folder. Rename one."
        raise DeclarationError(action.where, fault) from None
    finally:
        checker.func = checking
    found = [obstacle(output, project.engine.records.outputs) for output in action.outputs]
    faults = tuple(dict.fromkeys(filter(None, found)))
    if faults:
        raise DeclarationError(action.where, faults)
    return nodes


def _add_folders(env: Any, action: Action, project: Project, lead: Any) -> None:
    """Let the folders that ACTION fills be known by LEAD, the first node of its files.

    Raises:
        DeclarationError: another step makes something in one.
    """
    for folder in output_folders(action):
        inside = next((path for path in project.producers if path.startswith(folder)), None)
        if inside is not None:
            maker = step_of(project.producers[inside]).action.where
            raise DeclarationError(action.where, f"it would empty {folder}, in which {maker} makes {inside}.")
        project.filled.add(folder)
        project.producers[folder.rstrip("/")] = lead
        if SCons.Script.GetOption("clean"):
            env.Clean(lead, env.fs.Entry(folder.rstrip("/"), env.fs.Top))


def _run(target: Sequence[Any], source: Sequence[Any], env: Any) -> None:
    step_of(target[0]).run(target[0])


def _line_when_not_run(target: Sequence[Any], source: Sequence[Any], env: Any) -> str | None:
    """What `scons -n` prints; when the step does run, the engine says it itself."""
    action = step_of(target[0]).action
    is_first = metadata_of(action) in (None, target[0].get_path())
    return f"[{action.step.upper()}] {action.label}" if is_first and not SCons.Action.execute_actions else None
