"""The store that clones and projects share: it never serves what another folder's sources would not give."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from project import Project
from small import EVERYTHING, KERNEL, KERNEL_STEP
from terminal import Session

SOURCE = "kernel/src/main.rs"
WARNS = KERNEL + "fn unused_function_name() {}\n"
WARNING = "function `unused_function_name` is never used"


def saying(expression: str) -> str:
    """The kernel with another text in it, that of EXPRESSION."""
    main = KERNEL.replace("-> &'static Data { &DATA }", "-> &'static (&'static Data, &'static str) { &OTHER }")
    return f"{main}pub static OTHER: (&Data, &str) = (&DATA, {expression});\n"


def test_a_clone_elsewhere_compiles_nothing(small: Project, new_small: Callable[..., Project]) -> None:
    other = new_small("clone")
    result = other.build()
    assert result.ran == []
    assert sorted(result.steps) == sorted(EVERYTHING)
    assert other.read("build/hello.img") == small.read("build/hello.img")
    assert other.up_to_date()


def test_a_changed_module_in_a_new_clone_is_never_served_the_old_object(new_small: Callable[..., Project]) -> None:
    module = 'pub const T: &[u8; 12] = b"{}";\n'
    main = KERNEL.replace('b"Hello World!"', "text::T") + "mod text;\n"
    images = set()
    for number in range(3):
        files = {SOURCE: main, "kernel/src/text.rs": module.format(f"module {number:05}")}
        clone = new_small(f"clone{number}", files)
        clone.build()
        assert f"module {number:05}".encode() in clone.read("build/hello.img")
        images.add(clone.read("build/hello.img"))
    assert len(images) == 3
    clone = new_small("moved", {SOURCE: main, "kernel/src/text/mod.rs": module.format("module 00000")})
    clone.build()
    assert b"module 00000" in clone.read("build/hello.img")


def test_a_module_that_the_clone_lacks_is_missed(new_small: Callable[..., Project]) -> None:
    main = KERNEL + "mod gone;\n"
    new_small("one", {SOURCE: main, "kernel/src/gone.rs": ""}).build()
    assert "E0583" in new_small("two", {SOURCE: main}).fails().stdout


def test_a_result_with_the_projects_path_stays_in_its_folder(new_small: Callable[..., Project]) -> None:
    """A program may hold it as data. Another folder's is never served; its own comes back."""
    files = {SOURCE: saying('env!("CARGO_MANIFEST_DIR")')}
    for project in (new_small("one", files), new_small("another", files)):
        assert set(KERNEL_STEP) <= set(project.build().ran), "not the other folder's"
        assert os.fsencode(project.root / "kernel") in project.read("build/hello.img")
        shutil.rmtree(project.root / "build")
        assert project.build().ran == [], "but its own"
        assert os.fsencode(project.root / "kernel") in project.read("build/hello.img")
        assert project.up_to_date()


def test_a_path_of_the_project_in_cargos_configuration_stays_there_too(new_small: Callable[..., Project]) -> None:
    config = '[env]\nPLACE = { value = "data", relative = true }\n'
    files = {SOURCE: saying('env!("PLACE")'), "kernel/.cargo/config.toml": config}
    for project in (new_small("one", files), new_small("another", files)):
        project.build()
        assert os.fsencode(project.root / "kernel/data") in project.read("build/hello.img")


def test_a_variable_of_cargos_configuration_is_an_input(new_small: Callable[..., Project]) -> None:
    files = {SOURCE: saying('env!("WORDS")'), "kernel/.cargo/config.toml": '[env]\nWORDS = "configured words"\n'}
    project = new_small(more=files)
    project.build()
    assert b"configured words" in project.read("build/hello.img")
    project.build(environ={"WORDS": "the person's words"})  # what is set already counts
    assert b"the person's words" in project.read("build/hello.img")
    project.write({"kernel/.cargo/config.toml": '[env]\nWORDS = "other words"\n'})
    project.build()
    assert b"other words" in project.read("build/hello.img")
    assert project.up_to_date()


def test_a_variable_of_the_persons_is_an_input_whatever_it_is_called(new_small: Callable[..., Project]) -> None:
    project = new_small(more={SOURCE: saying('concat!(env!("CARGO_COLOUR"), env!("RUST_LOG_DEFAULT"))')})
    for colour, run in (("red", True), ("blue", True), ("blue", False), ("red", False)):
        result = project.build(environ={"CARGO_COLOUR": colour, "RUST_LOG_DEFAULT": "trace"})
        assert bool(result.ran) == run, colour
        assert f"{colour}trace".encode() in project.read("build/hello.img")
    assert "CARGO_COLOUR" in project.fails().stdout, "it is not there"


@pytest.mark.parametrize(
    "place", ["kernel/../data.bin", "kernel/build/data.bin", "kernel/.hidden/data.bin", "data.bin"]
)
def test_what_lies_elsewhere_in_the_project_is_an_input(new_small: Callable[..., Project], place: str) -> None:
    """Also in folders in which no source is looked for before the first build."""
    included = os.path.relpath(place, "kernel/src")
    main = KERNEL.replace('b"Hello World!"', f'include_bytes!("{included}")')
    for number in range(3):
        project = new_small(f"clone{number % 2}", {SOURCE: main, place: f"include{number:05}"})
        project.build()
        assert f"include{number:05}".encode() in project.read("build/hello.img")
        assert project.up_to_date()


@pytest.mark.parametrize("place", ["outside.bin", "toolchain/share/outside.bin"])
def test_what_lies_outside_the_project_is_refused_until_it_is_declared(
    new_small: Callable[..., Project], place: str
) -> None:
    """Also beside the compiler, of whose folder its identity covers only what is its own."""
    project = new_small()
    outside = project.root.parent / place
    outside.parent.mkdir(exist_ok=True)
    outside.write_bytes(b"outside 0001")
    project.replace(SOURCE, 'b"Hello World!"', f'include_bytes!("{outside}")')
    assert f'Add inputs=["{outside}"] to SConstruct:4' in project.fails().stderr
    project.replace("SConstruct", '"kernel/Cargo.toml",', f'"kernel/Cargo.toml", inputs=["{outside}"],')
    project.build()
    assert b"outside 0001" in project.read("build/hello.img")
    outside.write_bytes(b"outside 0002")
    project.build()
    assert b"outside 0002" in project.read("build/hello.img")
    assert project.up_to_date()


def test_the_cache_may_be_left_out_and_left_alone(new_small: Callable[..., Project], tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    new_small("first", cache=cache).build("--cache-disable")
    assert not cache.exists()
    new_small("second", cache=cache).build("--cache-readonly")
    assert not cache.exists()
    filling = new_small("third", cache=cache)
    filling.build()
    before = {path: path.stat().st_mtime_ns for path in cache.rglob("*")}
    reading = new_small("fourth", cache=cache)
    assert reading.build("--cache-readonly").ran == []
    reading.replace(SOURCE, "Hello World!", "Hello again!")
    assert set(KERNEL_STEP) <= set(reading.build("--cache-readonly").ran)
    assert {path: path.stat().st_mtime_ns for path in cache.rglob("*")} == before
    assert sorted(new_small("fifth", cache=cache).build("--cache-disable").ran) == sorted(EVERYTHING)
    assert {path: path.stat().st_mtime_ns for path in cache.rglob("*")} == before
    shutil.rmtree(cache)
    assert filling.up_to_date()
    assert sorted(new_small("sixth", cache=cache).build().ran) == sorted(EVERYTHING)


@pytest.mark.parametrize("damage", ["delete", "cut", "flip", "folder"])
def test_a_damaged_store_is_healed_by_building(new_small: Callable[..., Project], tmp_path: Path, damage: str) -> None:
    project = new_small(cache=tmp_path / "cache")
    project.build()
    image = project.read("build/hello.img")
    blobs = sorted(path for path in (tmp_path / "cache/cas").rglob("*") if path.is_file())
    for path in blobs[::2] + sorted((tmp_path / "cache/ac").rglob("?" * 64))[::3]:
        data = bytearray(path.read_bytes())
        path.unlink()
        if damage == "cut":
            path.write_bytes(data[: len(data) // 2])
        elif damage == "flip":
            data[len(data) // 2] ^= 1
            path.write_bytes(data)
        elif damage == "folder":
            path.mkdir()
    shutil.rmtree(project.root / "build")
    result = project.build()
    assert project.read("build/hello.img") == image
    assert 0 < len(result.ran) < len(EVERYTHING)
    if damage != "folder":
        shutil.rmtree(project.root / "build")
        assert project.build().ran == []
    assert project.read("build/hello.img") == image


def test_a_warning_is_shown_on_every_build_until_it_is_fixed(small: Project, new_small: Callable[..., Project]) -> None:
    small.write({SOURCE: WARNS})
    for arguments in ([], [], ["image"], ["--cache-disable"]):
        assert small.build(*arguments).stdout.count(WARNING) == 1, arguments
    clone = new_small("clone", {SOURCE: WARNS})
    result = clone.build()
    assert result.ran == []
    assert result.stdout.count(WARNING) == 1
    shutil.rmtree(clone.root / "build/hello")
    assert clone.build().stdout.count(WARNING) == 1
    small.write({SOURCE: KERNEL})
    assert WARNING not in small.build().stdout
    assert small.up_to_date()


def test_a_warning_from_the_cache_has_its_colours_in_a_terminal(new_small: Callable[..., Project]) -> None:
    new_small("first", {SOURCE: WARNS}).build()
    clone = new_small("clone", {SOURCE: WARNS})
    environ = {name: value for name, value in clone.environment().items() if name != "NO_COLOR"} | {"TERM": "xterm"}
    for _ in range(2):
        session = Session(clone.command(), environ, width=200, cwd=clone.root)
        assert session.end() == 0
        assert re.search(r"\x1b\[(1;)?33m.*warning", session.output), repr(session.output)
        assert session.output.count(WARNING) == 1


def test_a_failed_step_is_never_kept(small: Project, new_small: Callable[..., Project]) -> None:
    small.write({SOURCE: KERNEL + "fn broken( {}\n"})
    for project in (small, small, new_small("clone", {SOURCE: KERNEL + "fn broken( {}\n"})):
        assert "[KERNEL] kernel hello (dev)\n" in project.fails().stdout
    small.write({SOURCE: KERNEL})
    assert small.up_to_date(), "the old files are those of the old source"


def test_the_same_kernel_with_another_name_of_its_folder(new_small: Callable[..., Project]) -> None:
    """Names of files are part of what rustc writes (panics' places), so they are part of the key."""
    one, two = new_small("one"), new_small("two")
    one.build()
    (two.root / "kernel").rename(two.root / "core")
    two.replace("SConstruct", "kernel/Cargo.toml", "core/Cargo.toml")
    result = two.build()
    assert set(KERNEL_STEP) <= set(result.ran)
