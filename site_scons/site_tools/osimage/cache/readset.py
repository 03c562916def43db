"""What a step really read, as the store keeps it: a list of read sets, newest first, as canonical JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple, TypeGuard

MOST = 32  # read sets that are kept for one step; more only slow the search down
NAME = "read-sets.json"  # the output's name in the result that holds them


class ReadSet(NamedTuple):
    """What one run of a step read: files, and folders where a name ends in `/` (relative to the project root, or
    absolute outside it), variables by name, and whether the project's absolute path counts because the result holds it.
    EVERYTHING: nobody knows, so that all it may read of packages counts. Such a set, and one with files outside the
    project, is never in the store.
    """

    files: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    root: bool = False
    everything: bool = False


def canonical(read: ReadSet) -> ReadSet:
    """READ with its names sorted, each once."""
    return read._replace(files=tuple(sorted(set(read.files))), env=tuple(sorted(set(read.env))), root=bool(read.root))


def encode(reads: Iterable[ReadSet]) -> bytes:
    """The first MOST of READS as JSON: sorted keys, no blanks, ASCII."""
    plain = [{"env": read.env, "files": read.files, "root": read.root} for read in list(reads)[:MOST]]
    return json.dumps(plain, sort_keys=True, separators=(",", ":")).encode("ascii")


def decode(data: bytes) -> list[ReadSet]:
    """The read sets in DATA, at most MOST; those that no step of a project can have are left out."""
    try:
        plain = json.loads(data)
    except (ValueError, RecursionError):
        return []
    found = [_decode_one(entry) for entry in plain[:MOST]] if isinstance(plain, list) else []
    return [read for read in found if read is not None]


def _decode_one(entry: Any) -> ReadSet | None:
    if not isinstance(entry, dict):
        return None
    files, env, root = entry.get("files"), entry.get("env"), entry.get("root")
    if not _are_names(files) or not _are_names(env) or not isinstance(root, bool):
        return None
    if any(name.startswith("/") or ".." in name.split("/") for name in files):
        return None
    if any("=" in name for name in env):
        return None
    return canonical(ReadSet(tuple(files), tuple(env), root))


def _are_names(names: Any) -> TypeGuard[list[str]]:
    return isinstance(names, list) and all(isinstance(name, str) and name and "\0" not in name for name in names)
