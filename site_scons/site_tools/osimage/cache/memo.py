"""Digests of files and trees, remembered from run to run by what `stat` says of them."""

from __future__ import annotations

import hashlib
import marshal
import os
from collections.abc import Iterable
from typing import Any

from ..errors import StepError
from . import files, merkle
from .files import FIELDS, Stat
from .wire import Digest

_MAGIC = b"osimage memo 1\n"
_FORMAT = 4  # of marshal: the newest that every supported Python reads
_MOST_FILES = 20_000
_MOST_TREES = 40
_UNTRUSTED = -1  # stands for the mtime of a file that has to be read again

# A tree as it was scanned: the flat list of `files.scan`, the SHA-256 of each file in that order, the root's digest.
_Tree = tuple[list[str | int], bytes, str, int]


class Memo:
    """The digests of one build folder's inputs, kept in the file PATH. Paths mean the same in every run.

    A file is read again unless it is, by mtime, ctime, size and inode, the one that was read, and was old enough then
    that a later write must show (`files.is_settled`). A memo that is damaged is an empty one.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = os.fspath(path)
        self._files: dict[str, tuple[Stat, bytes]] = {}
        self._trees: dict[str, _Tree] = {}
        self._used: set[str] = set()
        self._changed = False
        self._load()

    def digest(self, path: str) -> Digest | None:
        """The digest of the file at PATH; None where there is no regular file.

        Raises:
            StepError: it cannot be read.
        """
        known = self._files.get(path)
        self._used.add(path)
        if known is not None:
            try:
                if files.stat_of(os.stat(path)) == known[0]:
                    return Digest(known[1].hex(), known[0][2])
            except OSError:
                pass  # told, or found to be no fault, by reading it
        try:
            seen = files.read(path)
        except OSError as error:
            raise _unreadable(error, path) from error
        if seen is not None and seen.trusted:
            self._files[path] = (seen.stat, seen.sha256)
            self._changed = True
        elif self._files.pop(path, None) is not None:
            self._changed = True
        return None if seen is None else Digest(seen.sha256.hex(), seen.stat[2])

    def tree(self, folder: str, exclude: Iterable[str] = ()) -> Digest | None:
        """The digest of the REAPI Directory that holds every file below FOLDER; None where there is no such folder.

        Links count by what they lead to, empty folders not at all. EXCLUDE are files and folders to leave out, relative
        to FOLDER.

        Raises:
            StepError: something in it cannot be read.
        """
        left_out = frozenset(exclude)
        name = "\0".join((folder, *sorted(left_out)))
        self._used.add(name)
        known = self._trees.get(name)
        try:
            flat = files.scan(folder, left_out)
            if flat is None:
                return None
            if known is None or known[0] != flat:
                known = self._trees[name] = _read_tree(folder, flat, known)
                self._changed = True
        except OSError as error:
            raise _unreadable(error, folder) from error
        return Digest(known[2], known[3])

    def save(self) -> None:
        """Keep what was learned. Where the file cannot be written, the next run reads again."""
        if not self._changed:
            return
        if len(self._files) > _MOST_FILES:
            self._files = {path: entry for path, entry in self._files.items() if path in self._used}
        if len(self._trees) > _MOST_TREES:
            self._trees = {name: entry for name, entry in self._trees.items() if name in self._used}
        payload = marshal.dumps((self._files, self._trees), _FORMAT)
        folder, name = os.path.split(self._path)
        temporary = os.path.join(folder, f".new.{name}.{os.getpid()}")
        try:
            with open(temporary, "wb") as file:
                file.write(_MAGIC + hashlib.sha256(payload).digest() + payload)
            os.replace(temporary, self._path)
        except OSError:
            return
        self._changed = False

    def _load(self) -> None:
        try:
            with open(self._path, "rb", buffering=0) as file:
                data = file.read()
        except OSError:
            return
        magic, check, payload = data[:15], data[15:47], data[47:]
        if magic == _MAGIC and hashlib.sha256(payload).digest() == check:  # marshal trusts its input
            self._files, self._trees = marshal.loads(payload)


def _read_tree(folder: str, flat: list[str | int], known: _Tree | None) -> _Tree:
    """Read what KNOWN does not know of FLAT, and build the tree."""
    before: dict[Any, tuple[list[str | int], bytes]] = {}
    if known is not None:
        for index in range(0, len(known[0]), FIELDS):
            place = index // FIELDS * 32
            before[known[0][index]] = (known[0][index + 1 : index + FIELDS], known[1][place : place + 32])
    kept: list[str | int] = []
    digests: list[bytes] = []
    nodes: dict[str, tuple[Digest, bool]] = {}
    for index in range(0, len(flat), FIELDS):
        name, status = str(flat[index]), flat[index + 1 : index + FIELDS]
        old = before.get(name)
        if old is not None and old[0] == status:
            sha256 = old[1]
        else:
            seen = files.read(f"{folder}/{name}")
            if seen is None:
                continue  # gone since the folder was read
            sha256 = seen.sha256
            status = list(seen.stat)
            if not seen.trusted:
                status[0] = _UNTRUSTED
        kept += (name, *status)
        digests.append(sha256)
        nodes[name] = (Digest(sha256.hex(), int(status[2])), bool(int(status[4]) & 0o100))
    root = merkle.build(nodes).digest
    return kept, b"".join(digests), root.hash, root.size


def _unreadable(error: OSError, path: str) -> StepError:
    return StepError(f"cannot read {error.filename or path}: {error.strerror}. Make it readable for you.")
