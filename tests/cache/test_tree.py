"""What a folder holds as a Tree message: it comes back as it was, or is refused."""

from __future__ import annotations

import random

import pytest
from osimage.cache import tree, wire
from osimage.cache.tree import Listing
from osimage.cache.wire import Digest, WireError

A = Digest.of(b"a")
B = Digest.of(b"b")
EMPTY = wire.directory([], [])
LISTING = Listing(
    {"gen.rs": (A, False), "bin/tool": (B, True), "lib/deep/er/x.o": (A, False)},
    {"lib/libx.so": "deep/er/x.o", "latest": "bin"},
    ("bin", "empty", "lib", "lib/deep", "lib/deep/er"),
)


@pytest.mark.parametrize(
    "listing", [LISTING, Listing({}, {}, ()), Listing({}, {}, ("a", "a/b")), Listing({"x": (A, True)}, {}, ())]
)
def test_a_folder_comes_back_as_it_was(listing: Listing) -> None:
    found = tree.decode(tree.encode(listing))
    assert found._replace(folders=tuple(sorted(found.folders))) == listing
    assert all(folder.rpartition("/")[0] in ("", *found.folders[:at]) for at, folder in enumerate(found.folders))


def test_it_is_written_as_protobuf_does() -> None:
    listing = Listing({"a": (A, True)}, {"l": "e"}, ("e",))
    empty = Digest.of(EMPTY)
    root = wire.directory(
        [wire.file_node("a", A, True)], [wire.directory_node("e", empty)], [bytes.fromhex("0a016c120165")]
    )
    assert tree.encode(listing) == b"\x0a" + bytes([len(root) & 127 | 128, len(root) >> 7]) + root + b"\x12\x00"


@pytest.mark.parametrize(("path", "target", "stays"), [
    ("a", "b", True), ("d/a", "../b", True), ("d/a", "../d/b", True), ("a", ".", True), ("d/a", "..", True),
    ("a", "/etc/passwd", False), ("a", "../b", False), ("d/a", "../../b", False), ("a", "..", False),
    ("a", "here/../b", False),  # `here` may lead to the folder itself, and `..` from there out of it
    ("d/a", "../here/../../b", False),
])  # fmt: skip
def test_a_folder_is_portable_if_no_link_leads_out(path: str, target: str, stays: bool) -> None:
    assert tree.is_portable(Listing({}, {path: target}, ("d",))) == stays


def node(name: str) -> bytes:
    return wire.file_node(name, A, False)


@pytest.mark.parametrize("root", [
    wire.directory([node("..")], []), wire.directory([node(".")], []), wire.directory([node("")], []),
    wire.directory([node("a/b")], []), wire.directory([node("/etc/passwd")], []), wire.directory([node("a\0b")], []),
    wire.directory([node("a"), node("a")], []),
    wire.directory([node("a")], [wire.directory_node("a", Digest.of(EMPTY))]),
    wire.directory([node("a")], [], [wire.symlink_node("a", "b")]),
    wire.directory([], [wire.directory_node("d", Digest.of(EMPTY))], [wire.symlink_node("d", "/etc")]),
    wire.directory([], [], [wire.symlink_node("a", "")]), wire.directory([], [], [wire.symlink_node("a", "b\0c")]),
    wire.directory([], [wire.directory_node("gone", B)]),
])  # fmt: skip
def test_what_no_folder_can_hold_is_refused(root: bytes) -> None:
    with pytest.raises(WireError):
        tree.decode(wire.tree(root, [EMPTY]))


def test_a_message_that_says_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forty folders, each twice in the one above: a few kilobytes for a million million entries."""
    monkeypatch.setattr(tree, "_MOST", 2000)
    children = [wire.directory([node("x")], [])]
    for _ in range(40):
        below = Digest.of(children[-1])
        children.append(wire.directory([], [wire.directory_node("a", below), wire.directory_node("b", below)]))
    with pytest.raises(WireError, match="too large"):
        tree.decode(wire.tree(children[-1], children[:-1]))


def test_nonsense_is_refused_or_a_listing() -> None:
    chance = random.Random(11)
    sound = tree.encode(LISTING)
    refused = 0
    for _ in range(5_000):
        data = bytearray(sound)
        for _ in range(chance.randrange(1, 4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            found = tree.decode(bytes(data[: chance.randrange(1, len(data) + 1)]))
        except WireError:
            refused += 1
        else:
            assert not any(".." in name.split("/") or name.startswith("/") for name in (*found.files, *found.links))
    assert refused > 1000
