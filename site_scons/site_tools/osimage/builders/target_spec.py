"""`env.TargetSpec`: the machine a kernel is compiled for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..errors import Where
from ..graph.project import Project
from .call import Call
from .declare import Declaration, Planned, declare, method


@method
def TargetSpec(
    call: Call,
    name: str,
    source: str | None = None,
    *,
    base: str | None = None,
    overrides: Mapping[str, Any] | None = None,
    freestanding: bool = True,
) -> Any:
    """Declare a target spec, `build/NAME`; NAME ends in `.json`, and its stem is the target's name.

    It is generated from the compiler in use: its built-in target BASE (default `x86_64-unknown-none`) with what a
    kernel needs (no OS, panic by abort, no red zone, software floats, `rust-lld`, no position independence), and then
    OVERRIDES, a dictionary in the terms of rustc's target specification. FREESTANDING=False leaves BASE as it is.

    SOURCE is an existing specification, relative to the SConstruct; a file called NAME beside the SConstruct is taken
    by itself. It is migrated for the compiler in use, each change told in one line; the file stays as it is.

    Returns the JSON file's node.
    """
    name = call.name(name)
    if name and not name.endswith(".json"):
        call.faults.append(f"'{name}' does not end in .json, by which rustc knows a target specification.")
    if source is None and base is None and (call.project.root / name).is_file():
        source = name
    if source is not None and base is not None:
        call.faults.append("source= and base= exclude each other: a specification has one origin.")
    source = call.path("source", source) if source is not None else None
    base = call.text("base", base) if base is not None else None
    freestanding = call.switch("freestanding", freestanding)
    wanted = _as_json(call, overrides if overrides is not None else {})
    call.stop()

    def plan(project: Project, upstream: dict[str, Any], where: Where) -> Planned:
        from ..target import spec as stage

        stem = name.removesuffix(".json")
        declaration = stage.TargetSpec(stem, base, source, json.loads(wanted), where, freestanding)
        plan, target = stage.plan(declaration, project.rustc, project.root, project.build)
        return Planned(plan, target, (target.path,))

    return declare(call, Declaration("TargetSpec", name, (base, source, wanted, freestanding), {}, plan))


def _as_json(call: Call, overrides: Any) -> str:
    """OVERRIDES as a text that says the same."""
    if not isinstance(overrides, Mapping):
        call.faults.append(f"overrides= wants a dictionary, not {overrides!r:.40}.")
        return ""
    try:
        return json.dumps(dict(overrides), sort_keys=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        words = f"{str(error)[:1].lower()}{str(error)[1:]}"
        call.faults.append(f"overrides= holds what JSON cannot say: {words}.")
        return ""
