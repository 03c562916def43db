"""`env.TargetSpec`: the machine a kernel is compiled for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..errors import DeclarationError, Where
from ..graph.project import Project
from .arguments import output_name, text
from .declare import Planned, caller, declare, method, project_of


@method
def TargetSpec(
    env: Any,
    name: str,
    source: str | None = None,
    *,
    base: str | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Any:
    """Declare a target spec, `build/NAME`; NAME ends in `.json`, and its stem is the target's name.

    It is generated from the compiler in use: its built-in target BASE (default `x86_64-unknown-none`) with what a
    kernel needs (no OS, panic by abort, no red zone, software floats, `rust-lld`, no position independence), and then
    OVERRIDES, a dictionary in the terms of rustc's target specification.

    SOURCE is an existing specification, relative to the SConstruct; a file called NAME beside the SConstruct is taken
    by itself. It is migrated for the compiler in use, each change told in one line; the file stays as it is.

    Returns the JSON file's node.
    """
    where = caller(f'env.TargetSpec("{name}")')
    name = output_name(where, name)
    if not name.endswith(".json"):
        raise DeclarationError(where, f"'{name}' does not end in .json, by which rustc knows a target specification.")
    project = project_of(env)
    if source is None and base is None and (project.root / name).is_file():
        source = name
    if source is not None and base is not None:
        raise DeclarationError(where, "source= and base= exclude each other: a specification has one origin.")
    source = env.File(text(where, "source", source)).get_path() if source is not None else None
    base = text(where, "base", base) if base is not None else None
    if overrides is not None and not isinstance(overrides, Mapping):
        raise DeclarationError(where, f"overrides= wants a dictionary, not {overrides!r}.")
    try:
        wanted = json.dumps(dict(overrides or {}), sort_keys=True)
    except (TypeError, ValueError) as error:
        raise DeclarationError(where, f"overrides= holds what JSON cannot: {error}.") from error

    def plan(project: Project, upstream: dict[str, Any], where: Where) -> Planned:
        from ..target import spec as stage

        declaration = stage.TargetSpec(name.removesuffix(".json"), base, source, json.loads(wanted), where)
        plan, target = stage.plan(declaration, project.rustc, project.root, project.build)
        return Planned(plan, target, (target.path,))

    return declare(env, "TargetSpec", name, (base, source, wanted), {}, plan, where)
