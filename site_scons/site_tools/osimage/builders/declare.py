"""From a call in an SConstruct to nodes: take the call, remember its line, plan it or load its plan."""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import SCons.Script

from ..action import Plan
from ..errors import DeclarationError, OsimageError, Where, did_you_mean
from ..graph.nodes import add_steps
from ..graph.plans import Entry, key_of
from ..graph.project import Declared, Project

_NOT_A_PERSONS = (os.path.dirname(os.path.dirname(__file__)), os.path.dirname(os.path.dirname(SCons.Script.__file__)))
KINDS = ("TargetSpec", "Sysroot", "Kernel", "Bootloader", "DiskImage")


class Planned(NamedTuple):
    """What a stage made of a declaration: its plan, its result for what builds on it, and what the call returns."""

    plan: Plan
    result: Any
    returns: tuple[str, ...]


# Plans a declaration: from the project, the results of what it builds on and the line it stands in.
Planner = Callable[[Project, dict[str, Any], Where], Planned]


def project_of(env: Any) -> Project:
    """The project of ENV, made by the first call."""
    top = env.fs.Top
    try:
        project: Project = top.attributes.osimage_project
    except AttributeError:
        from pathlib import Path

        build = env.fs.Dir(env.subst("$BUILD_DIR"), top).get_path()
        project = top.attributes.osimage_project = Project(Path(top.get_abspath()), build, SCons.Script.ARGUMENTS)
    return project


def method(function: Callable[..., Any]) -> Callable[..., Any]:
    """FUNCTION, a builder's method with explicit keywords, with wrong calls kept as faults of the SConstruct's line."""
    code = function.__code__
    names = code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]
    positional = code.co_argcount - 1
    required = names[: positional - len(function.__defaults__ or ())]
    needed = (*required, *(n for n in names[positional:] if n not in (function.__kwdefaults__ or {})))

    def call(env: Any, *args: Any, **keywords: Any) -> Any:
        shown = repr(args[0]) if args and isinstance(args[0], str) else ""
        where = caller(f"env.{function.__name__}({shown.replace(chr(39), chr(34))})")
        faults = [f"it has no argument '{word}'.{did_you_mean(word, names)}" for word in keywords if word not in names]
        if len(args) > positional:
            faults.append(f"it takes {positional} arguments without a name, not {len(args)}.")
        given = {*names[: len(args)], *keywords}
        faults += [f"it needs the argument '{name}'." for name in needed if name not in given]
        if faults:
            project_of(env).fault(where, DeclarationError(where, faults))
            return nothing(env, function.__name__, str(args[0]) if args else "")
        try:
            return function(env, *args, **keywords)
        except OsimageError as error:
            project_of(env).fault(where, error)
            return nothing(env, function.__name__, str(args[0]) if args else "")

    call.__doc__ = function.__doc__
    call.__name__ = function.__name__
    return call


def caller(call: str) -> Where:
    """Where CALL stands: the nearest frame outside this package and SCons, relative to the working directory."""
    frame: Any = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_NOT_A_PERSONS):
        frame = frame.f_back
    if frame is None:
        return Where("", 0, call)
    return Where(os.path.relpath(frame.f_code.co_filename), frame.f_lineno, call)


def declare(
    env: Any, kind: str, name: str, args: tuple[object, ...], upstream: dict[str, Any], planner: Planner, where: Where
) -> Any:
    """The NodeList of a declaration: by its stored plan, or by PLANNER.

    ARGS is everything the call says, as texts, numbers and tuples; UPSTREAM is what it builds on, by argument name.
    """
    project = project_of(env)
    entry = entry_of(project, kind, name, args, upstream, planner, where)
    if entry is None:
        return nothing(env, kind, name)
    add_steps(env, kind, entry.actions, project)
    nodes = _node_list(project.producers[output] for output in entry.returns)
    for node in nodes:
        node.attributes.osimage = Declared(kind, name, entry)
    if not any(str(node) == name for node in nodes):
        env.Alias(name, nodes)
    return nodes


def entry_of(
    project: Project,
    kind: str,
    name: str,
    args: tuple[object, ...],
    upstream: dict[str, Declared],
    planner: Planner,
    where: Where,
) -> Entry | None:
    """The plan of a declaration, stored or made now; None where what it builds on has a fault, which is told already.

    Raises:
        OsimageError: what is wrong with the declaration.
    """
    project.claim(kind, name, where)
    keys = [(argument, declared.entry.key) for argument, declared in upstream.items() if declared.entry is not None]
    if len(keys) < len(upstream):
        return None
    key = key_of(kind, name, args, tuple(keys), tuple(where), project.base_key())
    entry = project.plans.get(f"{kind} {name}", key, project.engine.today.consulted)
    if entry is None:
        results = {
            argument: pickle.loads(declared.entry.result) for argument, declared in upstream.items() if declared.entry
        }
        plan, result, returns = planner(project, results, where)
        consulted = tuple((path, project.engine.today.consulted(path)) for path in plan.consulted)
        entry = Entry(key, consulted, plan.actions, plan.links, plan.notes, returns, pickle.dumps(result))
        project.plans.put(f"{kind} {name}", entry)
        project.notes += plan.notes
    project.links.update(entry.links)
    return entry


def upstream_of(where: Where, argument: str, kind: str, value: Any) -> Declared:
    """What VALUE, given as ARGUMENT, declares.

    Raises:
        DeclarationError: it is not what env.KIND returned.
    """
    first = value[0] if isinstance(value, Sequence) and not isinstance(value, str) and value else value
    declared = getattr(getattr(first, "attributes", None), "osimage", None)
    if not isinstance(declared, Declared) or declared.kind != kind:
        is_now = f"what env.{declared.kind} returned" if isinstance(declared, Declared) else repr(str(value))
        raise DeclarationError(where, f"{argument}= wants what env.{kind} returned, not {is_now}.")
    return declared


def nothing(env: Any, kind: str, name: str) -> Any:
    """The NodeList of a declaration that has a fault: a file that nothing makes, so that the SConstruct goes on."""
    project = project_of(env)
    node = env.fs.File(f"{project.build}/{name or kind}", env.fs.Top)
    node.attributes.osimage = Declared(kind, name, None)
    return _node_list([node])


def _node_list(nodes: Any) -> Any:
    from SCons.Util import NodeList

    return NodeList(nodes)
