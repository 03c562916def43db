"""Kills, two builds at once, other folders: the image is always that of a clean build of what lies there."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from project import MAIN, Project

KILLS = 50
TEXTS = ["Hello World!", "Hello Moon!!", "Hello Mars!!"]


def source(text: str) -> dict[str, str | bytes]:
    return {"kernel/src/main.rs": MAIN.replace("Hello World!", text)}


@pytest.fixture
def clean_images(new_project: Callable[..., Project], tmp_path: Path) -> dict[str, bytes]:
    """The image of each text, from builds that nothing disturbed."""
    images = {}
    for number, text in enumerate(TEXTS):
        project = new_project(f"clean{number}").write(source(text))
        project.build()
        images[text] = project.read("build/hello.img")
    assert len(set(images.values())) == len(TEXTS)
    return images


@pytest.mark.slow
def test_a_kill_at_any_moment_leaves_nothing_wrong(project: Project, clean_images: dict[str, bytes]) -> None:
    chance = random.Random(2026)
    project.build()
    here = TEXTS[0]
    killed = 0
    for number in range(KILLS):
        after = chance.choice([text for text in TEXTS if text != here])
        project.write(source(after))
        options = ["--cache-disable"] if chance.random() < 0.5 else []
        process = subprocess.Popen(
            project.command("image", *options), cwd=project.root, env=project.environment(),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        time.sleep(chance.uniform(0.0, 0.6))
        killed += process.poll() is None
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if number % 2:
            project.write(source(here))
        else:
            here = after
        project.build()
        assert project.read("build/hello.img") == clean_images[here], f"kill {number}"
    assert killed >= KILLS // 2, "the kills came too late to show anything"
    assert not list((project.root / "build/.osimage/scratch").iterdir())


def test_two_builds_at_once_are_both_right(project: Project, clean_images: dict[str, bytes]) -> None:
    project.write(source(TEXTS[1]))
    environ = project.environment()
    both = [
        subprocess.Popen(
            project.command("--cache-disable" if first else "image", "image"), cwd=project.root, env=environ,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for first in (True, False)
    ]  # fmt: skip
    told = [process.communicate(timeout=300) for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    waiting = [err for _, err in told if "osimage: waiting for `scons " in err]
    assert len(waiting) == 1, told
    assert "which is building here" in waiting[0]
    assert project.read("build/hello.img") == clean_images[TEXTS[1]]
    assert project.up_to_date()


def test_a_folder_with_blanks_and_other_letters(
    new_project: Callable[..., Project], clean_images: dict[str, bytes]
) -> None:
    project = new_project("a folder, with 'blanks' & Größe")
    project.build("--cache-disable")
    assert project.read("build/hello.img") == clean_images[TEXTS[0]]
    assert project.up_to_date()


@pytest.mark.slow
def test_two_clones_are_the_same_to_the_byte(new_project: Callable[..., Project], tmp_path: Path) -> None:
    """Different folders, days and numbers of jobs, with nothing shared: every file that is built is the same."""
    one = new_project("one", cache=tmp_path / "cache1")
    two = new_project("elsewhere/two", cache=tmp_path / "cache2")
    for path in two.root.rglob("*"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    one.build("-j1")
    two.build(
        "-j8", environ={"SOURCE_DATE_EPOCH": "1", "TZ": "Asia/Tokyo", "HOME": str(tmp_path), "LANG": "de_DE.UTF-8"}
    )
    files = [path.relative_to(one.root) for path in (one.root / "build").rglob("*") if path.is_file()]
    built = [name for name in files if ".osimage" not in name.parts and "external" not in name.parts]
    assert len(built) > 12
    for name in built:
        content = (one.root / name).read_bytes()
        assert content == (two.root / name).read_bytes(), name
        assert str(tmp_path).encode() not in content, name


def test_a_clone_elsewhere_with_a_warm_cache_compiles_nothing(
    project: Project, new_project: Callable[..., Project]
) -> None:
    project.build()
    other = new_project("clone")
    result = other.build()
    assert result.ran == []
    assert other.read("build/hello.img") == project.read("build/hello.img")
    assert other.up_to_date()


def test_a_changed_module_in_a_new_clone_is_never_served_the_old_object(
    project: Project, new_project: Callable[..., Project]
) -> None:
    main = {"kernel/src/main.rs": MAIN.replace("#![no_main]", "#![no_main]\nmod text;").replace(
        'b"Hello World!"', "text::TEXT")}  # fmt: skip
    project.write({**main, "kernel/src/text.rs": 'pub const TEXT: &[u8] = b"the first";\n'})
    project.build()
    other = new_project("clone").write({**main, "kernel/src/text.rs": 'pub const TEXT: &[u8] = b"the second";\n'})
    other.build()
    assert b"the second" in other.read("build/hello.img")
    assert b"the first" not in other.read("build/hello.img")


def test_the_cache_may_be_deleted_disabled_or_readonly(project: Project, tmp_path: Path) -> None:
    project.cache = tmp_path / "own"
    project.build("image", "--cache-readonly")
    assert not (project.cache / "ac").exists() or not list((project.cache / "ac").iterdir())
    assert project.up_to_date()
