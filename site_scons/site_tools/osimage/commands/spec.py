"""`scons spec`: what the compiler in use wants changed in a person's target specs; `--write` changes them."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..errors import StepError
from ..graph.project import Declared, Project
from ..graph.record import replace_bytes

if TYPE_CHECKING:
    from ..target.spec import Target


def tell(project: Project, *, write: bool) -> None:
    """Print every change that the target specs of PROJECT need; if WRITE, make them in the files.

    Raises:
        DeclarationError, ToolchainError: a spec cannot be read, or the compiler not be asked.
        StepError: a file cannot be written.
    """
    from ..target.spec import rewritten

    for declared, target in _migrated(project):
        source = str(target.source)
        where = project.declared[declared.name][1]
        text, changes = rewritten(source, project.rustc, project.root, where)
        for change in changes:
            print(change)
        if not changes:
            print(f"{source} is right for rustc {project.rustc.release}.")
        elif write:
            _write(project, source, text)
            print(f"{source} is changed.")
        else:
            print(f"`scons spec --write` changes {source}.")


def _migrated(project: Project) -> Iterator[tuple[Declared, Target]]:
    """The target specs that are made from files, with their declarations."""
    for node in project.producers.values():
        declared = getattr(node.attributes, "osimage", None)
        if isinstance(declared, Declared) and declared.kind == "TargetSpec" and declared.entry is not None:
            target: Target = pickle.loads(declared.entry.result)
            if target.source is not None:
                yield declared, target


def _write(project: Project, source: str, text: str) -> None:
    path = (project.root / source).resolve()
    try:
        replace_bytes(path, text.encode())
    except OSError as error:
        raise StepError(f"{source} cannot be written: {error.strerror or error}.") from error
