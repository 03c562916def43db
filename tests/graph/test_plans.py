"""The stored plan holds as long as the call, what it builds on and every consulted file are the same."""

from __future__ import annotations

from pathlib import Path

from osimage.action import Action, Input
from osimage.errors import Where
from osimage.graph.plans import Entry, PlanFile, key_of

ACTION = Action(
    "kernel", "kernel hello", ("rustc", "-o", "{out}/hello.elf"), (Input("kernel", "package"), Input("spec.json")),
    ("build/hello.elf",), "id", Where("SConstruct", 5, 'env.Kernel("hello.elf")'), env=(("A", "b"),), local=True,
)  # fmt: skip
ENTRY = Entry(
    "key", (("Cargo.toml", "1"),), (ACTION,), (("rust-src", "/src"),), ("a note",), ("build/hello.elf",), b"x"
)


def stored(tmp_path: Path) -> PlanFile:
    plans = PlanFile(tmp_path / "state" / "plan")
    plans.put("Kernel hello.elf", ENTRY)
    plans.save()
    return PlanFile(tmp_path / "state" / "plan")


def test_an_entry_comes_back_as_it_was(tmp_path: Path) -> None:
    assert stored(tmp_path).get("Kernel hello.elf", "key", {"Cargo.toml": "1"}.__getitem__) == ENTRY


def test_another_key_or_a_changed_file_is_a_miss(tmp_path: Path) -> None:
    plans = stored(tmp_path)
    assert plans.get("Kernel hello.elf", "other", {"Cargo.toml": "1"}.__getitem__) is None
    assert plans.get("Kernel hello.elf", "key", {"Cargo.toml": "2"}.__getitem__) is None
    assert plans.get("Kernel other.elf", "key", {"Cargo.toml": "1"}.__getitem__) is None


def test_the_last_few_of_a_declaration_are_kept(tmp_path: Path) -> None:
    plans = stored(tmp_path)
    for number in range(4):
        plans.put("Kernel hello.elf", ENTRY._replace(key=str(number), consulted=()))
    plans.put("Kernel hello.elf", ENTRY._replace(key="2", consulted=(), returns=("again",)))
    found = [plans.get("Kernel hello.elf", key, str) for key in ("key", "0", "1", "2", "3")]
    assert [entry is not None for entry in found] == [False, True, True, True, True]
    assert found[3] is not None
    assert found[3].returns == ("again",)


def test_a_damaged_file_is_empty(tmp_path: Path) -> None:
    stored(tmp_path)
    path = tmp_path / "state" / "plan"
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        assert PlanFile(path).get("Kernel hello.elf", "key", {"Cargo.toml": "1"}.__getitem__) is None


def test_nothing_changed_nothing_written(tmp_path: Path) -> None:
    plans = stored(tmp_path)
    path = tmp_path / "state" / "plan"
    before = path.stat()
    plans.save()
    assert path.stat() == before


def test_keys_tell_types_and_structure_apart() -> None:
    parts = [("a", "b"), ("ab",), (("a",), "b"), ("a", None), ("a", ""), (1,), ("1",), (True,)]
    assert len({key_of(*part) for part in parts}) == len(parts)
