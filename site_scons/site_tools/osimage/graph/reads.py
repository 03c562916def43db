"""What a step really read, by its own words, and whether what it made is the same elsewhere."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..action import CARGO, ROOT, Action, is_python_step, output_files
from ..cache.readset import ReadSet
from ..errors import StepError
from . import depinfo, folders
from .keys import NOTHING_READ, OUTSIDE, is_narrowed
from .process import variables_from
from .record import OutputFolder, Record

if TYPE_CHECKING:
    from .engine import Engine


def what_was_read(engine: Engine, action: Action, scratch: str, filled: Mapping[str, OutputFolder]) -> ReadSet | None:
    """What ACTION's compiler and linker say they read; None for a step whose declared inputs are all there is.

    SCRATCH, relative to the project, has the files that it wrote; FILLED are its folders.

    Raises:
        StepError: it read something that no input declares.
    """
    # rustc names crates given by --extern absolutely.
    places = [(os.path.realpath(engine.build), engine.build), (str(engine.root), "")]
    info = _compiled(action, scratch, places)
    files, undeclared = depinfo.split(
        (*info.files, *_linked(action, scratch, places)),
        action, str(engine.root), engine.build, engine.machine.toolchain_folder,
    )  # fmt: skip
    if undeclared:
        raise StepError(_undeclared_words(action, undeclared))
    if not is_narrowed(action):
        if files:
            raise StepError(f"{action.label} reads {', '.join(files)}, which is no input of it.")
        return None
    own = dict(action.env) | dict(variables_from(action, engine.root))
    placed = any(word in own.get(name, "") for name in info.env for word in (ROOT, CARGO))  # a path of this machine
    rooted = placed or _holds_root(engine, action, scratch, filled)
    everything = info.everything or (action.dep_info is None and any(e.kind == "package" for e in action.inputs))
    return ReadSet(files, tuple(name for name in info.env if name not in own), rooted, everything)


def _compiled(action: Action, scratch: str, places: Sequence[tuple[str, str]]) -> depinfo.DepInfo:
    """What ACTION's dep-info says, which is an output too: from here on it names its outputs by their places."""
    if action.dep_info is None:
        return depinfo.DepInfo()
    path = Path(scratch, Path(action.dep_info).name)
    final = (scratch, str(Path(action.dep_info).parent))
    text = depinfo.relocated(path.read_text(encoding="utf-8"), (*places, final))
    path.write_text(text, encoding="utf-8")
    return depinfo.parse(text)


def _linked(action: Action, scratch: str, places: Sequence[tuple[str, str]]) -> list[str]:
    """What ACTION's linker says it read, without the objects that rustc made for it."""
    if action.link_info is None:
        return []
    text = Path(scratch, action.link_info).read_text(encoding="utf-8")
    names = depinfo.linked(text, places, (entry.path for entry in action.inputs))
    return [name for name in names if not name.startswith(f"{scratch}/")]


def saw_our_own(action: Action, read: ReadSet | None) -> bool:
    """Whether ACTION's program READ a variable that we set, another one on another machine: its key cannot say."""
    return not is_python_step(action) and read is not None and not {"PATH", "LD_PRELOAD"}.isdisjoint(read.env)


def _undeclared_words(action: Action, undeclared: tuple[str, ...]) -> str:
    names = ", ".join(undeclared)
    listed = ", ".join(f'"{name}"' for name in undeclared)
    return f"{action.label} reads {names}, which nothing declares. Add inputs=[{listed}] to {action.where}."


def _holds_root(engine: Engine, action: Action, scratch: str, filled: Mapping[str, OutputFolder]) -> bool:
    """Whether an output holds the project's absolute path, so that it belongs to this folder alone."""
    root = os.fsencode(str(engine.root))
    files = (f"{scratch}/{Path(path).name}" for path in output_files(action))
    return any(folders.mentions(path, made, root) for path, made in filled.items()) or any(
        folders.holds(path, root) for path in files
    )


def may_leave(action: Action, made: Record) -> bool:
    """Whether what ACTION MADE is the same elsewhere, as far as its key goes."""
    read = made.read or NOTHING_READ
    return (
        action.shared
        and not read.everything
        and not any(name.startswith(OUTSIDE) for name in read.files)
        and all(folders.is_plain(path, filled) for path, filled in made.folders.items())
    )
