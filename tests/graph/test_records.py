"""Records say what a step last produced; whatever happened to one, it is a record or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from osimage.graph.record import Output, ReadSet, Record, Records, Stat, replace_bytes

RECORD = Record(
    digest="ab" * 32,
    outputs={
        "build/a": Output("cd" * 32, True, Stat(1, 2, 3, 4)),
        "build/b": Output("ef" * 32, False, Stat(5, 6, 7, 8)),
    },
    read=ReadSet(("src/main.rs",), ("HOME",), True),
    stderr="warning\n",
)


def test_a_record_comes_back_as_it_was(tmp_path: Path) -> None:
    Records(tmp_path).put("build/a", RECORD)
    assert Records(tmp_path).get("build/a") == RECORD
    assert Records(tmp_path).get("build/b") is None
    assert sorted(Records(tmp_path).outputs()) == ["build/a", "build/b"]


@pytest.mark.parametrize("damage", [b"", b"\0", b"garbage", b"i\x01\0\0\0"])
def test_a_damaged_record_is_none(tmp_path: Path, damage: bytes) -> None:
    Records(tmp_path).put("build/a", RECORD)
    for file in tmp_path.iterdir():
        file.write_bytes(damage)
    assert Records(tmp_path).get("build/a") is None
    assert Records(tmp_path).outputs() == []


def test_a_truncated_record_is_none_at_every_length(tmp_path: Path) -> None:
    Records(tmp_path).put("build/a", RECORD)
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        assert Records(tmp_path).get("build/a") is None


def test_stat_of_nothing_is_none(tmp_path: Path) -> None:
    assert Stat.of(tmp_path / "absent") is None


def test_replacing_leaves_no_temporary_file(tmp_path: Path) -> None:
    replace_bytes(tmp_path / "x", b"1")
    replace_bytes(tmp_path / "x", b"2")
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("x", b"2")]
