"""Edits at bad moments and with misleading times: what lies there decides, whatever the clock says."""

from __future__ import annotations

import os
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from project import Project
from small import CORE_STEP, IMAGE, KERNEL, KERNEL_STEP, LIBRARY_FILES, STRIP, Toolchain

SOURCE = "kernel/src/main.rs"
KERNEL_ARGUMENTS = "--crate-name hello "  # of the kernel's rustc, as cargo writes them


def text(words: str) -> str:
    """The kernel with another text of the same length."""
    assert len(words) == 12
    return KERNEL.replace("Hello World!", words)


@pytest.fixture
def words(request: pytest.FixtureRequest) -> list[str]:
    """Three texts of one length that no other test has in the store."""
    return [f"{zlib.crc32(request.node.nodeid.encode()):010}/{number}" for number in range(3)]


@pytest.mark.parametrize(
    "edit",
    [
        "cp {other} {source}",
        "cp -p {other} {source}",  # with the time of the older file
        "cp -p {other} {source}.new; mv {source}.new {source}",
        "mv {source} {source}.old; cp {other} {source}; touch -r {source}.old {source}; rm {source}.old",
        "cp {other} {source}; touch -d 1970-01-02 {source}",
        "cp {other} {source}; touch -d 2037-01-01 {source}",
    ],
)
def test_an_edit_while_the_compiler_runs_is_noticed_by_the_next_build(
    small: Project, toolchain: Toolchain, new_small: Callable[..., Project], tmp_path: Path, words: list[str], edit: str
) -> None:
    """And what was compiled is neither taken for the old source nor for the new one, here or in another clone."""
    other = tmp_path / "other.rs"
    other.write_text(text(words[1]))
    os.utime(other, (1_000_000_000, 1_000_000_000))
    small.write({SOURCE: text(words[0])})
    toolchain.hook(KERNEL_ARGUMENTS, after=edit.format(other=other, source=SOURCE))
    assert set(KERNEL_STEP) <= set(small.build().ran)
    toolchain.unhook()
    small.build()
    assert words[1].encode() in small.read("build/hello.img")
    assert small.up_to_date()
    for name, said in zip(("first", "later"), words, strict=False):
        clone = new_small(name, {SOURCE: text(said)})
        clone.build()
        assert said.encode() in clone.read("build/hello.img")


def test_an_edit_that_is_taken_back_while_the_compiler_runs(
    small: Project, toolchain: Toolchain, tmp_path: Path, words: list[str]
) -> None:
    """The compiler may have read what stood there in between."""
    first, between = tmp_path / "first.rs", tmp_path / "between.rs"
    first.write_text(text(words[0]))
    between.write_text(text(words[1]))
    small.write({SOURCE: text(words[0])})
    toolchain.hook(KERNEL_ARGUMENTS, before=f"sleep 0.1; cp {between} {SOURCE}", after=f"cp {first} {SOURCE}")
    small.build()
    assert words[1].encode() in small.read("build/hello.img")
    toolchain.unhook()
    small.build()
    assert words[0].encode() in small.read("build/hello.img")


def test_a_module_that_appears_while_the_compiler_runs(new_small: Callable[..., Project], toolchain: Toolchain) -> None:
    """rustc refuses a module that could be in two files, when it sees both."""
    project = new_small(more={SOURCE: KERNEL.replace("#![feature", "#![allow(dead_code)]\n#![feature") + "mod a;\n"})
    project.write({"kernel/src/a.rs": "pub const A: u8 = 1;\n"})
    toolchain.hook(KERNEL_ARGUMENTS, after="mkdir kernel/src/a; cp kernel/src/a.rs kernel/src/a/mod.rs")
    project.build()
    toolchain.unhook()
    result = project.fails()
    assert "E0761" in result.stdout


@pytest.mark.parametrize("place", ["kernel/src", "shared", "kernel/build"])
def test_a_module_that_could_be_in_two_files_is_refused_wherever_it_lies(
    new_small: Callable[..., Project], place: str
) -> None:
    """Also where the package's own names do not tell: elsewhere in the workspace, in a folder that is never a source's."""
    path = os.path.relpath(f"{place}/outer.rs", "kernel/src")
    project = new_small(more={
        SOURCE: KERNEL.replace("#![feature", '#![allow(dead_code)]\n#![feature') + f'#[path = "{path}"] mod outer;\n',
        f"{place}/outer.rs": '#[path = "inner.rs"] mod named;\nmod inner;\n', f"{place}/inner.rs": "",
        f"{place}/outer/inner.rs": "",
    })  # fmt: skip
    project.build()
    assert project.up_to_date()
    inner = "outer/inner" if (project.root / place / "outer/inner.rs").exists() else "inner"
    project.write({f"{place}/{inner}/mod.rs": ""})
    other = "inner" if inner != "inner" else "outer/inner"
    project.write({f"{place}/{other}/mod.rs": ""})
    assert "E0761" in project.fails().stdout


def test_a_file_of_rust_src_that_is_edited_while_core_compiles(
    small: Project, toolchain: Toolchain, new_small: Callable[..., Project]
) -> None:
    image = small.read("build/hello.img")
    extra = toolchain.library / "core/src/extra.rs"
    toolchain.edit("core/src/extra.rs", "pub const EXTRA: u8 = 5;\n")
    toolchain.hook("--crate-name=core", after=f"echo 'pub const EXTRA: u8 = 1;' > {extra}")
    small.build()
    assert small.read("build/hello.img") != image
    toolchain.unhook()
    assert set(CORE_STEP) <= set(small.build().steps)
    assert small.read("build/hello.img") == image
    toolchain.edit("core/src/extra.rs", "pub const EXTRA: u8 = 5;\n")
    clone = new_small("clone")
    clone.build()
    assert clone.read("build/hello.img") != image


def test_an_output_that_somebody_overwrites_while_it_is_read(
    small: Project, toolchain: Toolchain, words: list[str]
) -> None:
    """What was compiled against a strange file counts for nothing."""
    core = "build/sysroot/lib/rustlib/x86_64-hello/lib/libcore.rmeta"
    image = small.read("build/hello.img")
    small.write({SOURCE: text(words[0])})
    toolchain.hook(KERNEL_ARGUMENTS, after=f"echo strange > {core}")
    small.build()
    toolchain.unhook()
    assert set(KERNEL_STEP) <= set(small.build().ran)
    small.write({SOURCE: text("Hello World!")})
    small.build()
    assert small.read("build/hello.img") == image


def test_a_manifest_that_is_edited_while_cargo_reads_it(small: Project, toolchain: Toolchain) -> None:
    manifest = small.read("kernel/Cargo.toml").decode()
    (small.root / "edited.toml").write_text(manifest.replace("[profile.dev]", "[profile.dev]\nopt-level = 2"))
    small.write({"kernel/Cargo.toml": manifest.replace("[profile.dev]", "[profile.dev]\nopt-level = 1")})
    toolchain.hook("--unit-graph", after=f"cp {small.root}/edited.toml {small.root}/kernel/Cargo.toml", program="cargo")
    assert "opt-level=1" in small.build("plan").stdout
    toolchain.unhook()
    assert "opt-level=2" in small.build("plan").stdout


def test_a_source_that_disappears_while_the_compiler_runs(
    small: Project, toolchain: Toolchain, words: list[str]
) -> None:
    small.write({SOURCE: text(words[0])})
    toolchain.hook(KERNEL_ARGUMENTS, after=f"mv {SOURCE} {SOURCE}.away")
    small.build()
    toolchain.unhook()
    assert "src/main.rs" in small.fails().stderr  # cargo misses it already
    (small.root / f"{SOURCE}.away").rename(small.root / SOURCE)
    small.build()
    assert words[0].encode() in small.read("build/hello.img")


@pytest.mark.slow
def test_same_size_edits_within_a_second_are_never_missed(small: Project) -> None:
    for number in range(200):
        small.write({SOURCE: text(f"edit {number:07}")})
        small.build("build/hello.elf")
        assert f"edit {number:07}".encode() in small.read("build/hello.elf"), number


def test_edits_with_the_time_of_the_file_before_are_never_missed(small: Project) -> None:
    path = small.root / SOURCE
    times = path.stat()
    for number in range(10):
        with path.open("r+") as file:  # in place: the same inode, size and time
            file.write(text(f"edit {number:07}"))
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        small.build("build/hello.elf")
        assert f"edit {number:07}".encode() in small.read("build/hello.elf"), number


def test_an_older_file_over_a_newer_one(small: Project, tmp_path: Path) -> None:
    """A clock that was set back, a file of a backup, of an archive, of a checkout that keeps times."""
    path = small.root / SOURCE
    for number, year in enumerate((2000, 1980, 2037, 1990)):
        older = tmp_path / "older.rs"
        older.write_text(text(f"of year {year}"))
        os.utime(older, ((year - 1970) * 31_556_952,) * 2)
        if number % 2:
            shutil.copy2(older, path)
        else:
            older.rename(path)
        small.rebuilds([*KERNEL_STEP, *STRIP, *IMAGE])
        assert f"of year {year}".encode() in small.read("build/hello.img")
        assert small.up_to_date(), "a file from the future is a file"


def test_two_files_of_one_size_and_time_that_change_places(new_small: Callable[..., Project]) -> None:
    modules = {"kernel/src/a.rs": "pub const A: u8 = 1;\n", "kernel/src/b.rs": "pub const A: u8 = 2;\n"}
    data = "pub static PAIR: (u8, u8, &[u8; 12]) = (a::A, b::A, TEXT);\n"
    main = KERNEL.replace("&'static Data { &DATA }", "&'static (u8, u8, &'static [u8; 12]) { &PAIR }")
    project = new_small(more={**modules, SOURCE: f"{main}mod a;\nmod b;\n{data}"})
    for name in modules:
        os.utime(project.root / name, (1_000_000_000, 1_000_000_000))
    project.build()
    image = project.read("build/hello.img")
    a, b, c = (project.root / "kernel/src" / name for name in ("a.rs", "b.rs", "c"))
    for first, second in ((a, c), (b, a), (c, b)):
        first.rename(second)
    project.build()
    assert project.read("build/hello.img") != image


def test_touching_is_no_edit(small: Project, toolchain: Toolchain) -> None:
    for path in [*small.root.rglob("*"), *toolchain.library.rglob("*")]:
        if path.is_file() and ".osimage" not in path.parts:
            path.touch()
    assert small.up_to_date()
    assert LIBRARY_FILES
