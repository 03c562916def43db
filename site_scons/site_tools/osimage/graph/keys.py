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
from .record import Output
from .sources import others, package_files, rust_names

CLOCK_MARGIN_NS = 20_000_000  # file times come from a clock that ticks every few milliseconds
NOTHING_READ = ReadSet()
_T = TypeVar("_T")


class Today:
    """What files hold now. While steps run, the working directory is the project's ROOT; paths are relative to it."""

    def __init__(self, memo: Memo, root: str) -> None:
        self._memo = memo
        self._root = root
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

    def consulted(self, name: str) -> str:
        """What is to be compared of something that decides a plan.

        NAME is that of a file (its digest is taken), of a folder where it ends in `/` (a digest of the names in it),
        or of an environment variable where it begins with `$`. While a SConscript is read, the working directory is
        its own.
        """
        if name.startswith("$"):
            return f"={os.environ[name[1:]]}" if name[1:] in os.environ else ""
        path = os.path.join(self._root, name)
        if name.endswith("/"):
            try:
                names = os.fsencode("\0".join(sorted(os.listdir(path))))
            except OSError:
                return ""
            return hashlib.sha256(names).hexdigest()
        digest = self._memo.digest(path)
        return "" if digest is None else digest.hash

    def was_written_since(self, name: str, began_ns: int) -> bool:
        """Whether NAME, as for `consulted`, was changed at or after BEGAN_NS (ns since 1970), less a margin."""
        try:
            return os.stat(os.path.join(self._root, name)).st_ctime_ns >= began_ns - CLOCK_MARGIN_NS
        except OSError:
            return False  # also a variable, which stays while this process lives

    def forget_trees(self) -> None:
        """Look at folders again when they are next asked for."""
        self._trees.clear()


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
        # rustc refuses a module that could be in two files.
        properties |= {f"beside:{path}": "" for path in others(read.files) if os.path.lexists(path)}
        for name in read.env:
            properties[f"env:{name}"] = f"={os.environ[name]}" if name in os.environ else "unset"
        if read.root:
            properties["root"] = root
    return encode(action, files, trees, properties)


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
