"""From a plan to SCons nodes: what a declaration comes to joins the graph, once, and in nobody's place."""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from typing import Any

import SCons.Script

from ..errors import DeclarationError
from .external import Group
from .nodes import Step, known_node
from .plans import Entry
from .project import Project


def add_steps(env: Any, kind: str, entry: Entry, project: Project) -> None:
    """Add the steps of ENTRY with nodes from the Builder that env["BUILDERS"] has for KIND.

    External ones get nodes here only where a person may want them: returned to the SConstruct, named on the command
    line, or to be cleaned. The others get theirs when something needs them and they are not intact.

    Raises:
        DeclarationError: an output has the place of another, or of something that is not ours.
    """
    if entry.externals.data:
        _add_group(env, kind, entry, project)
    for action in entry.actions:
        step = Step(env, kind, action, project)
        if _is_there(step, project):
            continue  # two declarations that need the same step, such as one spec for two kernels
        project.steps.append(step)
        step.add_nodes()


def _add_group(env: Any, kind: str, entry: Entry, project: Project) -> None:
    """Add the external steps of ENTRY."""
    group = Group(entry.externals, lambda action: Step(env, kind, action, project))
    outputs = group.packed.outputs
    named = {posixpath.basename(name.rstrip("/")) for name in SCons.Script.COMMAND_LINE_TARGETS}
    wanted = outputs.intersection(entry.returns)
    wanted |= {path for path in outputs if posixpath.basename(path.rstrip("/")) in named} if named else set()
    cleaning = SCons.Script.GetOption("clean")
    if cleaning or wanted or project.externals.has_others(outputs):
        for step in project.externals.open(group):
            is_there = _is_there(step, project)
            if (cleaning or not wanted.isdisjoint(step.action.outputs)) and not is_there:
                step.add_nodes()
    if not project.externals.groups:
        _when_all_is_read(lambda: _give_nodes_to_named(env.fs.Top, project))
    project.externals.groups.append(group)
    project.steps.append(group)


def _when_all_is_read(function: Callable[[], None]) -> None:
    """Call FUNCTION once every SConscript is read, before SCons looks at the first node."""
    from SCons.Script import Main

    build_targets = Main._build_targets

    def then(*args: Any) -> Any:
        function()
        return build_targets(*args)

    Main._build_targets = then


def _give_nodes_to_named(top: Any, project: Project) -> None:
    """Give nodes to the external steps whose outputs the SConstruct names: SCons has some, but nobody makes them."""
    for group in project.externals.groups:
        named = [path for path in group.packed.outputs if known_node(top, path.rstrip("/")) is not None]
        for step in project.externals.open(group) if any(path not in project.producers for path in named) else ():
            if step.action.outputs[0] not in project.producers and not {*named}.isdisjoint(step.action.outputs):
                step.add_nodes()


def _is_there(step: Step, project: Project) -> bool:
    """Whether another declaration has the same step as STEP."""
    action = step.action
    found = [(output, project.maker(output.rstrip("/"))) for output in action.outputs]
    makers = [(output, other.action) for output, other in found if other is not None and other is not step]
    if makers and makers[0][1]._replace(where=action.where) != action:
        output, maker = makers[0]
        raise DeclarationError(
            action.where, f"it would make {output}, which {maker.where} makes already. Give one another name."
        )
    return bool(makers)
