"""The key of a step that learns from its first run what it reads."""

from __future__ import annotations

from pathlib import Path

import pytest
from osimage.action import Action, Input
from osimage.cache.memo import Memo
from osimage.cache.readset import ReadSet
from osimage.errors import Where
from osimage.graph.keys import NOTHING_READ, Today, key


@pytest.mark.parametrize(("kind", "read", "has_key"), [
    ("tree", None, True),
    ("package", None, False),  # as of a record from when the step's inputs were others
    ("package", NOTHING_READ, True),
    ("package", ReadSet(("kernel/main.rs",)), True),
    ("package", ReadSet(("kernel/main.rs", "kernel/gone.rs")), False),
])  # fmt: skip
def test_there_is_a_key_where_it_is_known_what_was_read(
    kind: str, read: ReadSet | None, has_key: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kernel").mkdir()
    (tmp_path / "kernel/main.rs").write_text("")
    where = Where("SConstruct", 1, "here")
    step = Action("kernel", "kernel", ("rustc",), (Input("kernel", kind),), ("build/hello.elf",), "id", where)
    today = Today(Memo(tmp_path / "memo"), str(tmp_path))
    assert (key(step, read, today, str(tmp_path)) is not None) == has_key
