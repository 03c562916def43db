"""Steps run two times: what does not make the same of the same is named, unless that is known."""

from __future__ import annotations

from pathlib import Path

import pytest
from osimage.action import Action
from osimage.errors import StepError
from osimage.graph.execute import make
from steps import engine, step

SAME = step("cat words > {out}/a; echo x > build/o/x", ("build/a", "build/o/"), ("words",))
CLOCK = step("date +%N > {out}/a; echo x > build/o/x", ("build/a", "build/o/"), ("words",))
IN_FOLDER = step("cat words > {out}/a; date +%N > build/o/x; date +%N > build/o/$(date +%N)", ("build/a", "build/o/"))
PAST = step("mkdir -p build/incremental/x; ls build/incremental/x > {out}/a; echo > build/incremental/x/past",
            ("build/a",), incremental="build/incremental/x")  # fmt: skip


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "words").write_text("one")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make_twice(root: Path, action: Action) -> None:
    here = engine(root, root / "store")
    here._machine = here.machine._replace(twice=True)
    try:
        make(here, action)
    finally:
        here.close()


@pytest.mark.parametrize("action", [SAME, CLOCK._replace(shared=False), PAST])
def test_what_is_the_same_or_known_not_to_be_is_made(action: Action, root: Path) -> None:
    make_twice(root, action)
    make_twice(root, action)
    assert (root / "build/a").exists()
    assert bool(list((root / "store").rglob("*"))) == action.shared


def test_what_differs_is_named(root: Path) -> None:
    with pytest.raises(StepError) as told:
        make_twice(root, CLOCK)
    assert str(told.value) == (
        "step build/a: two runs made different build/a. What it runs, such as a build script or a procedural macro, is "
        "not deterministic: name its package in not_deterministic=[…] of SConstruct:1: here, and no result of it is "
        "shared."
    )
    with pytest.raises(StepError, match=r"two runs made different build/o/\d+, build/o/\d+, build/o/x\."):
        make_twice(root, IN_FOLDER)
