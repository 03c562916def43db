"""The store under kills, many processes, and a disk that cannot be written."""

from __future__ import annotations

import errno
import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from osimage.cache import blobs
from osimage.cache.store import DiskStore
from osimage.cache.wire import Digest

PACKAGE = Path(__file__).parents[2] / "site_scons/site_tools"
GIB = 1 << 30
BIG = random.Random(2).randbytes(6_000_000)
NAMES = ("libcore.rlib", "libcore.rmeta", "core.d")


def key(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def content(number: int) -> dict[str, bytes]:
    """The outputs of step NUMBER; the first two are large, and one is the same for all."""
    return {NAMES[0]: b"%d" % number + BIG, NAMES[1]: BIG[:3_000_000], NAMES[2]: b"core.d: %d" % number}


def files(folder: Path, outputs: dict[str, bytes]) -> dict[str, tuple[Path, Digest, bool]]:
    found = {}
    for name, data in outputs.items():
        (folder / name).write_bytes(data)
        found[name] = (folder / name, Digest.of(data), False)
    return found


def restored(store: DiskStore, folder: Path, name: str) -> dict[str, bytes] | None:
    result = store.lookup(key(name), NAMES)
    if result is None or not store.restore(result, {output: folder / f"out-{output}" for output in NAMES}):
        return None
    return {output: (folder / f"out-{output}").read_bytes() for output in NAMES}


PUT_FOR_EVER = """
import sys
from pathlib import Path
from osimage.cache.store import DiskStore
from osimage.cache.wire import Digest
import hashlib
store, folder = DiskStore(Path(sys.argv[1]), 1 << 30), Path(sys.argv[2])
files = {path.name: (path, Digest.of(path.read_bytes()), False) for path in folder.iterdir()}
print("ready", flush=True)
for number in range(10**6):
    for blob in (store.root / "cas").rglob("?" * 64):
        blob.unlink()
    store.put(hashlib.sha256(b"killed").hexdigest(), files, "stderr")
    if number % 3 == 0:
        store.finish()
"""


def test_a_kill_in_the_middle_of_put_leaves_a_hit_or_a_miss(tmp_path: Path) -> None:
    made = tmp_path / "made"
    made.mkdir()
    outputs = content(1)
    given = files(made, outputs)
    store = DiskStore(tmp_path / "store", GIB)
    seen: Counter[str] = Counter()
    for attempt in range(24):
        child = subprocess.Popen(
            [sys.executable, "-c", PUT_FOR_EVER, str(store.root), str(made)],
            env=dict(os.environ) | {"PYTHONPATH": str(PACKAGE)}, stdout=subprocess.PIPE,
        )  # fmt: skip
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        time.sleep(random.Random(attempt).uniform(0.0, 0.06))
        child.send_signal(signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL
        child.stdout.close()
        seen["half-written"] += any((store.root / "tmp").iterdir()) if (store.root / "tmp").exists() else 0
        found = restored(store, tmp_path, "killed")
        seen["hit" if found else "miss"] += 1
        assert found in (None, outputs)
        assert store.put(key("killed"), given)
        assert restored(store, tmp_path, "killed") == outputs
    assert seen["half-written"] >= 3, seen  # or no kill came in the middle
    assert store.take_messages() == []  # a kill damages nothing


HAMMER = """
import hashlib, random, sys
from pathlib import Path
from osimage.cache.store import DiskStore
from osimage.cache.wire import Digest
root, folder, seed = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
folder.mkdir()
chance = random.Random(seed)
hits = misses = 0
store = DiskStore(root, 3_000_000)
for turn in range(100):
    number = chance.randrange(20)
    outputs = {"a": b"%03d" % number * 60_000, "b": b"shared" * 1000, "c": b"%d" % number}
    key = hashlib.sha256(b"%d" % number).hexdigest()
    result = store.lookup(key, list(outputs))
    if result is not None and store.restore(result, {name: folder / name for name in outputs}):
        assert {name: (folder / name).read_bytes() for name in outputs} == outputs, number
        hits += 1
    else:
        for name, data in outputs.items():
            (folder / name).write_bytes(data)
        assert store.put(key, {name: (folder / name, Digest.of(data), False) for name, data in outputs.items()})
        misses += 1
    for name in outputs:
        (folder / name).unlink()
    store.add_read_set(hashlib.sha256(b"base").hexdigest(), ((f"src/{number}.rs",), (), False))
    assert all(read.files[0].startswith("src/") for read in store.read_sets(hashlib.sha256(b"base").hexdigest()))
    if turn % 7 == 0:
        store.finish()
        store = DiskStore(root, 3_000_000)
assert not any(folder.iterdir())
store.finish()
print(hits, misses, *store.take_messages())
"""


@pytest.mark.parametrize("processes", [2, 8])
def test_many_processes_use_one_store(tmp_path: Path, processes: int) -> None:
    root = tmp_path / "store"
    children = [
        subprocess.Popen(
            [sys.executable, "-c", HAMMER, str(root), str(tmp_path / f"work{number}"), str(number)],
            env=dict(os.environ) | {"PYTHONPATH": str(PACKAGE)},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for number in range(processes)
    ]  # fmt: skip
    hits = misses = 0
    for child in children:
        said, errors = child.communicate(timeout=120)
        assert child.returncode == 0, errors
        assert len(said.split()) == 2, said  # no messages: nothing is ever seen half-written
        hits += int(said.split()[0])
        misses += int(said.split()[1])
    assert hits > 10 * processes
    assert misses > 20  # there were evictions: all results are larger than the limit
    assert DiskStore(root, GIB).usage().size < 2 * 3_000_000
    assert not any((root / "tmp").iterdir())


def test_a_full_disk_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outputs = files(tmp_path, content(1))
    store = DiskStore(tmp_path / "store", GIB)
    left = [4_000_000]
    write = os.write

    def fill(descriptor: int, data: bytes) -> int:
        if left[0] < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        left[0] -= len(data)
        return write(descriptor, data)

    monkeypatch.setattr(blobs.os, "write", fill)
    assert not store.put(key("1"), outputs)
    assert not store.put(key("2"), outputs)
    store.finish()
    assert store.take_messages() == [
        f"the cache {tmp_path}/store cannot be written (No space left on device), so results are not kept. "
        "Set OSIMAGE_CACHE to a folder that can be."
    ]
    assert not any((store.root / "tmp").iterdir())
    assert restored(store, tmp_path, "1") is None
    monkeypatch.undo()
    store = DiskStore(tmp_path / "store", GIB)
    assert store.put(key("1"), outputs)
    assert restored(store, tmp_path, "1") == content(1)


def test_on_a_full_disk_a_store_over_its_limit_is_collected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "store"
    store = DiskStore(root, GIB)
    for name in "123":
        assert store.put(key(name), files(tmp_path, {"a": name.encode() * 1_000_000}))
    store.finish()
    store = DiskStore(root, 2_500_000)

    def fill(_descriptor: int, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(blobs.os, "write", fill)
    assert not store.put(key("4"), files(tmp_path, {"a": b"4"}))
    store.finish()
    assert store.usage().size < 2_500_000


def test_a_full_disk_of_the_project_does_not_blame_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = DiskStore(tmp_path / "store", GIB)
    assert store.put(key("1"), files(tmp_path, content(1)))

    def fill(_descriptor: int, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(blobs.os, "write", fill)
    with pytest.raises(OSError, match="No space left on device"):  # the step would run in vain
        restored(store, tmp_path, "1")
    assert store.take_messages() == []
    assert not list(tmp_path.glob("out-*"))
    monkeypatch.undo()
    assert restored(store, tmp_path, "1") == content(1)


LIMITED = """
import resource, sys
from pathlib import Path
from osimage.cache.store import DiskStore
from osimage.cache.wire import Digest
source = Path(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
store = DiskStore(Path(sys.argv[1]), 1 << 30)
print(store.put("ab" * 32, {"a": (source, Digest.of(source.read_bytes()), False)}))
store.finish()
print(*store.take_messages())
"""


def test_a_file_that_may_not_grow_is_told(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(BIG)
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path / "store"), str(tmp_path / "big")], check=True,
        env=dict(os.environ) | {"PYTHONPATH": str(PACKAGE)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout == (
        f"False\nthe cache {tmp_path}/store cannot be written (File too large), so results are not kept. "
        "Set OSIMAGE_CACHE to a folder that can be.\n"
    )
    assert not any((tmp_path / "store/tmp").iterdir())


@pytest.mark.parametrize("place", ["", "cas", "ac", "tmp", "gc"])
def test_a_store_that_cannot_be_made_is_told_once(tmp_path: Path, place: str) -> None:
    root = tmp_path / "store"
    (root / place).parent.mkdir(parents=True, exist_ok=True)
    (root / place).write_bytes(b"a file in the way")
    store = DiskStore(root, GIB)
    outputs = files(tmp_path, dict.fromkeys(NAMES, b"x"))
    assert store.lookup(key("1"), NAMES) is None
    assert not store.put(key("1"), outputs)
    assert not store.put(key("1"), outputs)
    assert not store.add_read_set(key("2"), (("a",), (), False))
    assert store.read_sets(key("2")) == []
    store.finish()
    (told,) = store.take_messages()
    assert told.startswith(f"the cache {root} cannot be written (")
    assert told.endswith("), so results are not kept. Set OSIMAGE_CACHE to a folder that can be.")
    assert store.usage().size in (0, 1)  # blobs may be in while results cannot be


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_store_that_may_not_be_written_is_still_read(tmp_path: Path) -> None:
    root = tmp_path / "store"
    store = DiskStore(root, GIB)
    outputs = files(tmp_path, content(1))
    store.put(key("1"), outputs)
    folders = [root, *(path for path in root.rglob("*") if path.is_dir())]
    try:
        for folder in folders:
            folder.chmod(0o555)
        store = DiskStore(root, GIB)
        assert restored(store, tmp_path, "1") == content(1)
        assert not store.put(key("2"), files(tmp_path, content(2)))
        store.finish()
        assert store.take_messages() == [
            f"the cache {root} cannot be written (Permission denied), so results are not kept. "
            "Set OSIMAGE_CACHE to a folder that can be."
        ]
    finally:
        for folder in folders:
            folder.chmod(0o755)
