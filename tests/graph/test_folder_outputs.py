"""Steps that fill folders, as build scripts do: whatever happens to one, it is whole or made again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from osimage.action import Action
from osimage.errors import StepError
from osimage.graph import folders
from osimage.graph.record import Records
from steps import build, engine, step

OUT = "build/x/out"
SCRIPT = f"""
cat words > {{out}}/args
cp words {OUT}/gen.rs
mkdir -p {OUT}/lib/deep {OUT}/empty
printf x > {OUT}/lib/deep/x.o
printf tool > {OUT}/tool; chmod +x {OUT}/tool
: > {OUT}/nothing
ln -s deep/x.o {OUT}/lib/libx.so
"""
FILL = step(SCRIPT, ("build/x/args", f"{OUT}/"), ("words",))
# What another step makes of the folder: everything that can be seen in it.
READ = step(f"cd {OUT}; find . -printf '%p %y %l\\n' | sort > {{root}}/{{out}}/seen; cat gen.rs >> {{root}}/{{out}}/seen",
            ("build/seen",), (f"{OUT}/",))  # fmt: skip


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    project = tmp_path / "project"
    project.mkdir()
    (project / "words").write_text("one")
    monkeypatch.chdir(project)
    return project


def state(folder: Path) -> dict[str, tuple[str, object]]:
    """What a folder holds: kind and content of everything in it."""
    found: dict[str, tuple[str, object]] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = ("link", os.readlink(path))
        elif path.is_dir():
            found[name] = ("folder", None)
        else:
            found[name] = ("tool" if os.access(path, os.X_OK) else "file", path.read_bytes())
    return found


def test_a_folder_is_made_once_and_read_by_others(root: Path) -> None:
    assert build(root, FILL, READ) == ["build/x/args", "build/seen"]
    assert build(root, FILL, READ) == []
    (root / "words").write_text("two")
    assert build(root, FILL, READ) == ["build/x/args", "build/seen"]
    assert (root / "build/seen").read_text().endswith("two")
    # What is not written again is not there any more.
    less = FILL._replace(argv=(*FILL.argv[:2], f": > {OUT}/gen.rs; : > {{out}}/args"))
    build(root, less, READ)
    assert os.listdir(root / OUT) == ["gen.rs"]


def add(folder: Path) -> None:
    (folder / "added").write_text("")


def add_folder(folder: Path) -> None:
    (folder / "added").mkdir()


def remove(folder: Path) -> None:
    (folder / "nothing").unlink()


def remove_folder(folder: Path) -> None:
    (folder / "empty").rmdir()


def rename(folder: Path) -> None:
    (folder / "gen.rs").rename(folder / "gem.rs")


def edit(folder: Path) -> None:
    """In place, of the same size, with the time that it had."""
    times = (folder / "gen.rs").stat()
    (folder / "gen.rs").write_text("eno")
    os.utime(folder / "gen.rs", ns=(times.st_atime_ns, times.st_mtime_ns))


def change_mode(folder: Path) -> None:
    (folder / "tool").chmod(0o644)


def swap_link(folder: Path) -> None:
    (folder / "lib/libx.so").unlink()
    (folder / "lib/libx.so").symlink_to("../gen.rs")


def link_for_file(folder: Path) -> None:
    (folder / "gen.rs").rename(folder.parent / "kept.rs")
    (folder / "gen.rs").symlink_to("../kept.rs")


def link_for_folder(folder: Path) -> None:
    (folder / "lib").rename(folder.parent / "kept")
    (folder / "lib").symlink_to("../kept")


def file_for_folder(folder: Path) -> None:
    (folder / "empty").rmdir()
    (folder / "empty").write_text("")


def link_for_all(folder: Path) -> None:
    """A link in the place of the whole folder: what it leads to is somebody's, and stays."""
    folder.rename(folder.parent.parent / "elsewhere")
    folder.symlink_to("../elsewhere")


def delete_all(folder: Path) -> None:
    shutil.rmtree(folder)


DAMAGE = [add, add_folder, remove, remove_folder, rename, edit, change_mode, swap_link, link_for_file, link_for_folder,
          file_for_folder, link_for_all, delete_all]  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("kept", [False, True], ids=["made again", "from the cache"])
def test_whatever_is_done_to_it_it_is_made_again(root: Path, damage: Callable[[Path], None], kept: bool) -> None:
    store = root.parent / "store" if kept else None
    build(root, FILL, READ, store=store)
    before = state(root / OUT)
    damage(root / OUT)
    damaged = state(root / "build/elsewhere") if damage is link_for_all else None
    words = engine(root).why(FILL)
    assert words.startswith(f"{OUT}/"), words
    assert words.endswith((" was changed", " was removed")), words
    assert build(root, FILL, READ, store=store) == ["build/x/args"]
    assert state(root / OUT) == before
    assert damaged is None or state(root / "build/elsewhere") == damaged
    assert build(root, FILL, READ, store=store) == []


def test_what_was_only_touched_is_not_made_again(root: Path) -> None:
    build(root, FILL)
    for path in (root / OUT).rglob("*"):
        os.utime(path, follow_symlinks=False)
    assert build(root, FILL) == []


def test_a_folder_comes_back_from_the_store(root: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    build(root, FILL, READ, store=store)
    before = state(root / OUT)
    for other in ("clone", "another"):
        clone = tmp_path / other
        clone.mkdir()
        (clone / "words").write_text("one")
        os.chdir(clone)
        marked = FILL._replace(label="again")
        here = engine(clone, store)
        from osimage.graph.execute import restore

        with here.at_work():
            assert restore(here, marked)
        here.close()
        assert state(clone / OUT) == before
        assert build(clone, FILL, READ, store=store) == ["build/seen"]
        assert build(clone, FILL, READ, store=store) == []


@pytest.mark.parametrize(
    "script", [f"printf {{root}} > {OUT}/path", f"ln -s {{root}}/words {OUT}/words"], ids=["file", "link"]
)
def test_a_folder_that_holds_the_projects_path_stays_with_it(root: Path, tmp_path: Path, script: str) -> None:
    store = tmp_path / "store"
    fill = step(f": > {{out}}/args; {script}", ("build/x/args", f"{OUT}/"), ("words",))
    build(root, fill, store=store)
    shutil.rmtree(root / "build")
    assert restored(root, fill, store) == script.startswith("printf")  # links that lead out are not kept at all
    clone = tmp_path / "clone"
    shutil.copytree(root, clone, ignore=shutil.ignore_patterns("build"))
    os.chdir(clone)
    assert not restored(clone, fill, store)
    build(clone, fill, store=store)
    assert str(clone) in (
        (clone / OUT / "path").read_text() if script.startswith("printf") else os.readlink(clone / OUT / "words")
    )


def restored(root: Path, action: Action, store: Path) -> bool:
    from osimage.graph.execute import restore

    here = engine(root, store)
    try:
        with here.at_work():
            return restore(here, action)
    finally:
        here.close()


def damaged_file(store: Path) -> None:
    blob = next(path for path in (store / "cas").rglob("?" * 64) if path.read_bytes() == b"x")
    blob.chmod(0o644)
    blob.write_bytes(b"y")


def lost_file(store: Path) -> None:
    next(path for path in (store / "cas").rglob("?" * 64) if path.read_bytes() == b"tool").unlink()


def damaged_tree(store: Path) -> None:
    blob = next(path for path in (store / "cas").rglob("?" * 64) if b"libx.so" in path.read_bytes())
    blob.chmod(0o644)
    blob.write_bytes(blob.read_bytes().replace(b"gen.rs", b"gem.rs"))


@pytest.mark.parametrize("damage", [damaged_file, lost_file, damaged_tree])
def test_a_damaged_store_gives_nothing_back(root: Path, tmp_path: Path, damage: Callable[[Path], None]) -> None:
    store = tmp_path / "store"
    build(root, FILL, store=store)
    before = state(root / OUT)
    damage(store)
    shutil.rmtree(root / "build")
    assert not restored(root, FILL, store)
    assert not (root / OUT).exists()
    build(root, FILL, store=store)
    shutil.rmtree(root / "build")
    assert restored(root, FILL, store), "what was made again heals the store"
    assert state(root / OUT) == before


def test_an_empty_folder_is_an_output_too(root: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    fill = step(": > {out}/args", ("build/x/args", f"{OUT}/"))
    build(root, fill, store=store)
    assert build(root, fill, store=store) == []
    shutil.rmtree(root / "build")
    assert restored(root, fill, store)
    assert os.listdir(root / OUT) == []


def test_empty_folders_and_links_in_it_count_for_who_reads_it(root: Path) -> None:
    """The digest of a tree of sources has neither."""
    for script in (
        f"mkdir {OUT}/a",
        f"mkdir {OUT}/b",
        f"mkdir {OUT}/b {OUT}/c",
        f": > {OUT}/x; ln -s x {OUT}/y",
        f": > {OUT}/x; : > {OUT}/y",
    ):
        fill = step(f": > {{out}}/args; : > {OUT}/gen.rs; {script}", ("build/x/args", f"{OUT}/"))
        assert build(root, fill, READ) == ["build/x/args", "build/seen"], script
        assert build(root, fill, READ) == []


def test_a_kill_in_the_middle_is_seen_also_where_all_is_as_it_was(root: Path) -> None:
    """The step had just written again what was there before."""
    build(root, FILL)
    program = (
        f"import sys\nsys.path[:0] = {sys.path!r}\n"
        "from pathlib import Path\nfrom steps import build, step\n"
        f"build(Path.cwd(), step({SCRIPT!r} + 'kill -9 $PPID; sleep 5', {FILL.outputs!r}, ('words',)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    record = Records(root / "build/.osimage/records").get("build/x/args")
    assert record is not None
    assert record.digest == ""
    (root / OUT / "left over").write_text("")
    assert build(root, FILL) == ["build/x/args"]
    assert not (root / OUT / "left over").exists()
    assert build(root, FILL) == []


def test_a_failing_step_leaves_no_record_of_what_it_left(root: Path) -> None:
    build(root, FILL)
    fails = FILL._replace(argv=(*FILL.argv[:2], FILL.argv[2] + "\nexit 1"))
    with pytest.raises(StepError, match="ended with status 1"):
        build(root, fails)
    assert build(root, FILL) == ["build/x/args"]


def test_folders_that_cannot_be_written_are_emptied_too(root: Path) -> None:
    readonly = FILL._replace(
        argv=(*FILL.argv[:2], FILL.argv[2] + f"\nchmod 555 {OUT}/lib/deep {OUT}/lib; chmod 444 {OUT}/gen.rs")
    )
    build(root, readonly)
    build(root, FILL)
    assert os.access(root / OUT / "lib", os.W_OK)


def test_what_is_no_content_is_left_alone(root: Path, tmp_path: Path) -> None:
    """A FIFO: the folder is the step's output all the same, but not one that others could have."""
    fill = FILL._replace(argv=(*FILL.argv[:2], FILL.argv[2] + f"\nmkfifo {OUT}/pipe"))
    began = time.monotonic()
    build(root, fill, READ, store=tmp_path / "store")
    assert build(root, fill, READ, store=tmp_path / "store") == []
    shutil.rmtree(root / "build")
    assert not restored(root, fill, tmp_path / "store")
    assert time.monotonic() - began < 10


def test_a_step_that_removes_its_folder_is_told(root: Path) -> None:
    fill = step(f": > {{out}}/args; rmdir {OUT}", ("build/x/args", f"{OUT}/"))
    with pytest.raises(StepError) as told:
        build(root, fill)
    assert str(told.value) == f"step build/x/args: sh ended well, but {OUT}/ is no folder any more"


def test_a_persons_file_in_the_place_of_a_folder_stays(root: Path) -> None:
    (root / "build/x").mkdir(parents=True)
    (root / OUT).write_text("mine")
    with pytest.raises(StepError) as told:
        build(root, FILL)
    assert str(told.value) == f"{OUT} is to be a folder, but it is a file that osimage did not make. Move it away."
    assert (root / OUT).read_text() == "mine"


def test_a_file_and_a_folder_of_ours_take_each_others_place(root: Path) -> None:
    file = step(": > {out}/args; : > {out}/out", ("build/x/args", OUT))
    build(root, file)
    build(root, FILL, READ)
    build(root, file)
    assert (root / OUT).is_file()
    build(root, FILL, READ)
    assert (root / OUT / "gen.rs").is_file()


@pytest.mark.parametrize("before", [0, (1 << 20) - 3, (1 << 20) - 1, 1 << 20, (1 << 21) - 2])
def test_words_are_found_wherever_they_are_in_a_file(before: int, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * before + b"words" + b"x")
    assert folders.holds(str(file), b"words")
    assert not folders.holds(str(file), b"swords")
    file.write_bytes(b"")
    assert not folders.holds(str(file), b"words")
