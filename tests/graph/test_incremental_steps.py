"""Steps with a compiler that keeps something from run to run: only what came of nothing is shared."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from steps import build, step

KEPT = "build/incremental/x"
# As such compilers do, it writes other bytes when there is a past.
SCRIPT = f"mkdir -p {KEPT}; cat words {KEPT}/past 2>/dev/null > {{out}}/made || true; cp words {KEPT}/past"
MAKE = step(SCRIPT, ("build/made",), ("words",), incremental=KEPT)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    project = tmp_path / "project"
    project.mkdir()
    (project / "words").write_text("one")
    monkeypatch.chdir(project)
    return project


def made(root: Path, words: str, store: Path) -> str:
    (root / "words").write_text(words)
    build(root, MAKE, store=store)
    assert build(root, MAKE, store=store) == []
    return (root / "build/made").read_text()


def test_what_depends_on_the_past_is_not_shared(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = tmp_path / "store"
    assert made(root, "one", store) == "one"
    assert made(root, "two", store) == "twoone"

    clone = tmp_path / "clone"
    clone.mkdir()
    monkeypatch.chdir(clone)
    assert made(clone, "one", store) == "one"
    assert not (clone / KEPT).exists()  # it came from the store
    assert made(clone, "two", store) == "two"
    assert made(root, "two", store) == "twoone"  # what is here is right, and stays
    shutil.rmtree(root / "build")
    monkeypatch.chdir(root)
    assert made(root, "two", store) == "two"


def test_a_content_that_is_known_comes_from_the_store(root: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    assert made(root, "one", store) == "one"
    assert made(root, "two", store) == "twoone"
    assert made(root, "one", store) == "one"


def test_it_is_written_to_the_same_place_each_time(root: Path, tmp_path: Path) -> None:
    placed = step("echo {out} >> places; touch {out}/made", ("build/made",), ("words",), incremental=KEPT)
    for words in ("one", "two"):
        (root / "words").write_text(words)
        build(root, placed, store=tmp_path / "store")
    first, second = (root / "places").read_text().split()
    assert first == second


def test_what_the_compiler_keeps_is_not_what_it_made(root: Path, tmp_path: Path) -> None:
    """rustc links what it can use again into both places: there it would change with the product, and its stat here."""
    script = f"mkdir -p {KEPT}; test -e {KEPT}/same || echo same > {KEPT}/same; ln {KEPT}/same {{out}}/made; cp words {{out}}/words"
    linked = step(script, ("build/made", "build/words"), ("words",), incremental=KEPT)
    user = step("cat build/made build/words > {out}/all", ("build/all",), ("build/made", "build/words"))
    for words in ("one", "two"):
        (root / "words").write_text(words)
        assert build(root, linked, user, store=tmp_path / "store") == ["build/made", "build/all"]
        assert build(root, linked, user, store=tmp_path / "store") == []
    with (root / "build/made").open("r+") as product:
        product.write("harm")
    assert build(root, linked, user) == ["build/made"]
    assert (root / "build/made").read_text() == "same\n"


def test_a_compiler_that_outlives_a_killed_build_keeps_the_lock(root: Path, tmp_path: Path) -> None:
    """It would write to the place where the next one does."""
    held = "ls -l /proc/$$/fd > {out}/made"
    for name, incremental in (("with", KEPT), ("without", None)):
        script = step(held.replace("made", name), (f"build/{name}",), ("words",), incremental=incremental)
        build(root, script, store=tmp_path / "store")
        assert ("/lock\n" in (root / "build" / name).read_text()) is (name == "with")
