"""Options of SCons that mean something particular here, as the reference says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from project import Project

KERNEL = ["kernel hello (dev)", "hello.stripped.elf", "hello.img"]
SPEC = "[SPEC] target spec x86_64-hello"

pytestmark = pytest.mark.slow


def test_a_dry_run_names_every_step_and_makes_nothing(project: Project) -> None:
    project.build()
    before = project.read("build/hello.img")
    project.replace("kernel/src/main.rs", "Hello World!", "Hello wOrld!")
    assert project.build("-n").steps == KERNEL
    assert project.build("-n").steps == KERNEL
    assert project.read("build/hello.img") == before
    project.rebuilds(KERNEL)
    assert project.up_to_date()


def test_silence(project: Project) -> None:
    project.build()
    project.replace("kernel/src/main.rs", "loop {}", "let unused = 1; loop {}")
    result = project.build("-s")
    assert result.stdout.startswith("warning: unused variable: `unused`")
    assert "[" not in result.stdout.partition("\n")[0]
    assert "[KERNEL]" not in result.stdout


@pytest.mark.parametrize(("options", "shown", "kept"), [
    ((), SPEC, True),
    (("--cache-disable",), SPEC, False),
    (("--cache-readonly",), SPEC, False),
    (("--cache-show",), SPEC, True),
])  # fmt: skip
def test_what_an_empty_store_gets(
    options: tuple[str, ...], shown: str, kept: bool, new_project: Callable[..., Project], tmp_path: Path
) -> None:
    project = new_project(cache=tmp_path / "store")
    assert project.build("x86_64-hello.json", *options).stdout == f"{shown}\n"
    assert any(path.is_file() for path in (tmp_path / "store").rglob("ac/*/*")) is kept


@pytest.mark.parametrize(("options", "shown"), [
    ((), f"{SPEC}, from the cache"),
    (("--cache-disable",), SPEC),
    (("--cache-readonly",), f"{SPEC}, from the cache"),
])  # fmt: skip
def test_what_a_filled_store_gives(
    options: tuple[str, ...], shown: str, new_project: Callable[..., Project], tmp_path: Path
) -> None:
    new_project("first", cache=tmp_path / "store").build("x86_64-hello.json")
    second = new_project("second", cache=tmp_path / "store")
    assert second.build("x86_64-hello.json", *options).stdout == f"{shown}\n"


def test_cache_show_tells_the_command_too(new_project: Callable[..., Project], tmp_path: Path) -> None:
    new_project("first", cache=tmp_path / "store").build("x86_64-hello.json")
    second = new_project("second", cache=tmp_path / "store")
    shown = second.build("x86_64-hello.json", "--cache-show").stdout
    assert shown.startswith(f"{SPEC}, from the cache\n# osimage.text build/x86_64-hello.json ")


def test_products_and_their_paths_are_verbs(project: Project) -> None:
    assert project.build("x86_64-hello.json").steps == ["target spec x86_64-hello"]
    assert project.build("build/x86_64-hello.json").stdout == "scons: `build/x86_64-hello.json' is up to date.\n"
