"""What was found out about this machine, remembered in the user's cache directory; what is damaged there is absent."""

from __future__ import annotations

import hashlib
import marshal
import os
from collections.abc import Mapping
from typing import Any

# (mtime_ns, ctime_ns, size, inode), or None for a file that is not there. A device number would change with a remount.
Stat = tuple[int, int, int, int] | None

_FORMAT = 4  # of marshal: the newest that every supported Python reads


def stat_of(path: str) -> Stat:
    """What tells one state of the file or folder PATH (links followed) from another; None where it is absent."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)


def folder(environ: Mapping[str, str]) -> str:
    """The absolute path of the folder that remembers: `osimage/toolchain` in the user's cache directory (XDG)."""
    cache = environ.get("XDG_CACHE_HOME", "")
    if not cache.startswith("/"):  # the XDG specification: a relative path is to be ignored
        cache = (environ.get("HOME") or os.path.expanduser("~")) + "/.cache"
    return cache + "/osimage/toolchain"


def key(*parts: str) -> str:
    """A file name for what is known about PARTS."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:40]


def read(directory: str, name: str) -> Any:
    """What `write` stored under NAME, or None: absent, unreadable, cut short or damaged are the same."""
    try:
        with open(f"{directory}/{name}", "rb", buffering=0) as file:
            data = file.read()
        # The digest comes first because marshal trusts its input.
        return marshal.loads(data[32:]) if hashlib.sha256(data[32:]).digest() == data[:32] else None
    except (OSError, ValueError, EOFError, TypeError):
        return None


def write(directory: str, name: str, value: Any) -> None:
    """Store VALUE (plain tuples, strings, numbers, None) under NAME in one rename; where that is impossible, do not."""
    data = marshal.dumps(value, _FORMAT)
    temporary = f"{directory}/.{name}.{os.getpid()}"
    try:
        os.makedirs(directory, exist_ok=True)
        with open(temporary, "wb") as file:
            file.write(hashlib.sha256(data).digest() + data)
        os.replace(temporary, f"{directory}/{name}")
    except OSError:
        return
