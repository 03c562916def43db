"""From a call in an SConstruct to nodes: take the call, remember its line, plan it or load its plan."""

from __future__ import annotations

import os
import pickle
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import SCons.Errors
import SCons.Node.FS
import SCons.Script

from ..action import Plan
from ..errors import DeclarationError, OsimageError, Where
from ..graph.declared import add_steps
from ..graph.help import add_verbs_of
from ..graph.nodes import step_of
from ..graph.plans import Entry, key_of, with_packed
from ..graph.project import Declared, Project, project_in
from ..graph.state import STATE
from .call import Call
from .signature import Signature

_NOT_A_PERSONS = (os.path.dirname(os.path.dirname(__file__)), os.path.dirname(os.path.dirname(SCons.Script.__file__)))
KINDS = ("TargetSpec", "Sysroot", "Kernel", "CargoTests", "Bootloader", "DiskImage")


class Planned(NamedTuple):
    """What a stage made of a declaration: its plan, its result for what builds on it, and what the call returns."""

    plan: Plan
    result: Any
    returns: tuple[str, ...]


# Plans a declaration: from the project, the results of what it builds on and the line it stands in.
Planner = Callable[[Project, dict[str, Any], Where], Planned]
# Raises what is wrong with a declaration whatever it builds on; asked where that has a fault.
Check = Callable[[], None]


class Declaration(NamedTuple):
    """What a call declares: ARGS is everything it says, as texts, numbers and tuples; UPSTREAM is what it builds on, by
    argument name.
    """

    kind: str
    name: str
    args: tuple[object, ...]
    upstream: dict[str, Declared]
    planner: Planner
    check: Check | None = None


def project_of(env: Any) -> Project:
    """The project of ENV, made by the first call."""
    try:
        return project_in(env)
    except AttributeError:
        from pathlib import Path

        top = env.fs.Top
        build, fault = build_folder(env)
        project = top.attributes.osimage_project = Project(Path(top.get_abspath()), build, SCons.Script.ARGUMENTS)
        project.unusable = bool(fault)
        if fault:
            project.faults.append(f"{caller('Environment(…)')}: {fault}")
    return project


def build_folder(env: Any) -> tuple[str, str]:
    """The build folder of ENV relative to the project, and what is wrong with it; then the folder is none of anybody's.

    It has to lie below the project, since no step may have an absolute path in it.
    """
    top = env.fs.Top.get_abspath()
    said = str(env.subst("$BUILD_DIR"))
    path = os.path.normpath(os.path.join(top, said.removeprefix("#").lstrip("/") if said[:1] == "#" else said))
    build = os.path.relpath(path, top)
    advice = 'Environment(tools=["osimage"], BUILD_DIR="#out").'
    if build == "." or build.split("/")[0] == "..":
        lies = "is the project itself" if build == "." else "lies outside the project"
        return STATE, f"BUILD_DIR is '{said}', which {lies}. Name a folder below it: {advice}"
    if os.path.lexists(path) and not os.path.isdir(path):
        return STATE, f"BUILD_DIR is '{said}', but {build} is no folder. Move it away, or name another: {advice}"
    return build, ""


def method(function: Callable[..., Any]) -> Callable[..., Any]:
    """FUNCTION, a builder's method with explicit keywords, with wrong calls kept as faults of the SConstruct's line."""
    signature = Signature.of(function)
    kind = signature.kind

    def run(env: Any, *args: Any, **keywords: Any) -> Any:
        project = project_of(env)
        where = project.speaker or caller(signature.spoken(args, keywords))
        faults = [*signature.faults(args, keywords), *_other_folder(env, project)]
        try:
            if faults:
                raise DeclarationError(where, faults)
            if not project.unusable:
                return function(Call(env, where, project), *args, **keywords)
        except OsimageError as error:
            project.fault(where, error)
        except SCons.Errors.UserError as error:
            project.fault(where, DeclarationError(where, " ".join(str(error).split())))
        except OSError as error:
            name = os.path.relpath(error.filename, project.root) if isinstance(error.filename, str) else "a file"
            project.fault(where, DeclarationError(where, f"{name} cannot be read: {error.strerror or error}."))
        except Exception as error:
            from ..graph import bug

            project.fault(where, DeclarationError(where, bug.words(error)))
        return nothing(env, kind, signature.given(args, keywords).get("name"))

    run.__doc__ = function.__doc__
    run.__name__ = kind
    return run


def _other_folder(env: Any, project: Project) -> Iterator[str]:
    """What is wrong where ENV names another build folder than the first environment did; told once."""
    if build_folder(env)[0] != project.build and not project.elsewhere:
        project.elsewhere = True
        yield (
            f"BUILD_DIR is '{env.subst('$BUILD_DIR')}' here, but all of a project goes to one folder, which is "
            f'{project.build}/ already. Name it once: Environment(tools=["osimage"], BUILD_DIR=…).'
        )


def caller(call: str) -> Where:
    """Where CALL stands: the nearest frame outside this package and SCons, relative to the project."""
    frame: Any = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_NOT_A_PERSONS):
        frame = frame.f_back
    if frame is None:
        return Where("", 0, call)
    top = SCons.Node.FS.get_default_fs().Top.get_abspath()  # the working directory may be a SConscript's
    return Where(os.path.relpath(os.path.join(top, frame.f_code.co_filename), top), frame.f_lineno, call)


def declare(call: Call, declaration: Declaration) -> Any:
    """The NodeList of DECLARATION: by its stored plan, or by its planner."""
    env, project = call.env, call.project
    kind, name = declaration.kind, declaration.name
    entry = entry_of(call, declaration)
    if entry is None:
        return nothing(env, kind, name)
    add_steps(env, kind, entry, project)
    nodes = _node_list(project.producers[output] for output in entry.returns)
    for node in nodes:
        node.attributes.osimage = Declared(kind, name, entry)
    for action in entry.actions:
        if action.local:
            step_of(project.producers[action.outputs[0]]).leads = nodes
    if not any(str(node) == name for node in nodes):
        env.Alias(name, nodes)
    return nodes


def entry_of(call: Call, declaration: Declaration) -> Entry | None:
    """The plan of DECLARATION, stored or made now; None where what it builds on has a fault, which is told already.

    Raises:
        OsimageError: what is wrong with the declaration.
    """
    project, where = call.project, call.where
    kind, name, args, upstream, planner, check = declaration
    project.claim(kind, name, where)
    entries = {argument: declared.entry for argument, declared in upstream.items() if declared.entry is not None}
    if len(entries) < len(upstream):
        if check is not None:
            check()
        return None
    # Equal calls on a changed file come to something else, so what was consulted counts too.
    keys = tuple((argument, entry.key, entry.consulted) for argument, entry in entries.items())
    key = key_of(kind, name, args, keys, tuple(where), project.base_key())
    today = project.engine.today
    entry = project.plans.get(f"{kind} {name}", key, today.consulted)
    if entry is None:
        began_ns = time.time_ns()
        results = {argument: pickle.loads(entry.result) for argument, entry in entries.items()}
        plan, result, returns = planner(project, results, where)
        consulted = tuple((path, today.consulted(path)) for path in plan.consulted)
        entry = Entry(key, consulted, plan.actions, plan.links, plan.notes, returns, pickle.dumps(result))
        entry = with_packed(entry)
        if not any(today.was_written_since(path, began_ns) for path in plan.consulted):
            project.plans.put(f"{kind} {name}", entry)
        project.notes += plan.notes
    for link, folder in entry.links:
        if project.links.setdefault(link, folder) != folder:
            fault = f"{folder} and {project.links[link]} are both called {link}. Give one another name or version."
            raise DeclarationError(where, fault)
    return entry


def nothing(env: Any, kind: str, name: Any) -> Any:
    """The NodeList of a declaration that has a fault: a file that nothing makes, so that the SConstruct goes on."""
    project = project_of(env)
    add_verbs_of(project, kind, name)
    node = env.fs.File(f"{project.build}/{STATE}-none/{kind}", env.fs.Top)  # build/NAME may be a folder
    node.attributes.osimage = Declared(kind, str(name), None)
    return _node_list([node])


def _node_list(nodes: Any) -> Any:
    from SCons.Util import NodeList

    return NodeList(nodes)
