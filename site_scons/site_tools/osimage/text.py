"""The step that writes a text which the plan already holds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .action import Action
from .errors import Where
from .own import code_identity


def write_text(step: str, label: str, output: str, text: str, where: Where) -> Action:
    """The step that writes TEXT, UTF-8, to OUTPUT (a path relative to the project root)."""
    return Action(step, label, argv=(__name__, output, text), inputs=(), outputs=(output,),
                  toolchain=code_identity(__name__), where=where)  # fmt: skip


def run(argv: Sequence[str], out: Path) -> None:
    """Write the text; ARGV is (output, text)."""
    output, text = argv
    (out / Path(output).name).write_text(text, encoding="utf-8")
