"""Records: what each step last produced here, from what. They, not SCons' database, say what is up to date.

A record is written right after the step's outputs were renamed into place, so however a build ends, a file that does
not fit its record is made again.
"""

from __future__ import annotations

import hashlib
import marshal
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ..cache.readset import ReadSet

VERSION = 4
TEMPORARY = ".new."  # begins the names of files that are being written; those of a killed build stay


class Stat(NamedTuple):
    """What tells a file from its successor without reading it (nanoseconds, bytes)."""

    mtime_ns: int
    ctime_ns: int
    size: int
    inode: int

    @classmethod
    def of(cls, path: str | Path) -> Stat | None:
        """The stat of PATH, or None where there is no file."""
        try:
            return cls.told(os.stat(path))
        except OSError:
            return None

    @classmethod
    def told(cls, found: os.stat_result) -> Stat:
        """What FOUND tells of a file."""
        return cls(found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino)


class Output(NamedTuple):
    """A produced file: the SHA-256 of its content (hex), whether it may be executed, and its stat."""

    hash: str
    executable: bool
    stat: Stat


class OutputFolder(NamedTuple):
    """A produced folder: its files, the targets of its links, and its folders, all by their paths in it."""

    files: dict[str, Output]
    links: dict[str, str]
    folders: tuple[str, ...]


class Record(NamedTuple):
    """The last good run of a step. DIGEST is its Action digest (hex), empty when nobody knows what the outputs come
    from: an input changed while it ran, or it began to fill its FOLDERS and has not ended. GLANCE is what the inputs
    were when that digest was taken (`keys.Found`): as long as it is the same, so is the digest.
    """

    digest: str
    outputs: dict[str, Output]
    read: ReadSet | None
    stderr: str
    folders: Mapping[str, OutputFolder] = {}
    glance: str = ""


class Records:
    """The records of one build folder: a small file a step, named by the step's first output."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, Record | None] = {}

    def get(self, output: str) -> Record | None:
        """The record of the step whose first output is OUTPUT; None where there is none or it is unreadable."""
        if output not in self._known:
            self._known[output] = self._read(output)
        return self._known[output]

    def put(self, output: str, record: Record) -> None:
        """Write RECORD atomically."""
        path = self._path(output)
        folders: Any = {name: (_plain(made.files), made.links, made.folders) for name, made in record.folders.items()}
        read: Any = tuple(record.read) if record.read is not None else None
        plain = (VERSION, output, record.digest, _plain(record.outputs), read, record.stderr, folders,
                 record.glance)  # fmt: skip
        replace_bytes(path, sealed(plain))
        self._known[output] = record

    def outputs(self) -> list[str]:
        """Every output of every record in the folder: what a clean removes when the SConstruct cannot say it."""
        found: list[str] = []
        for path in self._folder.glob("*"):
            record = self._load(path, None)
            found += (*record.outputs, *record.folders) if record else ()
        return found

    def _path(self, output: str) -> Path:
        return self._folder / hashlib.sha256(output.encode()).hexdigest()[:32]

    def _read(self, output: str) -> Record | None:
        return self._load(self._path(output), output)

    @staticmethod
    def _load(path: Path, output: str | None) -> Record | None:
        try:
            version, name, *rest = unsealed(path.read_bytes())
            if version != VERSION or (output is not None and name != output):
                return None
            digest, plain, read, stderr, folders, glance = rest
            made = {name: OutputFolder(_files(files), links, inner) for name, (files, links, inner) in folders.items()}
            known = ReadSet(*read) if read is not None else None
            return Record(digest, _files(plain), known, stderr, made, glance)
        except (OSError, ValueError, EOFError, TypeError):
            return None


def _plain(files: Mapping[str, Output]) -> Any:
    return {name: (made.hash, made.executable, tuple(made.stat)) for name, made in files.items()}


def _files(plain: Any) -> dict[str, Output]:
    return {name: Output(hash_, executable, Stat(*stat)) for name, (hash_, executable, stat) in plain.items()}


def sealed(value: Any) -> bytes:
    """VALUE, plain tuples, dictionaries, texts and numbers, as bytes that `unsealed` can check."""
    data = marshal.dumps(value)
    return hashlib.sha256(data).digest() + data


def unsealed(data: bytes) -> Any:
    """What `sealed` was given.

    Raises:
        ValueError: DATA is damaged; marshal by itself would trust it.
    """
    if hashlib.sha256(data[32:]).digest() != data[:32]:
        raise ValueError("damaged")
    return marshal.loads(data[32:])


def replace_bytes(path: Path, data: bytes) -> None:
    """Write DATA to PATH by way of a temporary name beside it, so that PATH is never half-written.

    A folder of that name, which is not ours, goes.
    """
    temporary = path.with_name(f"{TEMPORARY}{path.name}.{os.getpid()}")
    temporary.write_bytes(data)
    try:
        temporary.replace(path)
    except IsADirectoryError:
        shutil.rmtree(path)
        temporary.replace(path)
