"""The build folder as steps need it: its marks, our own state in it, the links to sources elsewhere."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from .record import TEMPORARY
from .state import STATE

MARKS = {".gitignore": "*\n", "CACHEDIR.TAG": "Signature: 8a477f597d28d172789f06886806bc55\n"}


def prepare(folder: Path, links: Mapping[str, str], acquire: Callable[[], None]) -> None:
    """Make FOLDER usable, ACQUIRE its lock, clear what a killed build left, and lead LINKS where they should.

    What stands where our own files and folders belong, and is of another kind, goes.

    Raises:
        OSError: something cannot be made or written.
    """
    state = folder / STATE
    for needed in (state / "records", state / "scratch", folder / "external"):
        for path in (needed.parent, needed):
            if path != folder and os.path.lexists(path) and not path.is_dir():
                path.unlink()
        needed.mkdir(parents=True, exist_ok=True)
    for name in ("lock", "memo", "plan", "seals"):
        _no_folder(state / name)
    for mark, text in MARKS.items():
        if not (folder / mark).exists():
            (folder / mark).write_text(text, encoding="utf-8")
    acquire()
    _remove_leftovers(state, folder / "external")
    for name, target in links.items():
        _link(folder / "external" / name, target)


def clear_way(build: str, path: str) -> None:
    """Make the folders above PATH; what stands in their way or in PATH's, below BUILD, is no output of ours and goes.

    Raises:
        OSError: that is impossible.
    """
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        for above in reversed(Path(path).parents):
            if above.is_relative_to(build) and str(above) != build and os.path.lexists(above) and not above.is_dir():
                above.unlink()
        os.makedirs(folder, exist_ok=True)
    _no_folder(path)


def _no_folder(path: str | Path) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)


def _remove_leftovers(state: Path, external: Path) -> None:
    """Clear what a killed build left; nobody else builds here while the lock is held."""
    for name in os.listdir(state / "scratch"):
        shutil.rmtree(state / "scratch" / name, ignore_errors=True)
    for folder in (state, state / "records", external):
        for name in os.listdir(folder):
            if name.startswith(TEMPORARY):
                (folder / name).unlink(missing_ok=True)


def _link(link: Path, target: str) -> None:
    try:
        if os.readlink(link) == target:
            return
    except OSError:
        if link.is_dir():
            link.rmdir()  # what is in it is nobody's to remove
    temporary = link.with_name(f"{TEMPORARY}{link.name}.{os.getpid()}")
    temporary.symlink_to(target)
    temporary.replace(link)
