"""Keeping the store below its limit: what was least recently used goes first.

Walking a large store takes a while, so its size is estimated in between: `gc/size` starts with what the last walk
counted and when, and each process appends what it added. A walk comes when that is over the limit or a day old. What
is lost when two processes write at once, the next walk finds.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

_DAY_S = 86_400
_ABANDONED_S = 3_600  # a file in tmp/ that nobody has written to for so long
_ROOM = 0.9  # of the limit is kept, so that not every build has to collect
_TAG = "Signature: 8a477f597d28d172789f06886806bc55\n# The cache of osimage. Deleting it is always safe.\n"


class Usage(NamedTuple):
    """How full a store is: bytes of all files, number of results, when the oldest was last used (s since 1970)."""

    size: int
    results: int
    oldest_s: float | None


class _File(NamedTuple):
    mtime_ns: int
    kind: str  # "ac" or "cas"; of two files of one age the result goes first
    path: str
    size: int


class Collector:
    """The bookkeeping of the store in ROOT, which may hold LIMIT bytes."""

    def __init__(self, root: Path, limit: int) -> None:
        self._root = root
        self._limit = limit
        self._added = 0
        self._wrote = False
        self._guard = threading.Lock()

    def prepare(self) -> None:
        """Make the folders that are written first, unless they are there: a store may be deleted at any moment.

        Raises:
            OSError: that is impossible.
        """
        if not (self._root / "tmp").is_dir() or not (self._root / "gc").is_dir():
            for name in ("tmp", "gc"):
                (self._root / name).mkdir(parents=True, exist_ok=True)
            (self._root / "CACHEDIR.TAG").write_text(_TAG, encoding="ascii")

    def added(self, size: int) -> None:
        """Note that this process made the store SIZE bytes larger, or tried to."""
        with self._guard:
            self._added += size
            self._wrote = True

    def finish(self) -> None:
        """Account for what this process added; collect if the store may be too large. Never fails."""
        with self._guard:
            added, wrote, self._added, self._wrote = self._added, self._wrote, 0, False
        if not wrote:
            return
        with suppress(OSError), open(self._root / "gc/size", "ab") as file:
            file.write(b"%d\n" % added)  # one write at the end of the file: no lock is needed
        with suppress(OSError):
            if self._is_due():
                self._collect()

    def usage(self) -> Usage:
        """Count all files."""
        size, results, oldest = 0, 0, None
        for file in _files(self._root):
            size += file.size
            if file.kind == "ac":
                results += 1
                oldest = file.mtime_ns if oldest is None else min(oldest, file.mtime_ns)
        return Usage(size, results, None if oldest is None else oldest / 1e9)

    def _is_due(self) -> bool:
        try:
            first, *later = (self._root / "gc/size").read_bytes().splitlines()
            counted, when = (int(word) for word in first.split())
            size = counted + sum(int(line) for line in later)
        except (OSError, ValueError):
            return True
        return size > self._limit or not 0 <= time.time() - when < _DAY_S

    def _collect(self) -> None:
        """Count everything, and remove the oldest while it is too much. One process does it, the others go on."""
        with open(self._root / "gc/lock", "ab") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            if not self._is_due():
                return  # another process has just done it
            self._remove_abandoned()
            now = int(time.time())
            files = sorted(_files(self._root))
            size = sum(file.size for file in files)
            if size > self._limit:
                size = _remove_oldest(files, size, int(self._limit * _ROOM))
            temporary = self._root / f"tmp/{os.urandom(16).hex()}"
            temporary.write_bytes(b"%d %d\n" % (size, now))
            temporary.replace(self._root / "gc/size")

    def _remove_abandoned(self) -> None:
        before = time.time() - _ABANDONED_S
        for path in (self._root / "tmp").iterdir():
            with suppress(OSError):
                if path.stat().st_mtime < before:
                    path.unlink()


def _remove_oldest(files: list[_File], size: int, enough: int) -> int:
    """Remove from the front of FILES until SIZE is at most ENOUGH; return what is left."""
    for file in files:
        if size <= enough:
            break
        with suppress(OSError):  # gone by itself
            if os.stat(file.path).st_mtime_ns != file.mtime_ns:
                continue  # used since it was counted
            os.unlink(file.path)
        size -= file.size
    return size


def _files(root: Path) -> Iterator[_File]:
    """Every result and blob. What vanishes meanwhile is passed over."""
    for kind in ("ac", "cas"):
        for folder in _listed(f"{root}/{kind}"):
            for entry in _listed(folder.path):
                with suppress(OSError):
                    found = entry.stat(follow_symlinks=False)
                    yield _File(found.st_mtime_ns, kind, entry.path, found.st_size)


def _listed(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []
