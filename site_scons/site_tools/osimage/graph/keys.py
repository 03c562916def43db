"""The key of a step today: the digest of the REAPI Action it encodes to, with what its inputs hold now."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from typing import TypeVar

from ..action import Action
from ..cache.action import Encoded, encode
from ..cache.memo import Memo
from ..cache.readset import ReadSet
from ..cache.wire import Digest
from ..errors import StepError
from .record import Output, Stat
from .sources import package_files, rust_names

NOTHING_READ = ReadSet()
_T = TypeVar("_T")


class Today:
    """What files hold now. The working directory is the project root; paths are relative to it."""

    def __init__(self, memo: Memo) -> None:
        self._memo = memo
        self._made: dict[str, Output] = {}
        self._trees: dict[str, Digest] = {}

    def made(self, outputs: Mapping[str, Output]) -> None:
        """Take a step's outputs as its record says, so that they are not read again."""
        self._made.update(outputs)

    def output(self, path: str) -> Output | None:
        """What a step of this run left at PATH."""
        return self._made.get(path)

    def file(self, path: str) -> tuple[Digest, bool] | None:
        """The digest of the file at PATH and whether it may be executed; None where there is none."""
        made = self._made.get(path)
        if made is not None:
            return Digest(made.hash, made.stat.size), made.executable
        digest = self._memo.digest(path)
        return None if digest is None else (digest, os.access(path, os.X_OK))

    def tree(self, path: str) -> Digest | None:
        """The digest of everything below the folder PATH, taken once a run."""
        if path not in self._trees:
            digest = self._memo.tree(path)
            if digest is None:
                return None
            self._trees[path] = digest
        return self._trees[path]

    def consulted(self, path: str) -> str:
        """The digest of a file that decides a plan; of the names in a folder, where PATH ends in `/`."""
        if path.endswith("/"):
            try:
                names = "\0".join(sorted(os.listdir(path)))
            except OSError:
                return ""
            return hashlib.sha256(names.encode()).hexdigest()
        digest = self._memo.digest(path)
        return "" if digest is None else digest.hash


def is_narrowed(action: Action) -> bool:
    """Whether what ACTION really reads is learned from its first run."""
    return any(entry.kind == "package" for entry in action.inputs)


def key(action: Action, read: ReadSet | None, today: Today, root: str) -> Encoded | None:
    """ACTION's key with READ for what its packages contribute; None where a file of READ is gone.

    With READ None nothing is known of what it reads, and each package counts whole. NOTHING_READ gives the base, under
    which read sets are kept.

    Raises:
        StepError: a declared input is missing.
    """
    files: dict[str, tuple[Digest, bool]] = {}
    trees: dict[str, Digest] = {}
    properties: dict[str, str] = {}
    for entry in action.inputs:
        if entry.kind == "file":
            digest, executable = _found(action, entry.path, today.file(entry.path))
            if entry.path.startswith(("/", "../")):  # a REAPI input root has no place for it
                properties[f"outside:{entry.path}"] = digest.hash
            else:
                files[entry.path] = digest, executable
        elif entry.kind == "tree":
            trees[entry.path] = _found(action, entry.path, today.tree(entry.path))
        elif read is None:
            files |= _all(package_files(".", entry.path), today) or {}
        elif read is not NOTHING_READ:
            names = "\0".join(rust_names(".", entry.path))
            properties[f"rust-files:{entry.path}"] = hashlib.sha256(names.encode()).hexdigest()
    if read is not None:
        more = _all(read.files, today)
        if more is None:
            return None
        files |= more
        for name in read.env:
            properties[f"env:{name}"] = f"={os.environ[name]}" if name in os.environ else "unset"
        if read.root:
            properties["root"] = root
    return encode(action, files, trees, properties)


def sources_changed_since(action: Action, read: ReadSet | None, began_ns: int, today: Today) -> str | None:
    """The first source of ACTION that was touched at or after BEGAN_NS (nanoseconds since 1970), or None."""
    sources = [entry.path for entry in action.inputs if entry.kind == "file"]
    for path in (*sources, *(read.files if read else ())):
        if today.output(path) is None:
            stat = Stat.of(path)
            if stat is None or max(stat.mtime_ns, stat.ctime_ns) >= began_ns:
                return path
    return None


def _all(paths: Iterable[str], today: Today) -> dict[str, tuple[Digest, bool]] | None:
    found: dict[str, tuple[Digest, bool]] = {}
    for path in paths:
        value = today.file(path)
        if value is None:
            return None
        found[path] = value
    return found


def _found(action: Action, path: str, value: _T | None) -> _T:
    if value is None:
        raise StepError(f"{action.where}: {action.label} reads {path}, which does not exist.")
    return value
