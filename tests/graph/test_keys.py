"""The key of a step that learns from its first run what it reads."""

from __future__ import annotations

from pathlib import Path

import pytest
from osimage.action import Action, Input
from osimage.cache.memo import Memo
from osimage.cache.readset import ReadSet
from osimage.errors import Where
from osimage.graph.keys import NOTHING_READ, Today, key, look
from steps import build, step


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


WHERE = Where("SConstruct", 1, "here")
STEP = Action("kernel", "kernel", ("rustc",), (Input("a"), Input("folder", "tree")), ("build/hello.elf",), "id", WHERE)


def test_a_glance_is_another_where_the_key_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "a", "b", "folder/c")
    read = ReadSet(("b",), ("LOUD",))
    seen = [seen_as(STEP, read, tmp_path)]
    others: dict[str, object] = {"argv": ("rustc", "-g"), "outputs": ("build/x.elf",), "toolchain": "other",
              "env": (("A", "1"),), "env_from": ("a",), "shared": False, "inputs": (Input("a"),)}  # fmt: skip
    seen += [seen_as(STEP._replace(**{name: value}), read, tmp_path) for name, value in others.items()]
    seen.append(seen_as(STEP, read._replace(root=True), tmp_path))
    monkeypatch.setenv("LOUD", "1")
    seen.append(seen_as(STEP, read, tmp_path))
    for name in ("a", "b", "folder/c"):
        write(tmp_path, name, text="other words")
        seen.append(seen_as(STEP, read, tmp_path))
    (tmp_path / "a").chmod(0o755)
    seen.append(seen_as(STEP, read, tmp_path))
    glances, keys = ({each[index] for each in seen} for index in (0, 1))
    assert len(seen) == len(glances) == len(keys)


@pytest.mark.parametrize(("name", "links"), [
    *((name, True) for name in ("LIBRARY_PATH", "COMPILER_PATH", "CCC_OVERRIDE_OPTIONS", "CLANG_NO_DEFAULT_CONFIG")),
    *((name, False) for name in ("CPATH", "C_INCLUDE_PATH", "SOURCE_DATE_EPOCH")),
])  # fmt: skip
def test_variables_that_a_linker_or_a_c_compiler_heeds_count(
    name: str, links: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(name, raising=False)
    alone = STEP._replace(inputs=(Input("a"),))
    crate = alone._replace(user_env=True)
    script = crate._replace(reads_outside=True)
    read = ReadSet(("a",))
    before = {step: seen_as(step, read, tmp_path) for step in (alone, crate, script)}
    monkeypatch.setenv(name, "/opt")
    after = {step: seen_as(step, read, tmp_path) for step in before}
    assert after[alone] == before[alone]  # it does not see them
    assert bool({*after[crate]} & {*before[crate]}) != links
    assert not {*after[script]} & {*before[script]}
    assert seen_as(script, NOTHING_READ, tmp_path)[1] != after[script][1]


def test_a_record_is_good_for_the_same_key_declared_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = step("cp a {out}/made", ("build/made",), ("a",))
    write(tmp_path, "a")
    build(tmp_path, made)
    assert build(tmp_path, made._replace(where=Where("SConstruct", 2, "there"))) == []


def seen_as(action: Action, read: ReadSet, root: Path) -> tuple[str, str]:
    """Glance and key of ACTION, which has READ, now."""
    found = look(action, read, Today(Memo(root / "memo"), str(root)), str(root))
    assert found is not None
    return found.glance(), found.encoded().digest.hash


def write(root: Path, *names: str, text: str = "words") -> None:
    """Make files in ROOT."""
    for name in names:
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)
