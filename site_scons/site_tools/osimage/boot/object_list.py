"""The step that names the object files of a folder for the linker, by a response file: `@FILE` on its command line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..action import Action, Input
from ..errors import Where
from ..own import code_identity


def list_action(label: str, folder: str, output: str, where: Where) -> Action:
    """The step that writes OUTPUT for FOLDER; both are relative to the project root."""
    return Action("loader", label, argv=(__name__, folder, output), inputs=(Input(folder, "tree"),),
                  outputs=(output,), toolchain=code_identity(__name__), where=where)  # fmt: skip


def run(argv: Sequence[str], out: Path) -> None:
    """Write the response file; ARGV is (folder, output). rustc links its objects in the order of their names."""
    folder, output = argv
    objects = sorted(path.name for path in Path(folder).glob("*.o"))
    (out / Path(output).name).write_text("".join(f"{quoted(f'{folder}/{name}')}\n" for name in objects))


def quoted(word: str) -> str:
    """WORD for a response file, as lld reads it (LLVM's TokenizeGNUCommandLine)."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
