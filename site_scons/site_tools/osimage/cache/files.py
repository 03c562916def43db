"""What files and folders hold now: the digest of one file, and every file below a folder with its stat."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from typing import NamedTuple

# File times come from a clock that ticks every 10 ms at worst, and some file systems keep whole seconds, or even ones
# (FAT). A file that was written within one tick before it was looked at may be written again without a sign.
TICK_NS = 100_000_000
COARSE_TICK_NS = 2_100_000_000

_CHUNK = 1 << 18
_ATTEMPTS = 3

# mtime_ns, ctime_ns, size, inode, mode
Stat = tuple[int, int, int, int, int]
FIELDS = 6  # of an entry in `scan`'s list: a name and a Stat


class Seen(NamedTuple):
    """A file as it was read: SHA-256 (32 bytes), stat, and whether the stat will tell the next change."""

    sha256: bytes
    stat: Stat
    trusted: bool


def stat_of(found: os.stat_result) -> Stat:
    """What tells a file from its successor without reading it."""
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino, found.st_mode


def read(path: str) -> Seen | None:
    """Read the file at PATH; None where there is no regular file.

    Raises:
        OSError: it cannot be read.
    """
    now = time.time_ns()
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # opening a FIFO must not wait
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        for _ in range(_ATTEMPTS):
            before = stat_of(os.fstat(descriptor))
            if not stat.S_ISREG(before[4]):
                return None
            sha256, size = _hash(descriptor)
            if stat_of(os.fstat(descriptor)) == before and size == before[2]:
                return Seen(sha256, before, is_settled(before[0], before[1], now))
            os.lseek(descriptor, 0, os.SEEK_SET)
            now = time.time_ns()
        return Seen(sha256, (*before[:2], size, *before[3:]), trusted=False)
    finally:
        os.close(descriptor)


def is_settled(mtime_ns: int, ctime_ns: int, now_ns: int) -> bool:
    """Whether a file with these times, looked at at NOW_NS, gets other times when it is written again.

    This is git's rule for "racily clean" entries (its Documentation/technical/racy-git).
    """
    coarse = mtime_ns % 1_000_000_000 == 0 and ctime_ns % 1_000_000_000 == 0
    return max(mtime_ns, ctime_ns) + (COARSE_TICK_NS if coarse else TICK_NS) < now_ns


def scan(folder: str, exclude: frozenset[str] = frozenset()) -> list[str | int] | None:
    """Every regular file below FOLDER, as one flat list of name (relative to it) and Stat; None where it is absent.

    In the file system's order, which stays while a folder is unchanged. FOLDER may be a link. Links in it are followed,
    to files and to folders, but not back to where they lie. EXCLUDE are names of files and folders to leave out,
    relative to FOLDER.

    Raises:
        OSError: a folder cannot be read.
    """
    found: list[str | int] = []
    waiting: list[tuple[str, tuple[str, ...]]] = [("", ())]
    while waiting:
        prefix, links = waiting.pop()
        try:
            descriptor = os.open(f"{folder}/{prefix}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            if not prefix:
                return None
            continue  # gone since its name was read
        try:
            waiting += _scan_one(descriptor, folder, prefix, links, exclude, found)
        finally:
            os.close(descriptor)
    return found


def _scan_one(
    descriptor: int, folder: str, prefix: str, links: tuple[str, ...], exclude: frozenset[str], found: list[str | int]
) -> list[tuple[str, tuple[str, ...]]]:
    """Add the files of one folder to FOUND; return the folders in it, each with the folders whose links led there."""
    deeper = []
    with os.scandir(descriptor) as entries:
        for entry in entries:
            name = prefix + entry.name
            if name in exclude:
                continue
            if entry.is_dir(follow_symlinks=False):
                deeper.append((name + "/", links))
                continue
            try:
                status = entry.stat()
            except OSError:
                continue  # a link to nothing, or in a circle of its own; or gone since its name was read
            if stat.S_ISREG(status.st_mode):
                found += (name, *stat_of(status))
            elif stat.S_ISDIR(status.st_mode):
                here = os.path.realpath(f"{folder}/{prefix}")
                target = os.path.realpath(f"{folder}/{name}")
                if not any(f"{link}/".startswith(f"{target.rstrip('/')}/") for link in (*links, here)):
                    deeper.append((name + "/", (*links, here)))
    return deeper


def _hash(descriptor: int) -> tuple[bytes, int]:
    digest = hashlib.sha256()
    size = 0
    while data := os.read(descriptor, _CHUNK):
        digest.update(data)
        size += len(data)
    return digest.digest(), size
