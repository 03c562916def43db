"""What a folder holds, as REAPI keeps it: a Tree message of its files, links and folders; read without trust."""

from __future__ import annotations

from typing import NamedTuple

from . import merkle, wire
from .protobuf import WireError, fields, to_text
from .wire import Digest

_MOST = 200_000  # entries of one folder; a message of a few bytes can say more than a disk holds


class Listing(NamedTuple):
    """What a folder holds, by paths in it: files (content, executable bit), the targets of links, folders."""

    files: dict[str, tuple[Digest, bool]]
    links: dict[str, str]
    folders: tuple[str, ...]


class _Directory(NamedTuple):
    files: list[tuple[str, Digest, bool]]
    folders: list[tuple[str, Digest]]
    links: list[tuple[str, str]]


def encode(listing: Listing) -> bytes:
    """LISTING as a `Tree`."""
    root, blobs = merkle.build(listing.files, links=listing.links, folders=listing.folders)
    return wire.tree(blobs.pop(root), blobs.values())


def decode(data: bytes) -> Listing:
    """What the `Tree` DATA holds; the folders are in an order in which they can be made.

    Raises:
        WireError: DATA is no Tree, not a whole one, or one that no folder can hold.
    """
    root, children = b"", dict[Digest, bytes]()
    for number, value in fields(data):
        if number == 1 and isinstance(value, bytes):
            root = value
        elif number == 2 and isinstance(value, bytes):
            children[Digest.of(value)] = value
    found = Listing({}, {}, ())
    folders: list[str] = []
    waiting = [("", root)]
    while waiting:
        prefix, message = waiting.pop()
        here = _decode_directory(message)
        found.files.update((prefix + name, (digest, executable)) for name, digest, executable in here.files)
        found.links.update((prefix + name, target) for name, target in here.links)
        for name, digest in here.folders:
            if digest not in children:
                raise WireError("a folder is missing")
            folders.append(prefix + name)
            waiting.append((f"{prefix}{name}/", children[digest]))
        if len(found.files) + len(found.links) + len(folders) > _MOST:
            raise WireError("too large")
    return found._replace(folders=tuple(folders))


def is_portable(listing: Listing) -> bool:
    """Whether LISTING is the same folder anywhere: no link in it leads out of it, and it is not too large to keep."""
    entries = len(listing.files) + len(listing.links) + len(listing.folders)
    return entries <= _MOST and all(_stays(path, target) for path, target in listing.links.items())


def _stays(path: str, target: str) -> bool:
    """Whether the link at PATH, which says TARGET, leads to a place in the same folder, if other links in it do.

    `..` counts only in front: after a name, which may be a link, it leads nobody knows where.
    """
    parts = [part for part in target.split("/") if part not in ("", ".")]
    ups = next((number for number, part in enumerate(parts) if part != ".."), len(parts))
    return not target.startswith("/") and ".." not in parts[ups:] and ups <= path.count("/")


def _decode_directory(data: bytes) -> _Directory:
    """The `Directory` in DATA.

    Raises:
        WireError: it is none, or it names what cannot be in a folder.
    """
    found = _Directory([], [], [])
    names = set()
    for kind, value in fields(data):
        if kind not in (1, 2, 3) or not isinstance(value, bytes):
            continue
        name, content, executable = _decode_node(value)
        if not name or name in (".", "..") or "/" in name or "\0" in name or name in names:
            raise WireError(f"{name!r} in a folder")
        names.add(name)
        if kind == 1:
            found.files.append((name, wire.decode_digest(content), executable))
        elif kind == 2:
            found.folders.append((name, wire.decode_digest(content)))
        elif not content or b"\0" in content:
            raise WireError(f"a link to {content!r}")
        else:
            found.links.append((name, to_text(content)))
    return found


def _decode_node(data: bytes) -> tuple[str, bytes, bool]:
    """A `FileNode`, `DirectoryNode` or `SymlinkNode`: its name, its digest or target, and its executable bit."""
    name, content, executable = "", b"", False
    for number, value in fields(data):
        if number == 4 and isinstance(value, int):
            executable = value != 0
        elif number == 1 and isinstance(value, bytes):
            name = to_text(value)
        elif number == 2 and isinstance(value, bytes):
            content = value
    return name, content, executable
