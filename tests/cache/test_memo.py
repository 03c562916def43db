"""Remembered digests: never a wrong one, and few reads."""

from __future__ import annotations

import os
import random
import re
import time
from pathlib import Path

import pytest
from osimage.cache import files
from osimage.cache.memo import Memo
from osimage.cache.merkle import build
from osimage.cache.wire import Digest
from osimage.errors import StepError

OLD_NS = 1_500_000_000_123_456_789


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that were read, in order."""
    found: list[str] = []
    read = files.read

    def watched(path: str) -> files.Seen | None:
        found.append(path)
        return read(path)

    monkeypatch.setattr(files, "read", watched)
    return found


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that the test has just written are as good as old ones: the clock is an hour ahead."""
    now = time.time_ns
    monkeypatch.setattr(files.time, "time_ns", lambda: now() + 3600 * 10**9)


def tree_of(folder: Path, **names: bytes) -> Path:
    for name, content in names.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


@pytest.mark.parametrize("tick_ns", [1, 10_000_000, 1_000_000_000, 2_000_000_000])
def test_same_size_edits_within_one_second_are_never_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tick_ns: int
) -> None:
    """With this file system's clock, and with those that tick every 10 ms, second or two seconds."""

    def coarse(found: os.stat_result) -> files.Stat:
        exact = real(found)
        return (exact[0] // tick_ns * tick_ns, exact[1] // tick_ns * tick_ns, *exact[2:])

    real = files.stat_of
    monkeypatch.setattr(files, "stat_of", coarse)
    source, memo_file = tmp_path / "a.rs", tmp_path / "memo"
    chance = random.Random(1)
    seen = set()
    for number in range(300):
        content = b"%06d" % chance.randrange(10**6)
        source.write_bytes(content)
        memo = Memo(memo_file)
        assert memo.digest(str(source)) == Digest.of(content), number
        assert memo.tree(str(tmp_path), ["memo"]) == build({"a.rs": (Digest.of(content), False)}).digest, number
        memo.save()
        if number % 3 == 0:  # written again right after it was read, before the clock ticks
            source.write_bytes(content[::-1])
            assert Memo(memo_file).digest(str(source)) == Digest.of(content[::-1]), number
            assert memo.tree(str(tmp_path), ["memo"]) == build({"a.rs": (Digest.of(content[::-1]), False)}).digest
        seen.add(os.stat(source).st_mtime_ns // 10**9)
    assert len(seen) < 60  # many edits a second, or this shows nothing


@pytest.mark.parametrize(
    ("mtime", "ctime", "now", "settled"),
    [
        (100_000_000_001, 100_000_000_001, 100_000_000_001, False),
        (100_000_000_001, 100_000_000_001, 100_100_000_001, False),
        (100_000_000_001, 100_000_000_001, 100_100_000_002, True),
        (50_000_000_001, 100_000_000_001, 100_050_000_000, False),  # renamed just now
        (100_000_000_001, 50_000_000_001, 100_050_000_000, False),
        (200_000_000_001, 100_000_000_001, 150_000_000_000, False),  # a clock that was set back
        (100_000_000_000, 100_000_000_000, 102_000_000_000, False),  # a file system of whole or even seconds
        (100_000_000_000, 100_000_000_000, 102_100_000_001, True),
        (100_000_000_000, 100_000_000_007, 100_500_000_000, True),  # `touch -d`, tar: only the mtime is whole
    ],
)
def test_when_a_stat_may_be_believed(mtime: int, ctime: int, now: int, settled: bool) -> None:
    assert files.is_settled(mtime, ctime, now) is settled


@pytest.mark.usefixtures("settled")
def test_an_unchanged_file_is_read_once(tmp_path: Path, reads: list[str]) -> None:
    source = str(tree_of(tmp_path, a=b"one") / "a")
    memo = Memo(tmp_path / "memo")
    assert [memo.digest(source) for _ in range(3)] == [Digest.of(b"one")] * 3
    memo.save()
    assert Memo(tmp_path / "memo").digest(source) == Digest.of(b"one")
    assert reads == [source]


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("keep_mtime", [False, True])
def test_another_content_is_noticed(tmp_path: Path, keep_mtime: bool) -> None:
    source = tree_of(tmp_path, a=b"one") / "a"
    memo = Memo(tmp_path / "memo")
    memo.digest(str(source))
    before = source.stat()
    source.write_bytes(b"two")
    if keep_mtime:  # nobody can keep the ctime
        os.utime(source, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert memo.digest(str(source)) == Digest.of(b"two")


@pytest.mark.usefixtures("settled")
def test_a_file_in_the_place_of_another_is_noticed(tmp_path: Path) -> None:
    folder = tree_of(tmp_path, a=b"one", b=b"two")
    memo = Memo(tmp_path / "memo")
    memo.digest(str(folder / "a"))
    (folder / "b").replace(folder / "a")
    assert memo.digest(str(folder / "a")) == Digest.of(b"two")


def test_what_is_no_file_has_no_digest(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "circle").symlink_to("circle2")
    tree_of(tmp_path, file=b"")
    memo = Memo(tmp_path / "memo")
    for name in ("absent", "fifo", "file/below", "."):
        assert memo.digest(str(tmp_path / name)) is None
    assert memo.tree(str(tmp_path / "absent")) is None
    assert memo.tree(str(tmp_path / "file")) is None


@pytest.mark.usefixtures("settled")
def test_a_file_that_vanished_has_no_digest(tmp_path: Path) -> None:
    source = tree_of(tmp_path, a=b"one") / "a"
    memo = Memo(tmp_path / "memo")
    memo.digest(str(source))
    source.unlink()
    assert memo.digest(str(source)) is None


def test_what_cannot_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tree_of(tmp_path, src__a=b"one") / "src"
    real = os.open

    def refuse(path: str, *arguments: int) -> int:
        if str(path).endswith("/a"):
            raise PermissionError(13, "Permission denied", path)
        return real(path, *arguments)

    monkeypatch.setattr(files.os, "open", refuse)
    says = f"cannot read {folder}/a: Permission denied. Make it readable for you."
    with pytest.raises(StepError, match=re.escape(says)):
        Memo(tmp_path / "memo").digest(f"{folder}/a")
    with pytest.raises(StepError, match=re.escape(says)):
        Memo(tmp_path / "memo").tree(str(folder))


def test_a_tree_is_the_reapi_directory_of_its_files(tmp_path: Path) -> None:
    folder = tree_of(tmp_path / "src", a=b"1", d__b=b"2", d__e__c=b"3")
    (folder / "d/b").chmod(0o755)
    (folder / "empty/one").mkdir(parents=True)
    expected = {"a": (Digest.of(b"1"), False), "d/b": (Digest.of(b"2"), True), "d/e/c": (Digest.of(b"3"), False)}
    memo = Memo(tmp_path / "memo")
    assert memo.tree(str(folder)) == build(expected).digest
    del expected["d/b"], expected["d/e/c"]
    assert memo.tree(str(folder), ["d"]) == build(expected).digest
    assert memo.tree(str(folder), ["d/e", "d/b", "b"]) == build(expected).digest


@pytest.mark.usefixtures("settled")
def test_of_a_tree_only_what_changed_is_read(tmp_path: Path, reads: list[str]) -> None:
    folder = tree_of(tmp_path / "src", a=b"1", d__b=b"2", d__c=b"3")
    memo = Memo(tmp_path / "memo")
    first = memo.tree(str(folder))
    memo.save()
    assert sorted(reads) == [f"{folder}/a", f"{folder}/d/b", f"{folder}/d/c"]
    reads.clear()
    assert Memo(tmp_path / "memo").tree(str(folder)) == first
    assert reads == []
    tree_of(folder, d__b=b"x", d__new=b"y")
    memo = Memo(tmp_path / "memo")
    expected = build({name: (Digest.of(data), False) for name, data in
                      {"a": b"1", "d/b": b"x", "d/c": b"3", "d/new": b"y"}.items()}).digest  # fmt: skip
    assert memo.tree(str(folder)) == expected
    assert sorted(reads) == [f"{folder}/d/b", f"{folder}/d/new"]


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "d/new").write_bytes(b""),
        lambda folder: (folder / "d/b").unlink(),
        lambda folder: (folder / "d/b").rename(folder / "d/z"),
        lambda folder: (folder / "d").rename(folder / "e"),
        lambda folder: (folder / "a").chmod(0o755),
        lambda folder: (folder / "link").symlink_to("a"),
        lambda folder: (folder / "linked").symlink_to("d"),
    ],
)
def test_every_change_of_a_tree_is_noticed(tmp_path: Path, change: object) -> None:
    folder = tree_of(tmp_path / "src", a=b"1", d__b=b"2")
    memo = Memo(tmp_path / "memo")
    first = memo.tree(str(folder))
    memo.save()
    assert callable(change)
    change(folder)
    assert Memo(tmp_path / "memo").tree(str(folder)) != first


def test_links_count_by_what_they_lead_to(tmp_path: Path) -> None:
    real = tree_of(tmp_path / "real", a=b"1", d__b=b"2")
    linked = tree_of(tmp_path / "linked", a=b"1")
    (linked / "d").symlink_to(real / "d")
    (linked / "a").unlink()
    (linked / "a").symlink_to("../real/a")
    (linked / "nothing").symlink_to("absent")
    (linked / "self").symlink_to("self")
    (tmp_path / "root").symlink_to("linked")
    memo = Memo(tmp_path / "memo")
    expected = memo.tree(str(real))
    assert memo.tree(str(linked)) == memo.tree(str(tmp_path / "root")) == expected
    (real / "d/b").write_bytes(b"3")
    assert memo.tree(str(tmp_path / "root")) == memo.tree(str(real)) != expected


def test_links_that_lead_back_are_cut(tmp_path: Path) -> None:
    folder = tree_of(tmp_path / "top/src", a__x=b"1", b__y=b"2")
    (folder / "a/up").symlink_to("..")
    (folder / "a/itself").symlink_to(".")
    (folder / "a/above").symlink_to("../..")
    (folder / "a/everything").symlink_to("/")
    (folder / "a/to_b").symlink_to("../b")
    (folder / "b/to_a").symlink_to("../a")
    names = ["a/x", "b/y", "a/to_b/y", "b/to_a/x"]
    found = files.scan(str(folder))
    assert found is not None
    assert sorted(found[:: files.FIELDS]) == sorted(names)


def test_a_name_that_is_not_utf_8_is_a_name(tmp_path: Path) -> None:
    folder = tree_of(tmp_path / "src", a=b"1")
    with open(os.fsencode(folder) + b"/\xff\xfe.rs", "wb") as file:
        file.write(b"2")
    memo = Memo(tmp_path / "memo")
    first = memo.tree(str(folder))
    memo.save()
    assert Memo(tmp_path / "memo").tree(str(folder)) == first
    os.unlink(os.fsencode(folder) + b"/\xff\xfe.rs")
    assert Memo(tmp_path / "memo").tree(str(folder)) != first


@pytest.mark.usefixtures("settled")
def test_a_damaged_memo_is_an_empty_one(tmp_path: Path, reads: list[str]) -> None:
    source = str(tree_of(tmp_path, a=b"one") / "a")
    memo = Memo(tmp_path / "memo")
    memo.digest(source)
    memo.tree(str(tmp_path), ["memo"])
    memo.save()
    sound = (tmp_path / "memo").read_bytes()
    reads.clear()
    chance = random.Random(4)
    damaged = [b"", b"x", sound[:-1], sound[:40], sound + b"x", b"\0" * len(sound), sound[1:]]
    for _ in range(200):
        position = chance.randrange(len(sound))
        damaged.append(sound[:position] + bytes((sound[position] ^ 1 << chance.randrange(8),)) + sound[position + 1 :])
    for data in damaged:
        (tmp_path / "memo").write_bytes(data)
        assert Memo(tmp_path / "memo").digest(source) == Digest.of(b"one")
    assert reads == [source] * len(damaged)


def test_a_memo_that_cannot_be_written_is_no_fault(tmp_path: Path) -> None:
    source = str(tree_of(tmp_path, a=b"one") / "a")
    memo = Memo(tmp_path / "absent/memo")
    assert memo.digest(source) == Digest.of(b"one")
    memo.save()
    assert not (tmp_path / "absent").exists()


@pytest.mark.usefixtures("settled")
def test_an_unchanged_memo_is_not_written_again(tmp_path: Path) -> None:
    source = str(tree_of(tmp_path, a=b"one") / "a")
    memo = Memo(tmp_path / "memo")
    memo.digest(source)
    memo.save()
    before = (tmp_path / "memo").stat()
    memo = Memo(tmp_path / "memo")
    memo.digest(source)
    memo.save()
    assert (tmp_path / "memo").stat().st_ino == before.st_ino
    assert sorted(os.listdir(tmp_path)) == ["a", "memo"]


@pytest.mark.usefixtures("settled")
def test_a_memo_does_not_grow_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("osimage.cache.memo._MOST_FILES", 2)
    monkeypatch.setattr("osimage.cache.memo._MOST_TREES", 1)
    folder = tree_of(tmp_path, src__a=b"1", src__b=b"2", src__c=b"3")
    for names in ("ab", "c"):
        memo = Memo(tmp_path / "memo")
        for name in names:
            memo.digest(str(folder / "src" / name))
            memo.tree(str(folder / "src"), [name])
        memo.save()
    kept = Memo(tmp_path / "memo")
    assert [os.path.basename(path) for path in kept._files] == ["c"]
    assert [name.rpartition("\0")[2] for name in kept._trees] == ["c"]


def test_a_file_that_changes_while_it_is_read_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tree_of(tmp_path, a=b"one") / "a"
    os.utime(source, ns=(OLD_NS, OLD_NS))
    real = files._hash
    writes = iter(range(10))

    def hash_and_write(descriptor: int) -> tuple[bytes, int]:
        found = real(descriptor)
        source.write_bytes(b"%03d" % next(writes))
        return found

    monkeypatch.setattr(files, "_hash", hash_and_write)
    seen = files.read(str(source))
    assert seen is not None
    assert not seen.trusted
    assert next(writes) == 3  # it was tried again
