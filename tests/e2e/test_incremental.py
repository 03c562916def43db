"""What is built again, and what is not, after each kind of change."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from project import MAIN, Project

SPEC = "target spec x86_64-hello"
KERNEL = "kernel hello (dev)"
STRIP = "hello.stripped.elf"
IMAGE = "hello.img"


@pytest.fixture
def built(project: Project) -> Project:
    """The example project, built."""
    project.build()
    return project


def test_nothing_changed_nothing_done(built: Project) -> None:
    assert built.up_to_date()
    assert built.up_to_date("image")


def test_an_unchanged_build_starts_no_program_and_imports_no_stage(built: Project) -> None:
    watch = (
        "import sys\n"
        "def hook(event, args):\n"
        "    if event in ('subprocess.Popen', 'os.fork', 'os.exec', 'os.posix_spawn', 'os.system'):\n"
        "        sys.__stderr__.write(f'started {args[0]}\\n')\n"
        "    if event == 'import' and args[0].startswith('osimage.'):\n"
        "        sys.__stderr__.write(f'imported {args[0]}\\n')\n"
        "sys.addaudithook(hook)\n"
    )
    built.write({"watch/sitecustomize.py": watch})
    path = f"{built.root / 'watch'}:{os.environ.get('PYTHONPATH', '')}"
    result = built.build(environ={"PYTHONPATH": path})
    lines = result.stderr.splitlines()
    assert not [line for line in lines if line.startswith("started")]
    imported = {line.split(".")[1] for line in lines if line.startswith("imported")}
    assert "graph" in imported, result.stderr
    assert not imported & {"target", "sysroot", "crates", "boot", "image", "machine"}


@pytest.mark.parametrize(
    ("file", "old", "new", "steps"),
    [
        ("kernel/src/main.rs", "Hello World!", "Hello Moon!!", [KERNEL, STRIP, IMAGE]),
        ("kernel/src/main.rs", "loop {}\n}\n\n", "loop {} // for ever\n}\n\n", [KERNEL]),  # the same ELF
        ("kernel/Cargo.toml", "[profile.dev]", "# a comment\n[profile.dev]", []),
    ],
    ids=["string", "comment", "comment in the manifest"],
)
def test_an_edit_rebuilds_exactly(built: Project, file: str, old: str, new: str, steps: list[str]) -> None:
    text = built.read(file).decode()
    assert old in text
    built.write({file: text.replace(old, new, 1)})
    built.rebuilds(steps)
    assert built.up_to_date()


def test_a_comment_that_shifts_lines_makes_no_new_image(project: Project) -> None:
    """It changes the debug information; in a dev build also the line numbers that panics print, which are loaded."""
    project.replace("kernel/Cargo.toml", "[profile.release]", "[profile.release]\ndebug = true")
    project.build("PROFILE=release")
    elf, image = project.read("build/hello.elf"), (project.root / "build/hello.img").stat()
    project.replace("kernel/src/main.rs", "#![no_std]", "// a comment\n#![no_std]")
    project.rebuilds(["kernel hello (release)", STRIP], "PROFILE=release")
    assert project.read("build/hello.elf") != elf
    assert (project.root / "build/hello.img").stat() == image


@pytest.mark.parametrize(
    "file", ["kernel/README.md", "kernel/tests/boot.rs", "README.md", "kernel/.editor/x.rs", "kernel/target/debug/y.rs"]
)
def test_what_the_kernel_does_not_read_does_not_matter_when_edited(built: Project, file: str) -> None:
    built.write({file: "something"})
    built.build()
    built.write({file: "something else"})
    assert built.up_to_date()


def test_touching_every_source_rebuilds_nothing(built: Project) -> None:
    for path in built.root.rglob("*"):
        if path.is_file() and "build" not in path.relative_to(built.root).parts:
            path.touch()
    assert built.up_to_date()


def test_a_module_that_a_new_file_shadows_is_compiled_again(new_project: Callable[..., Project]) -> None:
    project = new_project()
    project.write({"kernel/src/main.rs": "mod a;\n" + MAIN, "kernel/src/a.rs": "pub const A: u8 = 1;\n"})
    project.replace("kernel/src/main.rs", "#![no_std]", "")
    project.replace("kernel/src/main.rs", "mod a;\n", "#![no_std]\nmod a;\n")
    project.replace("kernel/src/main.rs", "#![no_main]", "")
    project.replace("kernel/src/main.rs", "#![no_std]", "#![no_std]\n#![no_main]")
    project.build()
    project.write({"kernel/src/a/mod.rs": "pub const A: u8 = 2;\n"})
    result = project.fails()
    assert "E0761" in result.stdout + result.stderr


def test_an_included_file_is_an_input(built: Project) -> None:
    built.replace("kernel/src/main.rs", 'b"Hello World!"', 'include_bytes!("../text.bin")')
    built.write({"kernel/text.bin": b"Included"})
    built.build()
    first = built.read("build/hello.img")
    assert b"Included" in first
    built.write({"kernel/text.bin": b"Replaced"})
    built.rebuilds([KERNEL, STRIP, IMAGE])
    assert b"Replaced" in built.read("build/hello.img")


def test_a_variable_that_the_kernel_reads_is_an_input_and_others_are_not(built: Project) -> None:
    built.replace(
        "kernel/src/main.rs", 'b"Hello World!"', 'option_env!("GREETING").unwrap_or("nothing said").as_bytes()'
    )
    built.build()
    assert b"nothing said" in built.read("build/hello.img")
    result = built.build(environ={"GREETING": "good evening"})
    assert sorted(result.steps) == sorted([KERNEL, STRIP, IMAGE])
    assert b"good evening" in built.read("build/hello.img")
    assert built.build(environ={"GREETING": "good evening", "OTHER": "1"}).steps == []


def test_an_edit_and_its_revert_come_from_the_cache(built: Project) -> None:
    first = built.read("build/hello.img")
    built.replace("kernel/src/main.rs", "Hello World!", "Hello Moon!!")
    built.build()
    built.replace("kernel/src/main.rs", "Hello Moon!!", "Hello World!")
    assert built.build().ran == []
    assert built.read("build/hello.img") == first


def test_any_file_below_build_may_be_deleted(built: Project) -> None:
    image = built.read("build/hello.img")
    files = [path for path in (built.root / "build").rglob("*") if path.is_file() and "external" not in path.parts]
    assert len(files) > 15
    for path in files:
        path.unlink(missing_ok=True)
        built.build()
        assert built.read("build/hello.img") == image, path
        if path.name not in ("memo", "plan", "lock", ".gitignore", "CACHEDIR.TAG"):
            assert path.exists() or ".osimage" in path.parts, path
    assert built.up_to_date()


def test_rustc_compiles_only_what_changed(new_small: Callable[..., Project]) -> None:
    function = '#[inline(never)]\n#[unsafe(no_mangle)]\npub extern "C" fn {0}() -> u8 {{\n    {1}\n}}\n'
    small = new_small(more={f"kernel/src/{name}.rs": function.format(name, 1) for name in ("one", "two")})
    small.replace("kernel/Cargo.toml", "[profile.dev]", "[profile.dev]\ndebug = 2")
    small.replace("kernel/src/main.rs", "pub struct", "mod one;\nmod two;\npub struct")
    kept = []
    for number in (1, 2):
        small.write({"kernel/src/two.rs": function.format("two", number)})
        small.build("INCREMENTAL=yes")
        kept.append({path.stat().st_ino for path in (small.root / "build/incremental").rglob("*.o")})
    # What is used again is a link to the same file.
    assert len(kept[0]) >= 3
    assert len(kept[1] - kept[0]) == 1
