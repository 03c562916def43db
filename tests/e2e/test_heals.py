"""Whatever somebody does below build/: the next build ends with the files of a clean one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from project import Project

STATE = ".osimage"
MARKS = (".gitignore", "CACHEDIR.TAG")


def delete(path: Path) -> None:
    path.unlink()


def empty(path: Path) -> None:
    path.write_bytes(b"")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path) -> None:
    """One bit, in place, with the time that the file had."""
    data, times = bytearray(path.read_bytes()), path.stat()
    data[len(data) // 2] ^= 1
    with path.open("r+b") as file:
        file.write(data)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def fill(path: Path) -> None:
    path.write_bytes(b"\xff" * 4096)


def make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def make_link(path: Path) -> None:
    """A link to a file with another content."""
    path.unlink()
    path.symlink_to("/etc/hostname")


def files_of(project: Project) -> dict[str, bytes]:
    build = project.root / "build"
    paths = (Path(folder) / name for folder, _, names in os.walk(build) for name in names)
    return {str(path.relative_to(build)): path.read_bytes() for path in paths if STATE not in path.parts}


@pytest.mark.slow
@pytest.mark.parametrize(("damage", "every"), [(delete, 1), (flip, 1), (make_folder, 2), (empty, 3), (cut, 3), (fill, 3),
                                               (make_link, 3)])  # fmt: skip
def test_any_one_file_may_be_damaged(small: Project, damage: Callable[[Path], None], every: int) -> None:
    clean = files_of(small)
    paths = [path for path in (small.root / "build").rglob("*") if path.is_file() and "external" not in path.parts]
    assert len(paths) > 35
    for path in sorted(paths)[::every]:
        if path.exists() and not (path.name in MARKS and damage is not delete):  # these are a person's to change
            damage(path)
            small.build()
            found = files_of(small)
            assert found == clean, (path, [name for name in clean if found.get(name) != clean[name]])
    assert small.up_to_date()


def test_all_records_or_all_outputs_may_go(small: Project) -> None:
    clean = files_of(small)
    for victim in (STATE, f"{STATE}/records", "bios", "sysroot", "hello", "external"):
        shutil.rmtree(small.root / "build" / victim)
        small.build()
        assert files_of(small) == clean, victim
    shutil.rmtree(small.root / "build")
    small.build()
    assert files_of(small) == clean
    assert small.up_to_date()


def test_records_that_changed_places_are_not_believed(small: Project) -> None:
    clean = files_of(small)
    records = sorted((small.root / "build" / STATE / "records").iterdir())
    contents = [path.read_bytes() for path in records]
    for path, content in zip(records, [*contents[1:], contents[0]], strict=True):
        path.write_bytes(content)
    small.build()
    assert files_of(small) == clean
    assert small.up_to_date()


def test_state_of_another_project_is_not_believed(small: Project, new_small: Callable[..., Project]) -> None:
    other = new_small("other")
    other.replace("kernel/src/main.rs", "Hello World!", "Hello Other!")
    other.build()
    clean = files_of(small)
    shutil.rmtree(small.root / "build" / STATE)
    shutil.copytree(other.root / "build" / STATE, small.root / "build" / STATE)
    small.build()
    assert files_of(small) == clean


def test_a_whole_build_folder_of_an_older_state(small: Project) -> None:
    """Restored from a backup with its times, it is that of then, and is brought to what the sources say now."""
    shutil.copytree(small.root / "build", small.root / "backup", symlinks=True)
    small.replace("kernel/src/main.rs", "Hello World!", "Hello Again!")
    small.build()
    clean = files_of(small)
    shutil.rmtree(small.root / "build")
    (small.root / "backup").rename(small.root / "build")
    small.build()
    assert files_of(small) == clean
    assert small.up_to_date()


def test_a_folder_with_files_of_a_persons_stays(small: Project) -> None:
    (small.root / "build/hello.img").unlink()
    small.write({"build/hello.img/mine.txt": "a note"})
    assert "build/hello.img" in small.fails().stderr
    assert small.read("build/hello.img/mine.txt") == b"a note"


def test_a_moved_project_goes_on(small: Project) -> None:
    clean = files_of(small)
    moved = small.root.rename(small.root.with_name("moved here"))
    project = Project(moved, small.cache, small.environ)
    assert project.build().ran == []
    assert files_of(project) == clean


@pytest.mark.parametrize("where", ["../elsewhere", "real/deep"])
def test_the_build_folder_may_be_a_link(new_small: Callable[..., Project], where: str) -> None:
    project, plain = new_small(), new_small("plain")
    plain.build()
    (project.root / where).mkdir(parents=True)
    (project.root / "build").symlink_to(where)
    project.build("--cache-disable")
    assert files_of(project) == files_of(plain)
    assert project.up_to_date()
    assert (project.root / "build").is_symlink()
