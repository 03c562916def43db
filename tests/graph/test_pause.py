"""A machine that runs lets others build; what this run makes afterwards comes from what they left."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from osimage.action import Action, Input
from osimage.errors import Where
from osimage.graph.engine import Engine, Machine
from osimage.graph.execute import make
from osimage.text import write_text
from osimage.toolchain.programs import Programs

HERE = Where("SConstruct", 1, "here")


def copy(source: str, target: str) -> Action:
    """The step that copies a file."""
    return Action("copy", f"copy to {target}", ("cp", source, "{out}/" + Path(target).name), (Input(source),), (target,),
                  "id", HERE)  # fmt: skip


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def engine(root: Path) -> Engine:
    programs = Programs({"cp": "/bin/cp"}, "/bin", {})
    return Engine(root, "build", lambda: Machine(programs, "/none", None, False, False), {})


def holds(path: Path) -> bool:
    """Whether somebody holds the lock."""
    import fcntl

    with path.open("rb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_others_build_while_it_pauses_and_it_goes_on_with_what_they_made(root: Path) -> None:
    first, second = write_text("x", "one", "build/one", "1", HERE), write_text("x", "one", "build/one", "2", HERE)
    one, other = engine(root), engine(root)
    make(one, first)
    lock = root / "build/.osimage/lock"
    assert holds(lock)
    one.pause()
    assert not holds(lock)
    make(other, second)
    other.close()
    make(one, copy("build/one", "build/two"))
    assert holds(lock)
    assert (root / "build/two").read_text() == "2"
    assert one.is_current(copy("build/one", "build/two"))
    assert not one.is_current(first)
    one.close()
    assert not holds(lock)


def test_a_step_that_is_being_made_keeps_the_lock(root: Path) -> None:
    one = engine(root)
    with one.at_work():
        one.pause()
        assert holds(root / "build/.osimage/lock")
    one.pause()
    assert not holds(root / "build/.osimage/lock")
    one.close()


def test_a_lock_whose_file_was_deleted_is_taken_on_the_new_one(root: Path) -> None:
    one, other = engine(root), engine(root)
    make(one, write_text("x", "one", "build/one", "1", HERE))
    os.unlink(root / "build/.osimage/lock")
    make(other, write_text("x", "two", "build/two", "2", HERE))
    assert holds(root / "build/.osimage/lock")
    one.close()
    assert holds(root / "build/.osimage/lock")
    other.close()
