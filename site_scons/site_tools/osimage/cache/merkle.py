"""The input root of a step: a Merkle tree of REAPI Directory messages over its files and over whole trees."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from .wire import Digest, directory, directory_node, file_node, symlink_node

NO_TREES: Mapping[str, Digest] = {}
NO_LINKS: Mapping[str, str] = {}


class Root(NamedTuple):
    """The digest of the topmost Directory, and every Directory message by its digest (not those of grafted trees)."""

    digest: Digest
    blobs: dict[Digest, bytes]


def build(
    files: Mapping[str, tuple[Digest, bool]],
    trees: Mapping[str, Digest] = NO_TREES,
    links: Mapping[str, str] = NO_LINKS,
    folders: Iterable[str] = (),
) -> Root:
    """The tree that holds FILES (path to content and whether it may be executed) and TREES (path to a Directory).

    LINKS are those that count as such, by their targets, FOLDERS those that are there also when nothing is in them.
    Paths are relative, with `/`; `.` and empty parts of one are dropped.

    Raises:
        ValueError: a path leaves the root, or two of them cannot be in one tree. That is a fault of ours.
    """
    nodes: dict[str, _Folder] = {"": _Folder()}
    for path, (digest, executable) in files.items():
        folder, name = _place(nodes, path)
        folder.files[name] = file_node(name, digest, executable)
    for path, target in links.items():
        folder, name = _place(nodes, path)
        folder.links[name] = symlink_node(name, target)
    for path in folders:
        _place(nodes, f"{path}/x")  # of anything in it
    grafted: dict[str, Digest] = {}
    for path, digest in trees.items():
        parts = _parts(path)
        if not parts:
            if len(files) or len(trees) > 1:
                raise ValueError("a tree that is the root stands alone")
            return Root(digest, {})
        folder, name = _place(nodes, path)
        folder.folders[name] = directory_node(name, digest)
        grafted["/".join(parts)] = digest
    blobs: dict[Digest, bytes] = {}
    made = Digest.of(b"")
    for path in sorted(nodes, key=_deepest_first):
        folder = nodes[path]
        if path in grafted or not folder.is_sound():
            raise ValueError(f"{path or 'the root'}: one name is both a file, a folder or a tree")
        data = folder.message()
        made = Digest.of(data)
        blobs[made] = data
        if path:
            parent, _, name = path.rpartition("/")
            nodes[parent].folders[name] = directory_node(name, made)
    return Root(made, blobs)


def covered(paths: Iterable[str], trees: Iterable[str]) -> list[str]:
    """Those of PATHS that lie below one of TREES, in their order."""
    above = {"/".join(_parts(tree)) for tree in trees}
    return [path for path in paths if above and _is_below(_parts(path), above)]


def _is_below(parts: list[str], above: set[str]) -> bool:
    return any("/".join(parts[:length]) in above for length in range(len(parts)))


class _Folder:
    """The encoded nodes of one folder, by name."""

    __slots__ = ("files", "folders", "links")

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.folders: dict[str, bytes] = {}
        self.links: dict[str, bytes] = {}

    def is_sound(self) -> bool:
        """Whether no two things in it have one name."""
        kinds = (self.files, self.folders, self.links)
        return len(self.files.keys() | self.folders.keys() | self.links.keys()) == sum(map(len, kinds))

    def message(self) -> bytes:
        return directory(_sorted(self.files), _sorted(self.folders), _sorted(self.links))


def _sorted(nodes: dict[str, bytes]) -> list[bytes]:
    # By code point, as REAPI asks; a name that is not UTF-8 only has to have some fixed place.
    return [nodes[name] for name in sorted(nodes)]


def _place(nodes: dict[str, _Folder], path: str) -> tuple[_Folder, str]:
    """The folder of PATH, made with those above it where it is new, and PATH's last part."""
    parts = _parts(path)
    if not parts:
        raise ValueError(f"{path!r} names no file")
    parent = "/".join(parts[:-1])
    above = parent
    while above not in nodes:
        nodes[above] = _Folder()
        above = above.rpartition("/")[0]
    return nodes[parent], parts[-1]


def _parts(path: str) -> list[str]:
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if path.startswith("/") or ".." in parts:
        raise ValueError(f"{path} is not below the project root")
    return parts


def _deepest_first(path: str) -> tuple[int, str]:
    return (-path.count("/") if path else 1, path)
