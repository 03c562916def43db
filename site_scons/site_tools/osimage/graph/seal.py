"""Seals: that all external steps of a declaration were intact together, and what all files were then.

To ask every step's record costs an unchanged build more than everything else. A seal says for many steps at once which
files, folders and variables went in, each once, and what came out; while that is as it was, so are the steps' keys.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ..action import Action
from ..cache.files import is_settled
from ..cache.wire import Digest
from . import folders
from .keys import Today, finds_modules, heeded, key
from .record import Output, OutputFolder, Record, Stat, replace_bytes, sealed, unsealed

if TYPE_CHECKING:
    from .engine import Engine

VERSION = 2
MOST = 8  # seals that are kept: people go to and fro between settings


class Seal(NamedTuple):
    """What was seen: the content of files and trees that went in, values of variables (None: unset), what came out.

    `stats` has every file and folder below a tree with its ctime (ns), size and inode, where these tell a change.
    """

    root: str
    files: dict[str, tuple[str, int, bool]]
    trees: dict[str, tuple[str, int]]
    stats: dict[str, list[tuple[str, int, int, int]]]
    env: dict[str, str | None]
    outputs: dict[str, tuple[Any, ...]]
    filled: dict[str, tuple[Any, ...]]


class Seals:
    """The seals of ENGINE's build folder, by the identity of the steps."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._path = engine.state / "seals"
        self._known: dict[str, tuple[Any, ...]] = {}
        try:
            version, known = unsealed(self._path.read_bytes())
            self._known = known if version == VERSION else {}
        except (OSError, ValueError, EOFError, TypeError):
            pass

    def inputs(self, identity: str) -> list[str]:
        """The files and folders that went into the steps with IDENTITY from elsewhere, as the seal says."""
        plain = self._known.get(identity)
        seal = Seal(*plain) if plain is not None else None
        return [] if seal is None else [*seal.files, *(path for path in seal.trees if f"{path}/" not in seal.filled)]

    def check(self, identity: str) -> Collection[str]:
        """The outputs of the steps with IDENTITY that are intact, as the seal says; all that it says is asked now."""
        plain = self._known.get(identity)
        if plain is None:
            return frozenset()
        self._engine.prepare()
        seal = Seal(*plain)
        made = {
            path: Output(hash_, executable, Stat(*stat)) for path, (hash_, executable, stat) in seal.outputs.items()
        }
        filled = {path: _folder(plain) for path, plain in seal.filled.items()}
        if not self._holds(seal, made, filled):
            return frozenset()
        self._engine.today.made(made)
        self._engine.today.filled(filled)
        return frozenset((*made, *filled))

    def put(self, identity: str, actions: Sequence[Action]) -> None:
        """Seal those of ACTIONS, which have IDENTITY, whose records fit what is there now."""
        seen = _Seen(self._engine)
        outputs: dict[str, tuple[Any, ...]] = {}
        filled: dict[str, tuple[Any, ...]] = {}
        for action in actions:
            record = self._engine.records.get(action.outputs[0])
            if record is not None and seen.fits(action, record):
                outputs |= {
                    path: (made.hash, made.executable, tuple(made.stat)) for path, made in record.outputs.items()
                }
                filled |= {path: _plain(made) for path, made in record.folders.items()}
        stats = {path: found for path in seen.trees if (found := seen.stats_below(path))}
        seal = Seal(str(self._engine.root), seen.files, seen.trees, stats, seen.env, outputs, filled)
        others = [(name, other) for name, other in self._known.items() if name != identity]
        self._known = dict([(identity, tuple(seal)), *others][:MOST])
        replace_bytes(self._path, sealed((VERSION, self._known)))

    def _holds(self, seal: Seal, made: dict[str, Output], filled: dict[str, OutputFolder]) -> bool:
        today = self._engine.today
        return (
            seal.root == str(self._engine.root)
            and all(os.environ.get(name) == value for name, value in seal.env.items())
            and all(Stat.of(path) == output.stat for path, output in made.items())
            and all(folders.intact(path, folder) is folder for path, folder in filled.items())
            and all(
                (path in seal.stats and _is_as_it_was(seal.stats[path])) or today.tree(path) == now
                for path, now in seal.trees.items()
            )
            and all(_plain_file(today.file(path)) == file for path, file in seal.files.items())
        )


class _Seen(Today):
    """What files hold now, and which of them were asked for."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine.memo, str(engine.root), engine.build)
        self.files: dict[str, tuple[str, int, bool]] = {}
        self.trees: dict[str, tuple[str, int]] = {}
        self.env: dict[str, str | None] = {}
        self._root_path = str(engine.root)

    def file(self, path: str) -> tuple[Digest, bool] | None:
        """As `Today` has it."""
        found = super().file(path)
        plain = _plain_file(found)
        if plain is not None and self.output(path) is None:
            self.files[path] = plain
        return found

    def tree(self, path: str) -> Digest | None:
        """As `Today` has it."""
        found = super().tree(path)
        if found is not None:
            self.trees[path] = (found.hash, found.size)
        return found

    def stats_below(self, folder: str) -> list[tuple[str, int, int, int]]:
        """The stat of FOLDER and of everything below it; nothing where a change could come without another stat.

        So it is with links, whose targets lie elsewhere, and with what was written a moment ago. That a name was added
        or removed is seen by the time of its folder (POSIX, open and unlink).
        """
        found = []
        now_ns = time.time_ns()
        for above, inner, names in os.walk(folder):
            for path in (above, *(f"{above}/{name}" for name in names)):
                status = os.lstat(path)
                if stat.S_ISLNK(status.st_mode) or not is_settled(status.st_mtime_ns, status.st_ctime_ns, now_ns):
                    return []
                found.append((path, status.st_ctime_ns, status.st_size, status.st_ino))
            if any(os.path.islink(f"{above}/{name}") for name in inner):
                return []
        # Only now is it sure that the digest, taken before, is of what has these stats.
        return found if self._memo.tree(folder) == self.tree(folder) and not self._ours_in(folder) else []

    def fits(self, action: Action, record: Record) -> bool:
        """Whether RECORD is ACTION's of now, and a seal can say all that its key takes in."""
        read = record.read
        names = finds_modules(action) and read is not None and read.files
        if names or any(entry.kind == "package" for entry in action.inputs):
            return False
        if any(Stat.of(path) != made.stat for path, made in record.outputs.items()):
            return False
        if any(folders.intact(path, made) is not made for path, made in record.folders.items()):
            return False
        encoded = key(action, read, self, self._root_path)
        if encoded is None or encoded.digest.hash != record.digest:
            return False
        self.made(record.outputs)
        self.filled(record.folders)
        names = (*(read.env if read else ()), *heeded(action))
        self.env |= {name: os.environ.get(name) for name in names}
        return True


def _is_as_it_was(stats: list[tuple[str, int, int, int]]) -> bool:
    """Whether STATS are those of today. There may be ten thousand: nothing here is more than it has to be."""
    look = os.stat
    try:
        for path, ctime_ns, size, inode in stats:
            now = look(path)
            if now.st_ctime_ns != ctime_ns or now.st_ino != inode or now.st_size != size:
                return False
    except OSError:
        return False
    return True


def _plain_file(found: tuple[Digest, bool] | None) -> tuple[str, int, bool] | None:
    return None if found is None else (found[0].hash, found[0].size, found[1])


def _plain(folder: OutputFolder) -> tuple[Any, ...]:
    files = {name: (made.hash, made.executable, tuple(made.stat)) for name, made in folder.files.items()}
    return files, folder.links, folder.folders


def _folder(plain: tuple[Any, ...]) -> OutputFolder:
    files, links, inner = plain
    made = {name: Output(hash_, executable, Stat(*stat)) for name, (hash_, executable, stat) in files.items()}
    return OutputFolder(made, links, inner)
