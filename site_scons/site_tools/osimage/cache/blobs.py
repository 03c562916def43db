"""Blobs as files: copied in and out while their SHA-256 is taken, never half-written under their name."""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
from pathlib import Path

from .wire import Digest

_CHUNK = 1 << 18
_CLONE = 0x40049409  # ioctl FICLONE, linux/fs.h: share the extents of another file (btrfs, xfs)


class DamagedError(Exception):
    """A file does not hold what its name or its digest says."""


def copy(source: Path, destination: str, digest: Digest, mode: int) -> None:
    """Copy SOURCE to DESTINATION, a new file with MODE (less the umask), and check that it is what DIGEST says.

    Where the file system can, both share their extents until one of them is written. They are never one inode: a person
    may edit what lies in the build folder.

    Raises:
        DamagedError: SOURCE is another content, or no regular file. DESTINATION is then to be removed.
        OSError: either cannot be opened, read or written.
    """
    reading = _open(source, digest)
    try:
        writing = os.open(destination, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        try:
            cloned = _clone(reading, writing)
            _take(writing if cloned else reading, None if cloned else writing, source, digest)
        finally:
            os.close(writing)
    finally:
        os.close(reading)


def check(path: Path, digest: Digest) -> None:
    """Read the blob at PATH through.

    Raises:
        DamagedError: it is not what DIGEST says.
        OSError: it cannot be read.
    """
    reading = _open(path, digest)
    try:
        _take(reading, None, path, digest)
    finally:
        os.close(reading)


def read(path: Path, digest: Digest) -> bytes:
    """The content of the small blob at PATH.

    Raises:
        DamagedError: it is not what DIGEST says.
        OSError: it cannot be read.
    """
    reading = _open(path, digest)
    try:
        data = b"".join(iter(lambda: os.read(reading, _CHUNK), b""))
    finally:
        os.close(reading)
    if Digest.of(data) != digest:
        raise DamagedError(str(path))
    return data


def read_some(path: Path, most: int) -> bytes:
    """The first MOST bytes of the file at PATH, whatever they are.

    Raises:
        OSError: it cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with open(descriptor, "rb") as file:
        return file.read(most)


def _open(path: Path, digest: Digest) -> int:
    """Open the file at PATH, not waiting at a FIFO, and look at its size first: that finds most damage."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or found.st_size != digest.size:
        os.close(descriptor)
        raise DamagedError(str(path))
    return descriptor


def _clone(reading: int, writing: int) -> bool:
    try:
        fcntl.ioctl(writing, _CLONE, reading)
    except OSError:
        return False  # another file system, or one that cannot
    return True


def _take(reading: int, writing: int | None, name: Path, digest: Digest) -> None:
    """Read all of READING, write it to WRITING if given, and compare it with DIGEST; never more than its size."""
    sha256 = hashlib.sha256()
    buffer = memoryview(bytearray(min(_CHUNK, digest.size + 1)))
    size = 0
    while count := os.readv(reading, [buffer]):
        size += count
        if size > digest.size:
            raise DamagedError(str(name))
        sha256.update(buffer[:count])
        written = count if writing is None else 0
        while written < count:
            written += os.write(writing or 0, buffer[written:count])
    if size != digest.size or sha256.hexdigest() != digest.hash:
        raise DamagedError(str(name))
