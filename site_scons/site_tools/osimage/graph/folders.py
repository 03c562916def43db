"""Folders that steps fill: what is in one, whether that is what was recorded, and removing one.

Links in one are a part of it as links, by what they say. What is neither file, folder nor link is not looked at, and
`is_plain` tells it.
"""

from __future__ import annotations

import os
import shutil
import stat
from typing import NamedTuple

from ..cache import files
from ..cache.tree import Listing, is_portable
from ..cache.wire import Digest
from ..errors import StepError
from .record import Output, OutputFolder, Stat

_UNSETTLED = -1  # stands for the mtime of a file that was written a moment before it was read: it is read once more
_CHUNK = 1 << 20  # bytes read at a time


class Seen(NamedTuple):
    """What a folder holds at a glance, by paths in it: stat and executable bit of its files, links, folders, and what
    is of another kind.
    """

    files: dict[str, tuple[Stat, bool]]
    links: dict[str, str]
    folders: tuple[str, ...]
    others: tuple[str, ...]


def look(folder: str) -> Seen | None:
    """What FOLDER holds; None where it is no folder.

    Raises:
        OSError: something in it cannot be looked at.
    """
    if os.path.islink(folder.rstrip("/")) or not os.path.isdir(folder):
        return None
    seen = Seen({}, {}, (), ())
    folders: list[str] = []
    others: list[str] = []
    waiting = [""]
    while waiting:
        prefix = waiting.pop()
        with os.scandir(os.path.join(folder, prefix)) as entries:
            for entry in entries:
                name = prefix + entry.name
                found = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(found.st_mode):
                    seen.files[name] = Stat.told(found), bool(found.st_mode & 0o100)
                elif stat.S_ISDIR(found.st_mode):
                    folders.append(name)
                    waiting.append(f"{name}/")
                elif stat.S_ISLNK(found.st_mode):
                    seen.links[name] = os.readlink(entry.path)
                else:
                    others.append(name)
    return seen._replace(folders=tuple(sorted(folders)), others=tuple(others))


def read(folder: str) -> OutputFolder | None:
    """What FOLDER holds, its files read; None where it is no folder.

    Raises:
        StepError: somebody writes to it.
        OSError: something in it cannot be read.
    """
    seen = look(folder)
    if seen is None:
        return None
    return OutputFolder({name: _read(folder, name) for name in seen.files}, seen.links, seen.folders)


def intact(folder: str, recorded: OutputFolder) -> OutputFolder | None:
    """RECORDED where FOLDER still holds just that; a file that was only touched has its stat of today. Else None.

    Raises:
        OSError: something in it cannot be read.
    """
    seen = look(folder)
    if seen is None or (seen.links, seen.folders) != (recorded.links, recorded.folders):
        return None
    if seen.files.keys() != recorded.files.keys():
        return None
    today = dict(recorded.files)
    for name, output in recorded.files.items():
        stat_now, executable = seen.files[name]
        if executable != output.executable:
            return None
        if stat_now != output.stat:
            now = _read(folder, name)
            if now.hash != output.hash:
                return None
            today[name] = now
    return recorded if today == recorded.files else recorded._replace(files=today)


def difference(folder: str, recorded: OutputFolder) -> str:
    """The path of something in FOLDER that is not as RECORDED, which may be only younger; empty where there is none."""
    seen = look(folder) or Seen({}, {}, (), ())
    now: dict[str, object] = {**seen.files, **seen.links, **dict.fromkeys(seen.folders)}
    before: dict[str, object] = {name: (output.stat, output.executable) for name, output in recorded.files.items()}
    before |= {**recorded.links, **dict.fromkeys(recorded.folders)}
    changed = (name for name in sorted(now.keys() | before.keys()) if now.get(name, "") != before.get(name, ""))
    return next((folder + name for name in changed), "")


def remove(folder: str) -> None:
    """Remove FOLDER and all in it, also from folders that somebody made read-only; what links lead to stays.

    Raises:
        OSError: that is impossible.
    """
    path = folder.rstrip("/")
    if os.path.islink(path) or os.path.isfile(path):
        os.unlink(path)
    elif os.path.isdir(path):
        for above, names, _ in os.walk(path):
            for name in ("", *names):
                inner = os.path.join(above, name)
                if not os.path.islink(inner) and not os.access(inner, os.R_OK | os.W_OK | os.X_OK):
                    os.chmod(inner, 0o700)
        shutil.rmtree(path)


def listing(made: OutputFolder) -> Listing:
    """MADE as the store keeps it."""
    contents = {name: (Digest(file.hash, file.stat.size), file.executable) for name, file in made.files.items()}
    return Listing(contents, made.links, made.folders)


def is_plain(folder: str, made: OutputFolder) -> bool:
    """Whether FOLDER with what was MADE in it is the same folder anywhere: no link leads out of it, and there is
    nothing else than files, folders and links.
    """
    seen = look(folder)
    return seen is not None and not seen.others and is_portable(listing(made))


def mentions(folder: str, made: OutputFolder, words: bytes) -> bool:
    """Whether a file or a link that was MADE in FOLDER holds WORDS."""
    if any(words in os.fsencode(target) for target in made.links.values()):
        return True
    return any(holds(folder + name, words) for name, file in made.files.items() if file.stat.size)


def holds(path: str, words: bytes) -> bool:
    """Whether the file at PATH holds WORDS."""
    overlap = len(words) - 1
    buffer = bytearray(overlap + _CHUNK)
    kept = 0  # of what was read before, as WORDS may lie across
    with open(path, "rb", buffering=0) as file:
        while count := file.readinto(memoryview(buffer)[kept:]):
            end = kept + count
            if buffer.find(words, 0, end) >= 0:
                return True
            kept = min(overlap, end)
            buffer[:kept] = buffer[end - kept : end]
    return False


def _read(folder: str, name: str) -> Output:
    seen = files.read(folder + name)
    if seen is None:
        raise StepError(f"{folder}{name} vanished while it was read. Does something else write to that folder?")
    mtime_ns, ctime_ns, size, inode, mode = seen.stat
    found = Stat(mtime_ns if seen.trusted else _UNSETTLED, ctime_ns, size, inode)
    return Output(seen.sha256.hex(), bool(mode & 0o100), found)
