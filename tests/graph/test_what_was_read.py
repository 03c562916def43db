"""Steps that say what they read, as build scripts do by `rerun-if-*`: all of it counts, and what leaves the folder is
the same elsewhere.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from osimage.action import Action
from osimage.errors import StepError
from osimage.graph.keys import CLOCK_MARGIN_NS
from steps import build, step

MADE = "build/made"
SEE = "cat words extra 2>/dev/null || true"


def reading(*said: str, script: str = "", inputs: tuple[str, ...] = ("kernel/*",), **more: Any) -> Action:
    """A step of a build script's kind, which reads the whole package and says SAID in its dep-info."""
    lines = "\n".join([f"made: {' '.join(name for name in said if not name.startswith('#'))}",
                       *(line for line in said if line.startswith("#"))])  # fmt: skip
    words = (
        f"find kernel -type f | sort | xargs cat > {{out}}/made; {script}\ncat > {{out}}/made.d <<'END'\n{lines}\nEND"
    )
    return step(words, (MADE, "build/made.d"), inputs, dep_info="build/made.d", **more)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    project = tmp_path / "project"
    for name in (
        "kernel/Cargo.toml",
        "kernel/src/main.rs",
        "kernel/assets/a.bin",
        "kernel/assets/deep/b.bin",
        "shared/c",
    ):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(name)
    (project / "build").mkdir()
    monkeypatch.chdir(project)
    monkeypatch.delenv("COLOUR", raising=False)
    time.sleep(CLOCK_MARGIN_NS / 1e9)  # what was written a moment ago may have been written since a step began
    return project


def write(name: str, text: str = "edited") -> Callable[[], object]:
    return lambda: Path(name).write_text(text)


def same(name: str) -> Callable[[], object]:
    """Written again as it is."""
    return lambda: Path(name).write_text(Path(name).read_text())


def rename(old: str, new: str) -> Callable[[], object]:
    return lambda: Path(old).rename(new)


def remove(name: str) -> Callable[[], object]:
    return lambda: Path(name).unlink()


def relink(name: str, target: str) -> Callable[[], object]:
    def swap() -> None:
        Path(name).unlink(missing_ok=True)
        Path(name).symlink_to(target)

    return swap


FOLDER, FILE, ALL = "kernel/assets/", "kernel/assets/a.bin", "# everything"
VARIABLE = "# env-dep:COLOUR"


@pytest.mark.parametrize(("said", "edit", "again"), [
    ([FILE], write(FILE), True),
    ([FILE], same(FILE), False),
    ([FILE], write("kernel/assets/deep/b.bin"), False),
    ([FILE], relink(FILE, "deep/b.bin"), True),
    ([FILE], remove(FILE), True),
    ([FOLDER], write(FILE), True),
    ([FOLDER], write("kernel/assets/deep/b.bin"), True),
    ([FOLDER], write("kernel/assets/deep/added.bin"), True),
    ([FOLDER], remove(FILE), True),
    ([FOLDER], rename(FILE, "kernel/assets/z.bin"), True),
    ([FOLDER], lambda: os.chmod(FILE, 0o755), True),
    ([FOLDER], relink("kernel/assets/link", "a.bin"), True),
    ([FOLDER], same(FILE), False),
    ([FOLDER], write("kernel/src/main.rs"), False),
    ([FOLDER], write("kernel/src/added.rs"), True),  # only a step of our own may know that no module is found by name
    (["./"], write("kernel/src/main.rs"), True),
    (["./"], write("added"), True),
    (["./"], same("kernel/src/main.rs"), False),
    (["shared/"], write("shared/d"), True),
    (["kernel/assets/gone"], lambda: None, True),  # what is not there can never be up to date
    ([ALL], write("kernel/src/main.rs"), True),
    ([ALL], write("kernel/added.txt"), True),
    ([ALL], remove(FILE), True),
    ([ALL], rename(FILE, "kernel/assets/z.bin"), True),
    ([ALL], write("shared/c"), False),
    ([ALL], same(FILE), False),
    ([ALL], lambda: None, False),
    ([VARIABLE], lambda: os.environ.__setitem__("COLOUR", "blue"), True),
    ([VARIABLE], lambda: os.environ.__setitem__("COLOUR", ""), True),
    ([VARIABLE], lambda: None, False),
])  # fmt: skip
@pytest.mark.parametrize("stored", [False, True], ids=["", "store"])
def test_what_it_said_counts_and_nothing_else(
    root: Path, said: list[str], edit: Callable[[], object], again: bool, stored: bool
) -> None:
    store = root.parent / "store" if stored else None
    build(root, reading(*said), store=store)
    edit()
    try:
        assert build(root, reading(*said), store=store) == ([MADE] if again else [])
        expected = b"".join(
            path.read_bytes()
            for path in sorted(root.glob("kernel/**/*"), key=str)
            if path.is_file() and not path.is_symlink()
        )
        if again:
            assert (root / MADE).read_bytes() == expected
    finally:
        os.environ.pop("COLOUR", None)


def results(store: Path) -> int:
    """How many results a store has; what a step read is one too."""
    return len([path for path in store.rglob("ac/*/*") if path.is_file()])


@pytest.mark.parametrize(("said", "shared"), [([FILE], True), ([FOLDER], True), ([VARIABLE], True), ([ALL], False)])
def test_where_it_is_not_known_what_was_read_the_result_stays_here(root: Path, said: list[str], shared: bool) -> None:
    store = root.parent / "store"
    build(root, reading(*said), store=store)
    assert results(store) == (2 if shared else 0)


def test_a_step_that_does_not_say_what_it_reads_of_a_package_reads_all_of_it(root: Path) -> None:
    silent = step("find kernel -type f | sort | xargs cat > {out}/made", (MADE,), ("kernel/*",))
    store = root.parent / "store"
    build(root, silent, store=store)
    assert build(root, silent, store=store) == []
    (root / "kernel/added").write_text("")
    assert build(root, silent, store=store) == [MADE]
    assert results(store) == 0


@pytest.mark.parametrize("stored", [False, True], ids=["", "store"])
def test_a_step_that_read_nothing_is_not_taken_for_what_it_read(root: Path, stored: bool) -> None:
    """Its key, and the one under which it is kept what it read, are two."""
    store = root.parent / "store" if stored else None
    nothing = reading(inputs=(), script=": > {out}/made", user_env=True)
    build(root, nothing, store=store)
    assert build(root, nothing, store=store) == []
    shutil.rmtree(root / "build")
    build(root, nothing, store=store)
    assert (root / MADE).read_bytes() == b""


def test_a_variable_counts_also_where_the_sources_are_a_tree(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As of a crate from a registry that says `option_env!`."""
    store = root.parent / "store"
    tree = reading(VARIABLE, inputs=("kernel/",), script='printf "$COLOUR" > {out}/made', user_env=True)
    for colour in ("red", "blue", "red"):
        monkeypatch.setenv("COLOUR", colour)
        build(root, tree, store=store)
        assert (root / MADE).read_text() == colour
        assert build(root, tree, store=store) == []


@pytest.mark.parametrize(("edit", "again"), [
    (lambda outside: (outside / "header.h").write_text("2"), True),
    (lambda outside: (outside / "more").mkdir(), False),
    (lambda outside: (outside / "more.h").write_text(""), True),
    (lambda outside: (outside / "other").unlink(), True),
    (lambda outside: None, False),
])  # fmt: skip
@pytest.mark.parametrize("name", ["{}/", "{}/header.h {}/other {}/"])
def test_files_outside_the_project_count_where_they_may(
    root: Path, tmp_path: Path, edit: Callable[[Path], object], again: bool, name: str
) -> None:
    outside, store = tmp_path / "usr", tmp_path / "store"
    outside.mkdir()
    (outside / "header.h").write_text("1")
    (outside / "other").write_text("1")
    time.sleep(CLOCK_MARGIN_NS / 1e9)
    names = name.replace("{}", str(outside))
    may = reading(names, script=f"cat {outside}/*.h >> {{out}}/made", reads_outside=True)
    build(root, may, store=store)
    assert results(store) == 0
    edit(outside)
    assert build(root, may, store=store) == ([MADE] if again else [])
    assert build(root, may, store=store) == ([MADE] if not (outside / "other").exists() and "other" in name else [])
    with pytest.raises(StepError, match="which nothing declares"):
        build(root, may._replace(reads_outside=False, argv=(*may.argv[:2], f"{may.argv[2]}\n")))


def test_what_others_make_has_to_be_declared_also_by_who_may_read_outside(root: Path) -> None:
    (root / "build/other").mkdir(parents=True)
    with pytest.raises(StepError, match="reads build/other/x, which nothing declares"):
        build(root, reading("build/other/x", reads_outside=True))


def test_its_own_folder_is_no_input(root: Path) -> None:
    fill = step("echo > build/out/x; : > {out}/made; echo 'made: build/out/x build/out/ {root}/build/made' > {out}/made.d",
                (MADE, "build/out/", "build/made.d"), ("kernel/*",), dep_info="build/made.d")  # fmt: skip
    build(root, fill)
    assert build(root, fill) == []


@pytest.mark.parametrize(("said", "during"), [
    ([FOLDER], "echo 2 > kernel/assets/a.bin"),
    ([FOLDER], ": > kernel/assets/added"),
    ([FOLDER], "rm kernel/assets/deep/b.bin"),
    ([FOLDER], "mv kernel/assets/a.bin kernel/assets/b.bin"),
    (["./"], "mkdir -p added; : > added/file"),
    ([ALL], "echo 2 > kernel/src/main.rs"),
    ([ALL], ": > kernel/added"),
    ([ALL], "rm kernel/assets/a.bin"),
    (["shared/"], "echo 2 > shared/c"),
])  # fmt: skip
@pytest.mark.parametrize("known", [False, True], ids=["first", "again"])
def test_edits_while_it_runs_are_noticed(root: Path, said: list[str], during: str, known: bool) -> None:
    store = root.parent / "store"
    if known:
        build(root, reading(*said, inputs=("kernel/*", "shared/c")))
        (root / "shared/c").write_text("another")
    before = results(store)
    edited = reading(*said, script=during, inputs=("kernel/*", "shared/c"))
    build(root, edited, store=store)
    assert results(store) == before, "nobody knows what it comes from"
    assert build(root, reading(*said, inputs=("kernel/*", "shared/c")), store=store) == [MADE]


# A file of variables for a step, as a build script's `rustc-env` comes to.
PRINT = 'printf "%s|%s|%s" "$A" "$B" "${C-}" > {out}/made; printf "made:\\n# env-dep:A\\n" > {out}/made.d'


def printing(*files: str, **more: Any) -> Action:
    return step(PRINT, (MADE, "build/made.d"), files, env_from=files, env=(("A", "own"), ("B", "own")),
                dep_info="build/made.d", user_env=True, **more)  # fmt: skip


def test_variables_come_from_files(root: Path) -> None:
    (root / "one").write_bytes(b"A=from file\0C={root}/x=y {out}\0")
    (root / "two").write_bytes(b"C=second\nline")
    build(root, printing("one"))
    assert (root / MADE).read_text() == f"from file|own|{root}/x=y {{out}}"
    assert build(root, printing("one")) == []
    assert build(root, printing("one", "two")) == [MADE]
    assert (root / MADE).read_text() == "from file|own|second\nline"
    assert build(root, printing("two", "one")) == [MADE]
    assert (root / MADE).read_text() == f"from file|own|{root}/x=y {{out}}"
    (root / "one").write_bytes(b"")
    assert build(root, printing("two", "one")) == [MADE]
    assert (root / MADE).read_text() == "own|own|second\nline"


def test_the_order_of_files_of_variables_and_that_they_are_counts(root: Path) -> None:
    from osimage.cache.memo import Memo
    from osimage.cache.readset import ReadSet
    from osimage.graph.keys import Today, key

    for name in ("one", "two"):
        (root / name).write_text("A=1")
    today = Today(Memo(root / "memo"), str(root), "build")
    actions = [printing("one", "two"), printing("one", "two")._replace(env_from=("two", "one")),
               printing("one", "two")._replace(env_from=("one",)), printing("one", "two")._replace(env_from=())]  # fmt: skip
    keys = [key(action, ReadSet(), today, str(root)) for action in actions]
    assert len({encoded.digest for encoded in keys if encoded is not None}) == 4


def test_a_variable_from_a_file_that_holds_the_projects_path_keeps_the_result_with_it(
    root: Path, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    quiet = 'printf "%s" "${A##*/}" > {out}/made; printf "made:\\n# env-dep:A\\n" > {out}/made.d'
    asks = printing("one")._replace(argv=("sh", "-euc", quiet))
    for name, steps in (("project", [MADE]), ("clone", [MADE])):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        (folder / "one").write_text("A={root}/x")
        os.chdir(folder)
        assert build(folder, asks, store=store) == steps
    assert results(store) == 3, "one for each of the two, and one that says what was read"


def test_a_variable_that_names_cargo_keeps_the_result_with_the_folder_only_where_it_is_read(tmp_path: Path) -> None:
    kept = {}
    for read in ("CARGO", "OTHER"):
        words = f': > {{out}}/made; printf "made:\\n# env-dep:{read}\\n" > {{out}}/made.d'
        names_cargo = step(words, (MADE, "build/made.d"), (), dep_info="build/made.d", user_env=True,
                           env=(("CARGO", "{cargo}"),))  # fmt: skip
        for name in ("project", "clone"):
            folder = tmp_path / read / name
            (folder / "build").mkdir(parents=True)
            os.chdir(folder)
            build(folder, names_cargo, store=tmp_path / read / "store")
        kept[read] = results(tmp_path / read / "store")
    assert kept == {"CARGO": 3, "OTHER": 2}, "one for each folder or for both, and one that says what was read"


def test_a_file_of_variables_that_is_no_input_is_our_fault(root: Path) -> None:
    (root / "one").write_text("A=1")
    with pytest.raises(ValueError, match="one is no input"):
        build(root, printing("one")._replace(inputs=()))
