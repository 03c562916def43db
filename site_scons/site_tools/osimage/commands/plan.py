"""`scons plan`: the Actions as JSON, for people and for programs."""

from __future__ import annotations

import json
from typing import Any

from ..action import Action
from ..graph.project import Project


def print_plan(project: Project) -> None:
    """Print every step, in the order in which it was declared, as one JSON array."""
    print(json.dumps([as_json(action) for action in project.actions()], indent=2, ensure_ascii=False))


def as_json(action: Action) -> dict[str, Any]:
    """ACTION in plain terms; empty parts are left out."""
    plain: dict[str, Any] = {
        "step": action.step,
        "label": action.label,
        "argv": list(action.argv),
        "env": dict(action.env),
        "env_from": list(action.env_from),
        "inputs": [{"path": entry.path, "kind": entry.kind} for entry in action.inputs],
        "outputs": list(action.outputs),
        "dep_info": action.dep_info,
        "link_info": action.link_info,
        "toolchain": action.toolchain,
        "shared": action.shared,
        "external": action.external,
        "reads_outside": action.reads_outside,
        "where": str(action.where),
    }
    return {name: value for name, value in plain.items() if value not in (None, [], {}, ())}
