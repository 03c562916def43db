"""Merkle trees of a step's inputs."""

from __future__ import annotations

import random

import pytest
from osimage.cache import merkle, wire
from osimage.cache.wire import Digest

A = Digest.of(b"a")
B = Digest.of(b"b")
X = (A, False)
TREE = Digest.of(wire.directory([wire.file_node("lib.rs", B, False)], []))


def test_nothing_is_the_empty_directory() -> None:
    empty = Digest("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", 0)
    assert merkle.build({}) == (empty, {empty: b""})


def test_folders_are_built_from_the_bottom() -> None:
    root = merkle.build({"Cargo.toml": X, "src/main.rs": (B, True), "src/a/b.rs": X})
    lowest = wire.directory([wire.file_node("b.rs", A, False)], [])
    middle = wire.directory([wire.file_node("main.rs", B, True)], [wire.directory_node("a", Digest.of(lowest))])
    top = wire.directory([wire.file_node("Cargo.toml", A, False)], [wire.directory_node("src", Digest.of(middle))])
    assert root.digest == Digest.of(top)
    assert root.blobs == {Digest.of(data): data for data in (lowest, middle, top)}


def test_names_are_sorted_by_bytes() -> None:
    names = ["B", "a", "Z", "é", "漢", "😀", "a.b", "a-b"]
    root = merkle.build(dict.fromkeys(names, X))
    nodes = [wire.file_node(name, A, False) for name in sorted(names, key=str.encode)]
    assert root.digest == Digest.of(wire.directory(nodes, []))


def test_a_grafted_tree_is_the_same_as_its_files() -> None:
    whole = merkle.build({"ext/rust/lib.rs": (B, False), "a": X})
    grafted = merkle.build({"a": X}, {"ext/rust": TREE})
    assert grafted.digest == whole.digest
    assert whole.blobs.keys() - grafted.blobs.keys() == {TREE}
    assert merkle.build({}, {".": TREE}).digest == TREE


def test_the_order_of_inputs_does_not_matter() -> None:
    names = [f"{folder}/{name}" for folder in ("a", "a/b", "c/d/e") for name in "xyz"]
    first = merkle.build(dict.fromkeys(names, X), {"c/t": TREE}).digest
    random.Random(3).shuffle(names)
    assert merkle.build(dict.fromkeys(names, X), {"c/t": TREE}).digest == first


@pytest.mark.parametrize(("one", "other"), [("./a//b", "a/b"), ("a/./b", "a/b"), ("a/b/", "a/b")])
def test_a_path_has_one_meaning(one: str, other: str) -> None:
    assert merkle.build({one: X}).digest == merkle.build({other: X}).digest


def test_every_change_makes_another_root() -> None:
    roots = [
        merkle.build(files, trees).digest
        for files, trees in [
            ({"src/a": X}, {}), ({"src/b": X}, {}), ({"src/a": (B, False)}, {}), ({"src/a": (A, True)}, {}),
            ({"src/a": X, "src/b": X}, {}), ({"srca": X}, {}), ({"src/a": X}, {"t": TREE}), ({"src/a": X}, {"t": A}),
        ]
    ]  # fmt: skip
    assert len(set(roots)) == len(roots)


@pytest.mark.parametrize(
    ("files", "trees", "says"),
    [
        (["../a"], [], "../a is not below the project root"),
        (["a/../b"], [], "a/../b is not below the project root"),
        (["/etc/passwd"], [], "/etc/passwd is not below the project root"),
        ([""], [], "'' names no file"),
        (["."], [], "'.' names no file"),
        (["a", "a/b"], [], "the root: one name is both a file, a folder or a tree"),
        (["t"], ["t"], "the root: one name is both a file, a folder or a tree"),
        (["s/t/x"], ["s/t"], "s/t: one name is both a file, a folder or a tree"),
        ([], ["t", "t/u"], "t: one name is both a file, a folder or a tree"),
        (["a"], ["."], "a tree that is the root stands alone"),
    ],
)
def test_what_cannot_be_one_tree_is_told(files: list[str], trees: list[str], says: str) -> None:
    with pytest.raises(ValueError, match=r".") as told:
        merkle.build(dict.fromkeys(files, X), dict.fromkeys(trees, TREE))
    assert str(told.value) == says


@pytest.mark.parametrize(
    ("paths", "trees", "below"),
    [
        (["a/b", "ab", "a"], ["a"], ["a/b"]),
        (["a/b/c", "a/x"], ["./a/b/"], ["a/b/c"]),
        (["a", "b/c"], ["."], ["a", "b/c"]),
        (["a", "b/c"], [], []),
    ],
)
def test_what_a_tree_holds_is_found(paths: list[str], trees: list[str], below: list[str]) -> None:
    assert merkle.covered(paths, trees) == below


def test_a_deep_tree_needs_no_deep_stack() -> None:
    path = "/".join("d" for _ in range(3000))
    assert len(merkle.build({path: X}).blobs) == 3000
