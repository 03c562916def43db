"""What lies where an output belongs: an old output of ours, which makes way, or somebody's file, which stays."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection


def obstacle(output: str, ours: Callable[[], Collection[str]]) -> str | None:
    """What is in the way of OUTPUT, in a sentence; None where nothing is that is not among OURS, old outputs.

    An OUTPUT that ends in `/` is a folder; one in its place is not in the way, since a killed build may have left it.
    Paths are relative to the project, which is the working directory.
    """
    path = output.rstrip("/")
    is_folder = os.path.isdir(path) and not os.path.islink(path)
    if path != output:
        if os.path.lexists(path):
            fault = f"{path} is to be a folder, but it is a file that osimage did not make. Move it away."
            return None if is_folder or _is_among(ours(), path) else fault
        return _file_above(path, ours)
    if os.path.isfile(path):
        return None
    return _folder_in_place(path, ours()) if is_folder else _file_above(path, ours)


def _folder_in_place(path: str, ours: Collection[str]) -> str | None:
    found = [os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names]
    if all(_is_among(ours, file) for file in found):
        return None
    return f"{path} is to be a file, but it is a folder with files that osimage did not make. Move it away."


def _file_above(path: str, ours: Callable[[], Collection[str]]) -> str | None:
    above = os.path.dirname(path)
    while above and not os.path.lexists(above):
        above = os.path.dirname(above)
    if not above or os.path.isdir(above) or _is_among(ours(), above):
        return None
    return f"{above} is to be a folder, but it is a file that osimage did not make. Move it away."


def _is_among(outputs: Collection[str], path: str) -> bool:
    """Whether PATH is in the place of one of OUTPUTS, or lies in one that is a folder."""
    return path in outputs or any(f"{path}/".startswith(output) for output in outputs if output.endswith("/"))
