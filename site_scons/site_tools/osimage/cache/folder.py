"""The store's folder in the layout of Bazel's --disk_cache: where a result and a blob lie, and how they get there."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

from . import blobs, tree
from .blobs import DamagedError
from .collector import Collector
from .tree import Listing
from .wire import Digest, WireError

_HEX = frozenset("0123456789abcdef")
_EMPTY = Digest.of(b"")  # REAPI: it need not be stored
_LARGEST_TREE = 1 << 26  # bytes of a Tree message; what is larger is none


def is_hash(text: str) -> bool:
    """Whether TEXT is a SHA-256 as file names and digests here have it."""
    return len(text) == 64 and _HEX.issuperset(text)


class Folder:
    """The files of the store in ROOT. READONLY leaves each as it is. Methods that say nothing raise nothing."""

    def __init__(self, root: Path, collector: Collector, readonly: bool) -> None:
        self.root = root
        self._collector = collector
        self._readonly = readonly

    def result(self, key: str) -> Path:
        """Where the result of the Action with digest KEY lies.

        Raises:
            ValueError: KEY is no digest.
        """
        return self._place("ac", key)

    def blob(self, digest: Digest) -> Path:
        """Where the blob with DIGEST lies.

        Raises:
            ValueError: DIGEST is none.
        """
        return self._place("cas", digest.hash)

    def fetch(self, digest: Digest, destination: str, executable: bool) -> None:
        """Copy a blob to the new file DESTINATION.

        Raises:
            DamagedError: it is not what DIGEST says; DESTINATION may hold a part of it.
            OSError: it is not there, or one of the two files cannot be used.
        """
        mode = 0o777 if executable else 0o666
        if digest == _EMPTY:
            os.close(os.open(destination, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode))
            return
        blobs.copy(self.blob(digest), destination, digest, mode)
        self.touch(self.blob(digest))

    def fetch_tree(self, digest: Digest, destination: str) -> None:
        """Make the new folder DESTINATION as the Tree with DIGEST says.

        Raises:
            DamagedError: the Tree or a file of it is not what its digest says, or nothing that belongs into one folder;
                DESTINATION may hold a part of it.
            OSError: a blob is not there, or something cannot be read or made.
        """
        listing = self._read_tree(digest)
        os.mkdir(destination)
        for name in listing.folders:
            os.mkdir(f"{destination}/{name}")
        for name, (content, executable) in listing.files.items():
            self.fetch(content, f"{destination}/{name}", executable)
        for name, target in listing.links.items():
            os.symlink(target, f"{destination}/{name}")

    def write_tree(self, listing: Listing) -> tuple[Digest, int]:
        """Store the Tree of LISTING, whose files are here; return its digest and when it was last used, which is now.

        Raises:
            OSError: that is impossible.
        """
        data = tree.encode(listing)
        digest = Digest.of(data)
        return digest, self.write(self.blob(digest), data)

    def give(self, source: Path, digest: Digest) -> int:
        """Store the file SOURCE as the blob DIGEST; return when that was last used (ns since 1970).

        A blob that is there already is read through, not believed, and replaced if it is damaged: a step has just run,
        and reading is quick beside that and beside writing.

        Raises:
            DamagedError: SOURCE is not what DIGEST says.
            OSError: SOURCE cannot be read, or the store not written.
        """
        if digest == _EMPTY:
            return time.time_ns()
        path = self.blob(digest)
        with suppress(OSError, DamagedError):
            blobs.check(path, digest)
            self.touch(path)
            return path.stat().st_mtime_ns
        temporary = self._temporary()
        try:
            blobs.copy(source, temporary, digest, 0o444)  # so that nobody edits it by mistake
            return self._install(temporary, path)
        finally:
            with suppress(OSError):
                os.unlink(temporary)

    def write(self, path: Path, data: bytes, mtime_ns: int | None = None) -> int:
        """Store DATA at PATH; return when it was last used (ns since 1970): now, or at MTIME_NS.

        Raises:
            OSError: that is impossible.
        """
        temporary = self._temporary()
        try:
            with open(temporary, "xb") as file:
                file.write(data)
            if mtime_ns is not None:
                os.utime(temporary, ns=(mtime_ns, mtime_ns))
            os.chmod(temporary, 0o444)
            return self._install(temporary, path)
        finally:
            with suppress(OSError):
                os.unlink(temporary)

    def touch(self, path: Path) -> None:
        """Note that the file at PATH was used now."""
        if not self._readonly:
            with suppress(OSError):  # another person's store may still be read
                os.utime(path)

    def remove(self, path: Path) -> None:
        """Remove the file at PATH, if that is possible."""
        if not self._readonly:
            with suppress(OSError):
                path.unlink()

    def _read_tree(self, digest: Digest) -> Listing:
        path = self.blob(digest)
        if digest.size > _LARGEST_TREE:
            raise DamagedError(str(path))
        try:
            listing = tree.decode(blobs.read(path, digest))
        except WireError as error:
            raise DamagedError(str(path)) from error
        if not tree.is_portable(listing) or not all(is_hash(content.hash) for content, _ in listing.files.values()):
            raise DamagedError(str(path))
        self.touch(path)
        return listing

    def _place(self, kind: str, name: str) -> Path:
        if not is_hash(name):
            raise ValueError(f"{name!r} is no SHA-256")
        return self.root / kind / name[:2] / name

    def _install(self, temporary: str, path: Path) -> int:
        stat = os.stat(temporary)
        size = stat.st_size
        with suppress(OSError):
            size -= path.stat().st_size
        path.parent.mkdir(parents=True, exist_ok=True)
        os.replace(temporary, path)
        self._collector.added(size)
        return stat.st_mtime_ns

    def _temporary(self) -> str:
        self._collector.prepare()
        return f"{self.root}/tmp/{os.urandom(16).hex()}"
