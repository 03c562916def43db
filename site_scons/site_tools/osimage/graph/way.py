"""What lies where an output belongs: an old output of ours, which makes way, or somebody's file, which stays."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection


def obstacle(output: str, ours: Callable[[], Collection[str]]) -> str | None:
    """What is in the way of the file OUTPUT, in a sentence; None where nothing is that is not among OURS, old outputs.

    Paths are relative to the project, which is the working directory.
    """
    if os.path.isfile(output):
        return None
    if os.path.isdir(output) and not os.path.islink(output):
        found = [os.path.join(folder, name) for folder, _, names in os.walk(output) for name in names]
        if all(path in ours() for path in found):
            return None
        return f"{output} is to be a file, but it is a folder with files that osimage did not make. Move it away."
    above = os.path.dirname(output)
    while above and not os.path.lexists(above):
        above = os.path.dirname(above)
    if not above or os.path.isdir(above) or above in ours():
        return None
    return f"{above} is to be a folder, but it is a file that osimage did not make. Move it away."
