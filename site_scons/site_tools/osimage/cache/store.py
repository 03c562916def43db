"""The store of results on this machine: REAPI ActionResults and blobs, in the layout of Bazel's --disk_cache.

`ac/<2 hex>/<64 hex>` holds the result of the Action with that digest, `cas/<2 hex>/<64 hex>` the blob with that
SHA-256, `tmp/` what is being written, `gc/` the bookkeeping (`collector`). A file's mtime says when it was last used.

Nothing in here is believed: a result counts if it decodes and names just the outputs that were asked for, a blob if its
content has its digest. So a kill, a power cut, a full disk or a stranger's edit can only make a step run again. The
store never fails a build.
"""

from __future__ import annotations

import errno
import os
import shutil
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from . import blobs, readset, wire
from .blobs import DamagedError
from .collector import Collector, Usage
from .folder import Folder, is_hash
from .readset import ReadSet
from .tree import Listing
from .wire import ActionResult, Digest, OutputDirectory, OutputFile

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_LARGEST_RESULT = 1 << 26  # bytes of an ActionResult; what is larger is none
_NO_FOLDERS: Mapping[str, tuple[Path, Listing]] = {}


class Result(NamedTuple):
    """A stored result: KEY is the Action's digest (hex), OUTPUTS path to content and executable bit, FOLDERS path, with
    `/` at its end, to the digest of a Tree.
    """

    key: str
    outputs: dict[str, tuple[Digest, bool]]
    stderr: str
    stdout: str
    folders: Mapping[str, Digest] = {}


class DiskStore:
    """The store in the folder ROOT, kept below LIMIT bytes; READONLY leaves every file in it as it is.

    Any number of processes and threads may use one store at once.
    """

    def __init__(self, root: Path, limit: int, readonly: bool = False) -> None:
        self.root = root
        self.limit = limit
        self._readonly = readonly
        self._collector = Collector(root, limit)
        self._folder = Folder(root, self._collector, readonly)
        self._messages: list[str] = []
        self._told: set[str] = set()
        self._given_up = False  # on writing, in this process
        self._guard = threading.Lock()

    def lookup(self, key: str, outputs: Sequence[str]) -> Result | None:
        """The result of the Action with digest KEY (hex), if it is a success with exactly OUTPUTS."""
        path = self._folder.result(key)
        try:
            data = blobs.read_some(path, _LARGEST_RESULT + 1)
        except OSError:
            return None
        try:
            found = wire.decode_result(data) if 0 < len(data) <= _LARGEST_RESULT else None
        except wire.WireError:
            found = None
        if found is None or not _is_sound(found, outputs):
            self._folder.remove(path)
            return None
        if found.exit_code != 0 or found.other:
            return None  # another tool's: a failure that it keeps, or a form that is not ours
        self._folder.touch(path)
        return Result(key, {output.path: (output.digest, output.executable) for output in found.outputs},
                      found.stderr.decode("utf-8", "replace"), found.stdout.decode("utf-8", "replace"),
                      {f"{output.path}/": output.tree for output in found.directories})  # fmt: skip

    def restore(self, result: Result, destinations: Mapping[str, Path]) -> bool:
        """Bring back all outputs of RESULT to DESTINATIONS (output path to where it goes), or none of them.

        Each is copied to a temporary name beside it while its content is checked; when all are right, they are renamed;
        where a folder goes, nothing may be. Where one is damaged or gone, the entry goes too, and the next `put` heals
        it. Damage is told once (`take_messages`); a blob that is gone is not, as that is how old results end.

        Raises:
            OSError: the destinations' disk is full, which making the outputs anew would find out later.
        """
        outputs = (*result.outputs, *result.folders)
        temporaries = {path: f"{destinations[path]}.{os.urandom(6).hex()}" for path in outputs}
        made = list(temporaries.values())
        try:
            for path, (digest, executable) in result.outputs.items():
                self._folder.fetch(digest, temporaries[path], executable)
            for path, digest in result.folders.items():
                self._folder.fetch_tree(digest, temporaries[path])
            for path, temporary in temporaries.items():
                os.replace(temporary, destinations[path])
                made.append(str(destinations[path]))
        except (OSError, DamagedError) as error:
            for name in made:
                _remove(name)
            if not isinstance(error, OSError) or str(error.filename).startswith(f"{self.root}/"):
                self._distrust(result, error)
            elif error.errno in _NO_ROOM:
                raise
            return False
        return True

    def put(
        self,
        key: str,
        files: Mapping[str, tuple[Path, Digest, bool]],
        stderr: str = "",
        stdout: str = "",
        folders: Mapping[str, tuple[Path, Listing]] = _NO_FOLDERS,
    ) -> bool:
        """Keep a success: FILES are its outputs (path to the file, its digest, its executable bit), and so are FOLDERS
        (path with `/` at its end to the folder and what it holds). False: not kept.

        Blobs first, the result last, each under a temporary name until it is whole, so that a kill at any moment leaves
        only what `restore` accepts. Nothing is synced to the disk: what a power cut empties, `restore` notices. The
        result is as old as its oldest blob, so that it is the first of them to go.
        """
        inside = [(source / name, digest) for source, listing in folders.values()
                  for name, (digest, _) in listing.files.items()]  # fmt: skip
        sources = [*((source, digest) for source, digest, _ in files.values()), *inside]
        if not self._may_write(sum(digest.size for _, digest in sources)):
            return False
        outputs = tuple(OutputFile(path, digest, executable) for path, (_, digest, executable) in files.items())
        try:
            used = [self._folder.give(source, digest) for source, digest in sources]
            trees = {path: self._folder.write_tree(listing) for path, (_, listing) in folders.items()}
            directories = tuple(OutputDirectory(path.rstrip("/"), digest) for path, (digest, _) in trees.items())
            used += [mtime_ns for _, mtime_ns in trees.values()]
            result = ActionResult(outputs, 0, _to_bytes(stdout), _to_bytes(stderr), directories=directories)
            self._folder.write(self._folder.result(key), wire.encode_result(result), min(used, default=None))
        except DamagedError:
            return False  # an output changed since its digest was taken
        except OSError as error:
            self._give_up(error, {str(source) for source, _ in sources})
            return False
        return True

    def read_sets(self, base: str) -> list[ReadSet]:
        """What earlier runs of the step with the base key BASE (hex) read, newest first."""
        result = self.lookup(base, [readset.NAME])
        if result is None:
            return []
        digest = result.outputs[readset.NAME][0]
        path = self._folder.blob(digest)
        try:
            data = blobs.read(path, digest)
        except (OSError, DamagedError) as error:
            self._distrust(result, error)
            return []
        self._folder.touch(path)
        return readset.decode(data)

    def add_read_set(self, base: str, read: ReadSet | tuple[tuple[str, ...], tuple[str, ...], bool]) -> bool:
        """Keep READ (a ReadSet), what a run of the step with the base key BASE read, as the newest of `readset.MOST`.

        Of two processes that do this at once, one may be forgotten; that step then runs once more somewhere.
        """
        new = readset.canonical(ReadSet(*read))
        known = self.read_sets(base)
        if known[:1] == [new]:
            return True
        data = readset.encode([new, *(old for old in known if old != new)])
        if not self._may_write(len(data)):
            return False
        digest = Digest.of(data)
        result = wire.encode_result(ActionResult((OutputFile(readset.NAME, digest),)))
        try:
            used = self._folder.write(self._folder.blob(digest), data)
            self._folder.write(self._folder.result(base), result, used)
        except OSError as error:
            self._give_up(error, set())
            return False
        return True

    def finish(self) -> None:
        """At the end of a build: bring the store below its limit if this process added to it."""
        if not self._readonly:
            self._collector.finish()

    def usage(self) -> Usage:
        """How full the store is, counted now."""
        return self._collector.usage()

    def take_messages(self) -> list[str]:
        """What a person should know (the store is damaged, full, cannot be written), each told once."""
        with self._guard:
            messages, self._messages = self._messages, []
        return messages

    def _distrust(self, result: Result, error: Exception) -> None:
        """Remove RESULT and, where ERROR is about a blob's content, the blob."""
        self._folder.remove(self._folder.result(result.key))
        if isinstance(error, FileNotFoundError):
            return
        path = Path(error.filename if isinstance(error, OSError) else str(error))
        self._folder.remove(path)
        what = f"cannot be read ({error.strerror})" if isinstance(error, OSError) else "is damaged"
        self._tell(f"{path} in the cache {what}; what it held is made again.")

    def _may_write(self, size: int) -> bool:
        if self._readonly or self._given_up:
            return False
        if size > self.limit:
            self._tell(f"a result of {size} bytes is larger than the whole cache may be ({self.limit} bytes), and is "
                       "not kept. Set OSIMAGE_CACHE_SIZE to allow more.")  # fmt: skip
            return False
        return True

    def _give_up(self, error: OSError, sources: set[str]) -> None:
        """Stop writing in this process, and say so once; unless it is one of SOURCES that cannot be read."""
        if str(error.filename) in sources:
            return
        self._given_up = True
        self._collector.added(0)  # there may be room to make
        self._tell(f"the cache {self.root} cannot be written ({error.strerror}), so results are not kept. "
                   "Set OSIMAGE_CACHE to a folder that can be.")  # fmt: skip

    def _tell(self, message: str) -> None:
        with self._guard:
            if message not in self._told:
                self._told.add(message)
                self._messages.append(message)


def _is_sound(result: ActionResult, outputs: Sequence[str]) -> bool:
    """Whether RESULT is what a step with OUTPUTS may have come to; failures and foreign forms are sound."""
    if result.exit_code != 0 or result.other:
        return True
    names = [*(output.path for output in result.outputs), *(f"{output.path}/" for output in result.directories)]
    digests = [*(output.digest for output in result.outputs), *(output.tree for output in result.directories)]
    return sorted(names) == sorted(outputs) and all(is_hash(digest.hash) and digest.size >= 0 for digest in digests)


def _remove(path: str) -> None:
    """Remove the file or folder at PATH, if that is possible."""
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            os.unlink(path)


def _to_bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")
