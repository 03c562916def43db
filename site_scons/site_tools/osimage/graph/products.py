"""What a step has made: put in its place below the build folder, with the digests that its record keeps."""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
from collections.abc import Container, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..action import Action, output_files, output_folders
from ..errors import StepError
from . import folders
from .build_folder import clear_way
from .record import Output, OutputFolder, Stat
from .way import obstacle

if TYPE_CHECKING:
    from .engine import Engine

_LARGE = 1 << 22  # bytes


def digests(action: Action, scratch: Path) -> dict[str, str]:
    """The SHA-256 (hex) of every file that ACTION has written to SCRATCH, by output path."""
    return {path: sha256(scratch / Path(path).name) for path in output_files(action)}


def sha256(path: Path) -> str:
    """The SHA-256 (hex) of the file at PATH."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def publish(
    engine: Engine, scratch: Path, digests: Mapping[str, str], in_place: Container[str] = ()
) -> dict[str, Output]:
    """Rename the outputs, output path to SHA-256 (hex), into place and return them as a record says them.

    Those IN_PLACE already stay what they are.
    """
    outputs = {}
    for path, digest in digests.items():
        if path not in in_place:
            check_way(engine, path)
            clear_way(engine.build, path)
            _replace(scratch / Path(path).name, path)
        outputs[path] = _output(path, digest)
    engine.today.made(outputs)
    return outputs


def filled(action: Action) -> dict[str, OutputFolder]:
    """What is now in the folders that ACTION fills.

    Raises:
        StepError: it has removed one.
    """
    found = {path: folders.read(path) for path in output_folders(action)}
    gone = [path for path, made in found.items() if made is None]
    if gone:
        raise StepError(f"{action.label}: {action.argv[0]} ended well, but {', '.join(gone)} is no folder any more")
    return {path: made for path, made in found.items() if made is not None}


def clear(engine: Engine, folder: str) -> None:
    """Make the folders above FOLDER and remove what is in its place."""
    folders.remove(folder)
    clear_way(engine.build, folder.rstrip("/"))


def check_way(engine: Engine, output: str) -> None:
    """Make sure that nothing that is not ours lies in the place of OUTPUT.

    Raises:
        StepError: something does.
    """
    in_the_way = obstacle(output, engine.records.outputs)
    if in_the_way:
        raise StepError(in_the_way)


def _replace(new: Path, path: str) -> None:
    """Rename NEW to PATH. Where a large file gives way, a thread waits until the system has freed it.

    What also has another name, as rustc links it into its incremental folder, would change with that: it is copied.
    """
    if os.stat(new).st_nlink > 1:
        new = Path(shutil.copy(new, new.with_name(f"copy.{new.name}")))
    old = None
    with suppress(OSError):
        if os.stat(path).st_size >= _LARGE:
            old = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    new.replace(path)
    if old is not None:
        threading.Thread(target=os.close, args=(old,)).start()


def _output(path: str, digest: str) -> Output:
    stat = Stat.of(path)
    if stat is None:
        raise StepError(f"{path} vanished right after it was made. Does something else clean the build folder?")
    return Output(digest, os.access(path, os.X_OK), stat)
