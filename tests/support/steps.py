"""Steps made of shell commands, for tests that want a graph without a compiler."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from osimage.action import Action, Input, InputKind
from osimage.cache.store import DiskStore
from osimage.errors import Where
from osimage.graph.engine import Engine, Machine
from osimage.graph.execute import make
from osimage.toolchain.programs import Programs

HERE = Where("SConstruct", 1, "here")
GIB = 1 << 30


def step(script: str, outputs: Sequence[str], inputs: Sequence[str] = (), **more: Any) -> Action:
    """The step that runs SCRIPT, in which {out} and {root} are as in any step's arguments.

    An input that ends in `/` is a tree, one that ends in `/*` a package.
    """
    return Action("test", f"step {outputs[0]}", ("sh", "-euc", script), tuple(map(_input, inputs)), tuple(outputs), "id",
                  HERE, **more)  # fmt: skip


def _input(name: str) -> Input:
    kind: InputKind = "package" if name.endswith("/*") else "tree" if name.endswith("/") else "file"
    return Input(name.removesuffix("*").rstrip("/") or ".", kind)


def engine(root: Path, store: Path | None = None) -> Engine:
    """The engine of the project in ROOT, which must be the working directory."""
    programs = Programs({"sh": "/bin/sh"}, "/usr/bin:/bin", {})
    kept = DiskStore(store, GIB) if store is not None else None
    return Engine(root, "build", lambda: Machine(programs, "/none", kept, False, False), {})


def build(root: Path, *actions: Action, store: Path | None = None) -> list[str]:
    """Bring ACTIONS up to date in their order, as a run of scons would, and return the outputs of those that were not."""
    here = engine(root, store)
    try:
        made = []
        for action in actions:
            if not here.is_current(action):
                made.append(action.outputs[0])
                make(here, action)
        return made
    finally:
        here.close()
