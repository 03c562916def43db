"""The store's size: least recently used first, counted without walking it every time."""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from pathlib import Path

import pytest
from osimage.cache import collector
from osimage.cache.collector import Usage
from osimage.cache.store import DiskStore
from osimage.cache.wire import Digest

KB = 1000


def key(number: int) -> str:
    return hashlib.sha256(b"%d" % number).hexdigest()


def put(store: DiskStore, folder: Path, number: int, size: int = 100 * KB) -> bool:
    """Put a result with one output of SIZE bytes."""
    data = (b"%08d" % number) * (size // 8)
    path = folder / f"output{number}"
    path.write_bytes(data)
    return store.put(key(number), {"out": (path, Digest.of(data), False)})


def use(store: DiskStore, folder: Path, number: int) -> bool:
    """Whether NUMBER could be restored."""
    result = store.lookup(key(number), ["out"])
    return result is not None and store.restore(result, {"out": folder / "restored"})


def age(store: DiskStore, seconds: float) -> None:
    """Make everything in the store that much older."""
    for path in store.root.rglob("?" * 64):
        stat = path.stat()
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns - int(seconds * 10**9)))


@pytest.fixture
def walks(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The stores that were walked."""
    found: list[Path] = []
    walk = collector._files

    def watched(root: Path) -> object:
        found.append(root)
        return walk(root)

    monkeypatch.setattr(collector, "_files", watched)
    return found


def test_the_least_recently_used_goes_first(tmp_path: Path) -> None:
    store = DiskStore(tmp_path / "store", 1000 * KB)
    for number in range(9):
        put(store, tmp_path, number)
        age(store, 10)
    store.finish()
    assert use(store, tmp_path, 0)  # the oldest becomes the newest
    assert use(store, tmp_path, 3)
    put(store, tmp_path, 9)
    put(store, tmp_path, 10)
    store.finish()
    assert [number for number in range(11) if use(store, tmp_path, number)] == [0, 3, 5, 6, 7, 8, 9, 10]
    assert store.usage().size <= 900 * KB
    assert store.take_messages() == []


def test_a_result_goes_with_its_blobs(tmp_path: Path) -> None:
    store = DiskStore(tmp_path / "store", 300 * KB)
    for number in range(4):
        put(store, tmp_path, number)
        age(store, 10)
    store.finish()
    results = {path.name for path in (store.root / "ac").rglob("?" * 64)}
    assert results == {key(2), key(3)}
    assert len(list((store.root / "cas").rglob("?" * 64))) == 2


def test_the_limit_holds_whatever_is_put(tmp_path: Path) -> None:
    store = DiskStore(tmp_path / "store", 500 * KB)
    for number in range(60):
        put(store, tmp_path, number, (number % 7 + 1) * 60 * KB)
        store.finish()
        assert store.usage().size <= 500 * KB
        assert use(store, tmp_path, number)


def test_what_is_larger_than_the_limit_is_not_kept(tmp_path: Path) -> None:
    store = DiskStore(tmp_path / "store", 150 * KB)
    put(store, tmp_path, 1)
    told = (
        "a result of 160000 bytes is larger than the whole cache may be (150000 bytes), and is not kept. "
        "Set OSIMAGE_CACHE_SIZE to allow more."
    )
    for messages in ([told], []):
        assert not put(store, tmp_path, 2, 160 * KB)
        assert store.take_messages() == messages
    assert use(store, tmp_path, 1)


def test_the_store_is_walked_only_when_it_may_be_too_large(tmp_path: Path, walks: list[Path]) -> None:
    store = DiskStore(tmp_path / "store", 1000 * KB)
    put(store, tmp_path, 0)
    store.finish()
    assert len(walks) == 1  # nothing was known of it
    for number in range(1, 9):
        DiskStore(store.root, store.limit).finish()  # a process that adds nothing
        other = DiskStore(store.root, store.limit)
        put(other, tmp_path, number)
        put(other, tmp_path, number)  # again: nothing is added
        other.finish()
        other.finish()
    assert len(walks) == 1
    put(store, tmp_path, 9)
    store.finish()
    assert len(walks) == 2
    assert not use(store, tmp_path, 0)


def test_the_store_is_walked_once_a_day(tmp_path: Path, walks: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    store = DiskStore(tmp_path / "store", 1000 * KB)
    put(store, tmp_path, 0)
    store.finish()
    now = time.time()
    for later, expected in ((86_000, 1), (86_500, 2), (86_600, 2), (-100, 3)):  # at last: a clock that was set back
        monkeypatch.setattr(collector.time, "time", lambda later=later: now + later)
        put(store, tmp_path, later)
        store.finish()
        assert len(walks) == expected


@pytest.mark.parametrize("damage", [b"", b"\n", b"many bytes", b"\xff\xfe", b"12", b"1 2 3\n", b"1 2\nx\n"])
def test_damaged_bookkeeping_is_made_again(tmp_path: Path, damage: bytes) -> None:
    store = DiskStore(tmp_path / "store", 250 * KB)
    put(store, tmp_path, 0)
    age(store, 5)
    put(store, tmp_path, 1)
    store.finish()
    (store.root / "gc/size").write_bytes(damage)
    put(store, tmp_path, 2)
    store.finish()
    assert store.usage().size <= 250 * KB
    counted, when = (store.root / "gc/size").read_bytes().split()
    assert int(counted) == store.usage().size
    assert abs(int(when) - time.time()) < 60


def test_a_file_used_meanwhile_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = DiskStore(tmp_path / "store", 1000 * KB)
    for number in range(10):
        put(store, tmp_path, number)
        age(store, 10)
    walk = collector._files

    def used_meanwhile(root: Path) -> object:
        found = list(walk(root))
        assert use(store, tmp_path, 0)
        return found

    monkeypatch.setattr(collector, "_files", used_meanwhile)
    put(store, tmp_path, 10)
    store.finish()
    assert use(store, tmp_path, 0)
    assert not use(store, tmp_path, 1)


def test_only_one_process_collects(tmp_path: Path, walks: list[Path]) -> None:
    store = DiskStore(tmp_path / "store", 250 * KB)
    put(store, tmp_path, 0)
    put(store, tmp_path, 1)
    store.finish()
    walks.clear()
    put(store, tmp_path, 2)
    with open(store.root / "gc/lock", "ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        began = time.monotonic()
        store.finish()
        assert time.monotonic() - began < 5  # it does not wait
    assert walks == []
    put(store, tmp_path, 3)
    store.finish()
    assert store.usage().size <= 250 * KB


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    store = DiskStore(tmp_path / "store", 1000 * KB)
    put(store, tmp_path, 0)
    for name, seconds in (("old", 4000), ("new", 60)):
        path = store.root / "tmp" / name
        path.write_bytes(b"half")
        os.utime(path, (time.time() - seconds,) * 2)
    store.finish()
    assert [path.name for path in (store.root / "tmp").iterdir()] == ["new"]


def test_usage(tmp_path: Path) -> None:
    store = DiskStore(tmp_path / "store", 1000 * KB)
    assert store.usage() == Usage(0, 0, None)
    put(store, tmp_path, 0)
    age(store, 500)
    put(store, tmp_path, 1)
    store.add_read_set(key(2), (("a",), (), False))
    files = list(store.root.rglob("?" * 64))
    used = store.usage()
    assert used.size == sum(path.stat().st_size for path in files) > 200 * KB
    assert used.results == 3
    assert used.oldest_s is not None
    assert 490 < time.time() - used.oldest_s < 560


def test_the_store_is_marked_as_a_cache(tmp_path: Path) -> None:
    store = DiskStore(tmp_path / "store", 1000 * KB)
    put(store, tmp_path, 0)
    assert (store.root / "CACHEDIR.TAG").read_bytes().startswith(b"Signature: 8a477f597d28d172789f06886806bc55\n")
