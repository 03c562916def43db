"""The store: what goes in comes out, or nothing does."""

from __future__ import annotations

import hashlib
import os
import random
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from osimage.cache import blobs, wire
from osimage.cache.readset import NAME, ReadSet
from osimage.cache.store import DiskStore, Result
from osimage.cache.wire import ActionResult, Digest, OutputFile

KEY = hashlib.sha256(b"an action").hexdigest()
LIB = random.Random(1).randbytes(700_000)
CONTENT = {"build/libcore.rlib": LIB, "build/core.d": b"core.d: lib.rs\n", "build/empty": b"", "build/tool": b"#!"}
GIB = 1 << 30

Files = dict[str, tuple[Path, Digest, bool]]


def made(folder: Path, content: Mapping[str, bytes]) -> Files:
    """A step's outputs with CONTENT, in FOLDER; those named `tool` may be executed."""
    folder.mkdir(exist_ok=True)
    found: Files = {}
    for name, data in content.items():
        path = folder / Path(name).name
        path.write_bytes(data)
        found[name] = (path, Digest.of(data), name.endswith("tool"))
    return found


def restored(store: DiskStore, folder: Path, key: str = KEY, names: Mapping[str, bytes] = CONTENT) -> object:
    """What the store gives back for KEY: path to content, or None for a miss, which must leave no file."""
    result = store.lookup(key, list(names))
    folder.mkdir(exist_ok=True)
    before = os.listdir(folder)
    destinations = {name: folder / Path(name).name for name in names}
    if result is None or not store.restore(result, destinations):
        assert os.listdir(folder) == before
        return None
    assert len(os.listdir(folder)) == len(names)
    return {name: path.read_bytes() for name, path in destinations.items()}


@pytest.fixture
def store(tmp_path: Path) -> DiskStore:
    return DiskStore(tmp_path / "store", GIB)


@pytest.fixture
def outputs(tmp_path: Path) -> Files:
    return made(tmp_path / "made", CONTENT)


def blob_of(store: DiskStore, data: bytes) -> Path:
    name = hashlib.sha256(data).hexdigest()
    return store.root / "cas" / name[:2] / name


def entry_of(store: DiskStore, key: str = KEY) -> Path:
    return store.root / "ac" / key[:2] / key


def overwrite(path: Path, data: bytes) -> None:
    """Write DATA in PATH's place, which is read-only."""
    path.unlink(missing_ok=True)
    path.write_bytes(data)


def test_what_was_put_is_restored(store: DiskStore, outputs: Files, tmp_path: Path) -> None:
    assert store.lookup(KEY, list(CONTENT)) is None
    assert store.put(KEY, outputs, "warning: ä\n", "hello")
    result = store.lookup(KEY, list(reversed(CONTENT)))
    assert result == Result(KEY, {name: file[1:] for name, file in outputs.items()}, "warning: ä\n", "hello")
    assert restored(store, tmp_path / "out") == CONTENT
    assert os.access(tmp_path / "out/tool", os.X_OK)
    assert not (tmp_path / "out/core.d").stat().st_mode & 0o111
    assert store.take_messages() == []


def test_the_layout_is_bazels(store: DiskStore, outputs: Files) -> None:
    store.put(KEY, outputs)
    store.finish()
    found = {str(path.relative_to(store.root)) for path in store.root.rglob("*") if path.is_file()}
    digests = {Digest.of(data).hash for data in CONTENT.values() if data}
    expected = {f"cas/{name[:2]}/{name}" for name in digests} | {f"ac/{KEY[:2]}/{KEY}", "CACHEDIR.TAG"}
    assert found == expected | {"gc/size", "gc/lock"}
    for name in digests:
        assert hashlib.sha256((store.root / "cas" / name[:2] / name).read_bytes()).hexdigest() == name


def test_an_entry_is_an_action_result(store: DiskStore, outputs: Files) -> None:
    store.put(KEY, outputs, "stderr", "stdout")
    result = wire.decode_result(entry_of(store).read_bytes())
    files = tuple(OutputFile(name, digest, executable) for name, (_, digest, executable) in outputs.items())
    assert result == ActionResult(files, 0, b"stdout", b"stderr")


def test_restored_files_are_their_own(store: DiskStore, outputs: Files, tmp_path: Path) -> None:
    store.put(KEY, outputs)
    restored(store, tmp_path / "out")
    for name in CONTENT:
        path = tmp_path / "out" / Path(name).name
        assert path.stat().st_nlink == 1
        path.write_bytes(b"edited")
        outputs[name][0].write_bytes(b"edited too")
    assert restored(store, tmp_path / "again") == CONTENT


def test_destinations_are_replaced(store: DiskStore, outputs: Files, tmp_path: Path) -> None:
    store.put(KEY, outputs)
    made(tmp_path / "out", dict.fromkeys(CONTENT, b"of an earlier build"))
    assert restored(store, tmp_path / "out") == CONTENT


@pytest.mark.parametrize("names", [["a"], ["a", "b", "c"], ["b", "a", "a"], ["../a", "b"], []])
def test_only_the_outputs_asked_for_are_a_result(store: DiskStore, tmp_path: Path, names: list[str]) -> None:
    store.put(KEY, made(tmp_path / "made", {"a": b"1", "b": b"2"}))
    assert store.lookup(KEY, names) is None
    assert not entry_of(store).exists()


def cut(path: Path) -> None:
    overwrite(path, path.read_bytes()[:-1])


def cut_to_nothing(path: Path) -> None:
    overwrite(path, b"")


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x10
    overwrite(path, bytes(data))


def lengthen(path: Path) -> None:
    overwrite(path, path.read_bytes() + b"\0")


def exchange(path: Path) -> None:
    overwrite(path, bytes(reversed(path.read_bytes())))


def make_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def make_link_to_nothing(path: Path) -> None:
    path.unlink()
    path.symlink_to("nothing")


DAMAGE: list[Callable[[Path], None]] = [
    cut, cut_to_nothing, flip, lengthen, exchange, make_fifo, make_link_to_nothing, Path.unlink,
]  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("which", [name for name, data in CONTENT.items() if data])
def test_a_damaged_blob_is_a_miss_and_healed(
    store: DiskStore, outputs: Files, tmp_path: Path, damage: Callable[[Path], None], which: str
) -> None:
    store.put(KEY, outputs)
    path = blob_of(store, CONTENT[which])
    damage(path)
    gone = damage in (Path.unlink, make_link_to_nothing)
    assert restored(store, tmp_path / "out") is None
    assert not entry_of(store).exists()
    told = [] if gone else [f"{path} in the cache is damaged; what it held is made again."]
    assert store.take_messages() == told
    assert store.take_messages() == []
    assert store.lookup(KEY, list(CONTENT)) is None
    assert store.put(KEY, outputs)
    assert restored(store, tmp_path / "out") == CONTENT


@pytest.mark.parametrize("damage", DAMAGE)
def test_put_heals_a_blob_that_nobody_has_read(
    store: DiskStore, outputs: Files, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    """Another action made the same file: its `put` must not believe the damaged one."""
    store.put(KEY, outputs)
    damage(blob_of(store, LIB))
    other = hashlib.sha256(b"another").hexdigest()
    assert store.put(other, outputs)
    assert restored(store, tmp_path / "out", other) == CONTENT
    assert restored(store, tmp_path / "out") == CONTENT


def result_with(*outputs: OutputFile, exit_code: int = 0) -> bytes:
    return wire.encode_result(ActionResult(outputs, exit_code))


SOUND = tuple(OutputFile(name, Digest.of(data), name.endswith("tool")) for name, data in CONTENT.items())
ENTRIES: dict[str, bytes] = {
    "empty": b"",
    "zeros": bytes(200),
    "text": b"<html>404 not found</html>",
    "cut": result_with(*SOUND)[:-3],
    "no outputs": result_with(exit_code=0) + b"\x3a\x01x",
    "one output missing": result_with(*SOUND[1:]),
    "one output twice": result_with(*SOUND[1:], SOUND[1]),
    "another output": result_with(*SOUND[1:], SOUND[0]._replace(path="build/other")),
    "a path that leads out": result_with(*SOUND[1:], SOUND[0]._replace(path="../../build/libcore.rlib")),
    "an absolute path": result_with(*SOUND[1:], SOUND[0]._replace(path="/build/libcore.rlib")),
    "a hash that leads out": result_with(*SOUND[1:], SOUND[0]._replace(digest=Digest("../" * 20 + "pass", 3))),
    "a short hash": result_with(*SOUND[1:], SOUND[0]._replace(digest=Digest("ab" * 31, 3))),
    "a hash in capitals": result_with(*SOUND[1:], SOUND[0]._replace(digest=Digest("AB" * 32, 3))),
    "a negative size": result_with(*SOUND[1:], SOUND[0]._replace(digest=Digest("ab" * 32, -3))),
    "a huge size": result_with(*SOUND[1:], SOUND[0]._replace(digest=Digest("ab" * 32, 1 << 62))),
    "a wrong size": result_with(*SOUND[1:], SOUND[0]._replace(digest=SOUND[0].digest._replace(size=3))),
    "another blob that is there": result_with(*SOUND[1:], SOUND[0]._replace(digest=Digest(SOUND[1].digest.hash, 9))),
    "a failure": result_with(*SOUND, exit_code=1),
    "a failure by signal": result_with(*SOUND, exit_code=-9),
    "a folder besides": result_with(*SOUND) + b"\x1a\x00",
    "a link besides": result_with(*SOUND) + b"\x62\x00",
    "stderr as a blob": result_with(*SOUND) + b"\x42\x00",
}


@pytest.mark.parametrize("data", ENTRIES.values(), ids=ENTRIES)
def test_a_wrong_entry_is_a_miss_and_healed(store: DiskStore, outputs: Files, tmp_path: Path, data: bytes) -> None:
    store.put(KEY, outputs)
    overwrite(entry_of(store), data)
    assert restored(store, tmp_path / "out") is None
    assert store.put(KEY, outputs)
    assert restored(store, tmp_path / "out") == CONTENT


def test_entries_of_nonsense_are_misses(store: DiskStore, outputs: Files, tmp_path: Path) -> None:
    """A flipped bit may hit a mode or stderr, which nothing checks; content and names are what must hold."""
    store.put(KEY, outputs)
    chance = random.Random(9)
    sound = entry_of(store).read_bytes()
    hits = misses = 0
    for number in range(600):
        data = bytearray(sound) if number % 3 else bytearray(chance.randbytes(chance.randrange(1, 300)))
        for _ in range(chance.randrange(1, 3)):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        overwrite(entry_of(store), bytes(data))
        found = restored(store, tmp_path / "out")
        assert found in (None, CONTENT)
        hits += found is not None
        misses += found is None
        for path in (tmp_path / "out").iterdir():
            path.unlink()
        store.put(KEY, outputs)
    assert misses > 400
    assert hits < 60


@pytest.mark.parametrize("key", ["", "x", KEY.upper(), KEY[:-1], KEY + "0", "../" + KEY[3:], KEY[:-1] + "\n"])
def test_a_key_is_a_digest(store: DiskStore, key: str) -> None:
    with pytest.raises(ValueError, match="is no SHA-256"):
        store.lookup(key, ["a"])


def test_an_output_that_changed_since_is_not_kept(store: DiskStore, outputs: Files, tmp_path: Path) -> None:
    outputs["build/core.d"][0].write_bytes(b"core.d: lib.rx\n")
    assert not store.put(KEY, outputs)
    outputs["build/core.d"][0].unlink()
    assert not store.put(KEY, outputs)
    assert store.lookup(KEY, list(CONTENT)) is None
    assert store.take_messages() == []
    assert os.listdir(store.root / "tmp") == []
    again = made(tmp_path / "made", CONTENT)
    assert store.put(KEY, again)


@pytest.mark.parametrize("obstacle", ["absent folder", "folder in the place"])
def test_where_outputs_cannot_be_written_nothing_is_restored(
    store: DiskStore, outputs: Files, tmp_path: Path, obstacle: str
) -> None:
    store.put(KEY, outputs)
    result = store.lookup(KEY, list(CONTENT))
    assert result is not None
    out = tmp_path / "out"
    if obstacle == "folder in the place":
        (out / "tool").mkdir(parents=True)
    assert not store.restore(result, {name: out / Path(name).name for name in CONTENT})
    assert not out.exists() or os.listdir(out) == ["tool"]
    assert store.lookup(KEY, list(CONTENT)) is not None  # the store is not to blame
    assert store.take_messages() == []


def test_a_store_that_may_not_be_changed_is_not(store: DiskStore, outputs: Files, tmp_path: Path) -> None:
    store.put(KEY, outputs)
    flip(blob_of(store, b"#!"))
    store.add_read_set(KEY[::-1], (("a",), (), False))
    old = time.time() - 1000
    for path in store.root.rglob("*"):
        os.utime(path, (old, old))

    def state() -> dict[Path, tuple[int, float]]:
        return {path: (path.stat().st_size, path.stat().st_mtime) for path in store.root.rglob("*")}

    before = state()
    readonly = DiskStore(store.root, 1, readonly=True)
    assert restored(readonly, tmp_path / "out") is None
    assert not readonly.put(hashlib.sha256(b"new").hexdigest(), outputs)
    assert not readonly.add_read_set(KEY[::-1], (("b",), (), False))
    assert readonly.read_sets(KEY[::-1]) == [ReadSet(("a",))]
    readonly.finish()
    assert state() == before
    assert DiskStore(tmp_path / "absent", GIB, readonly=True).lookup(KEY, ["a"]) is None
    assert not (tmp_path / "absent").exists()


def test_a_store_may_be_deleted_at_any_moment(store: DiskStore, outputs: Files, tmp_path: Path) -> None:
    store.put(KEY, outputs)
    result = store.lookup(KEY, list(CONTENT))
    assert result is not None
    store.root.rename(tmp_path / "gone")
    assert not store.restore(result, {name: tmp_path / Path(name).name for name in CONTENT})
    assert store.put(KEY, outputs)
    assert restored(store, tmp_path / "out") == CONTENT
    store.finish()
    assert store.take_messages() == []


def test_content_is_shared_where_the_file_system_can(
    store: DiskStore, outputs: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a file system with FICLONE would do it: the copy is checked just the same."""

    def clone(reading: int, writing: int) -> bool:
        os.sendfile(writing, reading, 0, os.fstat(reading).st_size)
        os.lseek(writing, 0, os.SEEK_SET)
        return True

    monkeypatch.setattr(blobs, "_clone", clone)
    monkeypatch.setattr(blobs.os, "write", lambda *_: pytest.fail("written although it was cloned"))
    assert store.put(KEY, outputs)
    assert restored(store, tmp_path / "out") == CONTENT
    flip(blob_of(store, LIB))
    assert restored(store, tmp_path / "again") is None


def test_read_sets_are_kept_newest_first(store: DiskStore) -> None:
    assert store.read_sets(KEY) == []
    for number in range(40):
        assert store.add_read_set(KEY, ((f"src/{number}.rs", "src/main.rs"), ("HOME", "A"), number == 3))
    found = store.read_sets(KEY)
    assert found == [ReadSet((f"src/{n}.rs", "src/main.rs"), ("A", "HOME"), n == 3) for n in range(39, 7, -1)]
    store.add_read_set(KEY, found[5])
    assert store.read_sets(KEY) == [found[5], *found[:5], *found[6:]]
    before = sorted(path.stat().st_ino for path in store.root.rglob("*"))
    store.add_read_set(KEY, found[5])  # it is the newest already
    assert sorted(path.stat().st_ino for path in store.root.rglob("*")) == before


def test_read_sets_are_a_plain_result_of_canonical_json(store: DiskStore) -> None:
    store.add_read_set(KEY, (("b\udcff", "a", "a"), (), True))
    data = b'[{"env":[],"files":["a","b\\udcff"],"root":true}]'
    expected = ActionResult((OutputFile(NAME, Digest.of(data)),))
    assert wire.decode_result(entry_of(store).read_bytes()) == expected
    assert blob_of(store, data).read_bytes() == data
    assert store.read_sets(KEY) == [ReadSet(("a", "b\udcff"), (), True)]


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_read_sets_are_none_and_healed(store: DiskStore, damage: Callable[[Path], None]) -> None:
    read = ReadSet(("src/main.rs",))
    for path in (store.root / "cas", store.root / "ac"):
        store.add_read_set(KEY, read)
        damage(next(path.rglob("?" * 64)))
        assert store.read_sets(KEY) == [] or path.name == "ac"
        store.add_read_set(KEY, read)
        assert store.read_sets(KEY) == [read]


@pytest.mark.parametrize(
    "data",
    [
        b"", b"[", b"{}", b"null", b"[1]", b'["a"]', b"[{}]", b"\xff", b"[" * 100_000,
        b'[{"env":[],"files":["/etc/passwd"],"root":false}]',
        b'[{"env":[],"files":["a/../../b"],"root":false}]',
        b'[{"env":[],"files":[""],"root":false}]',
        b'[{"env":[],"files":["a\\u0000b"],"root":false}]',
        b'[{"env":["A=B"],"files":[],"root":false}]',
        b'[{"env":[1],"files":[],"root":false}]',
        b'[{"env":[],"files":"abc","root":false}]',
        b'[{"env":[],"files":[],"root":1}]',
    ],
)  # fmt: skip
def test_read_sets_of_nonsense_are_none(store: DiskStore, tmp_path: Path, data: bytes) -> None:
    assert store.put(KEY, made(tmp_path / "made", {NAME: data}))
    assert store.read_sets(KEY) == []


def test_an_empty_entry_is_a_miss_even_where_nothing_is_expected(store: DiskStore) -> None:
    assert store.put(KEY, {}, "stderr")
    assert store.lookup(KEY, []) == Result(KEY, {}, "stderr", "")
    overwrite(entry_of(store), b"")
    assert store.lookup(KEY, []) is None
