"""Steps from sources that nobody edits: they have no nodes while all is intact, and are made like any others when not."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import many_crates
import pytest
from mounts import NO_MOUNTS, alone
from osimage.graph.record import unsealed
from osimage.graph.seal import Seal
from project import Project
from small import PROJECT_FILES, Toolchain

COUNT = 5
CHAIN = [f"crate_{number}" for number in range(COUNT)]  # each uses those before it
UP_TO_DATE = "scons: `image' is up to date.\n"
LAST = "all crates"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Built, and found intact once more, which is when all is sealed. Every test leaves it like that."""
    folder = tmp_path_factory.mktemp("crates")
    made = Project(folder / "project", folder / "cache", Toolchain(folder / "toolchain").environ).write(PROJECT_FILES)
    many_crates.write(made.root, COUNT)
    made.build()
    assert made.up_to_date()
    assert set(sealed(made)) >= {f"build/crates/lib{crate}.rlib" for crate in CHAIN}
    return made


def sealed(project: Project) -> list[str]:
    """The outputs that a seal vouches for."""
    _, seals = unsealed((project.root / "build/.osimage/seals").read_bytes())
    return [output for seal in seals.values() for output in Seal(*seal).outputs]


def lib(project: Project, number: int, end: str = "rlib") -> Path:
    return project.root / f"build/crates/libcrate_{number}.{end}"


def source(project: Project, number: int, name: str) -> Path:
    return project.root / f"vendor/crate_{number}" / name


def flip(path: Path) -> None:
    """A bit, in place, with the time that the file had."""
    data, times = bytearray(path.read_bytes()), path.stat()
    data[0] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def test_intact_ones_have_no_nodes(project: Project) -> None:
    tree = project.build("--tree=all").stdout
    assert "build/all" in tree
    assert "libcrate" not in tree
    assert project.build("-n").stdout == UP_TO_DATE
    assert project.scons("-q").status == 0


@pytest.mark.parametrize("damage", [Path.unlink, flip])
@pytest.mark.parametrize("number", [0, 2, COUNT - 1])
def test_one_damaged_output_is_made_again_and_nothing_else(
    project: Project, number: int, damage: Callable[[Path], None]
) -> None:
    before = {path: path.read_bytes() for path in (project.root / "build/crates").iterdir()}
    damage(lib(project, number))
    listed = project.build("-n").stdout
    assert f"[CRATE] crate_{number}\n" in listed
    result = project.build("--debug=explain", "--cache-disable")
    words = "removed" if damage is Path.unlink else "changed"
    assert f"because build/crates/libcrate_{number}.rlib was {words}" in result.stdout
    assert result.steps == [f"crate_{number}"]
    assert {path: path.read_bytes() for path in before} == before
    assert project.up_to_date()
    assert "libcrate" not in project.build("--tree=all").stdout


def test_several_may_be_damaged(project: Project) -> None:
    for number in (1, 3):
        lib(project, number).unlink()
    lib(project, 4, "rmeta").unlink()
    project.rebuilds(["crate_1", "crate_3", "crate_4"])
    shutil.rmtree(project.root / "build/crates")
    project.rebuilds(CHAIN)
    assert project.up_to_date()


@pytest.mark.parametrize(("edit", "made"), [
    (lambda project: source(project, 2, "src/module_3.rs").write_text("edited"), ["crate_2"]),
    (lambda project: flip(source(project, 2, "src/module_3.rs")), ["crate_2"]),
    (lambda project: source(project, 2, "src/added.rs").write_text(""), ["crate_2"]),
    (lambda project: source(project, 2, "src/module_4.rs").unlink(), ["crate_2"]),
    (lambda project: source(project, 2, "src/module_5.rs").rename(source(project, 2, "src/moved.rs")), ["crate_2"]),
    (lambda project: source(project, 2, "src/module_3.rs").chmod(0o755), ["crate_2"]),
    (lambda project: os.symlink("module_3.rs", source(project, 2, "src/link.rs")), ["crate_2"]),
    (lambda project: source(project, 2, "libcrate_2.rlib").write_text("other"), ["crate_2", "crate_3", "crate_4", LAST]),
    (lambda project: source(project, 4, "libcrate_4.rlib").write_text("other"), ["crate_4", LAST]),
])  # fmt: skip
def test_a_changed_source_makes_what_depends_on_it(
    project: Project, edit: Callable[[Project], object], made: list[str]
) -> None:
    edit(project)
    result = project.build("--cache-disable")
    assert sorted(result.steps) == sorted(made), result.stdout
    assert project.up_to_date()
    assert project.read("build/all") == source(project, COUNT - 1, f"libcrate_{COUNT - 1}.rlib").read_bytes()


def test_what_is_made_for_them_is_made_before_they_are_judged(project: Project) -> None:
    """The target spec, and core by it, are other ones; that all of the crates were intact until now says nothing."""
    before = project.read("SConstruct")
    project.replace("SConstruct", '("x86_64-hello.json")', '("x86_64-hello.json", overrides={"max-atomic-width": 32})')
    steps = project.build("--cache-disable").steps
    assert {"target spec x86_64-hello", "core 1.96.0 for x86_64-hello", *CHAIN} <= set(steps)
    assert project.up_to_date()
    project.write({"SConstruct": before})
    assert {"target spec x86_64-hello", "core 1.96.0 for x86_64-hello", *CHAIN} <= set(project.build().steps)
    assert project.up_to_date()


@pytest.mark.parametrize(("name", "others"), [("COLOUR", []), ("LIBRARY_PATH", ["kernel hello (dev)"])])
def test_a_variable_that_was_read_counts(project: Project, name: str, others: list[str]) -> None:
    """The crates read the one, and any linker may read the other."""
    result = project.build("--cache-disable", environ={name: "/red"})
    assert sorted(result.steps) == sorted([*others, *CHAIN])
    assert project.build(environ={name: "/red"}).stdout == UP_TO_DATE
    assert set(project.build().steps) == {*others, *CHAIN}
    assert project.up_to_date()


@pytest.mark.skipif(NO_MOUNTS, reason="nothing may be mounted here")
def test_a_seal_that_cannot_be_written_costs_only_time(project: Project) -> None:
    seals = project.root / "build/.osimage/seals"
    seals.write_bytes(b"")
    command = alone('mount --bind "$0" "$0" && exec "$@"', str(seals), *project.command())
    done = subprocess.run(command, cwd=project.root, env=project.environment(), check=False, capture_output=True,
                          text=True)  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, UP_TO_DATE, "")
    assert seals.read_bytes() == b""
    assert project.up_to_date()


def test_the_plan_tells_all_steps_in_their_order(project: Project) -> None:
    steps = [step["label"] for step in json.loads(project.build("plan").stdout)]
    assert steps[-COUNT - 1 :] == [*CHAIN, LAST]


def test_their_files_may_be_named(project: Project) -> None:
    name = "build/crates/libcrate_3.rlib"
    assert project.build(name).stdout == f"scons: `{name}' is up to date.\n"
    lib(project, 1).unlink()
    lib(project, 3).unlink()
    project.rebuilds(["crate_1", "crate_3"], name)
    lib(project, 2).unlink()
    lib(project, 4).unlink()
    project.rebuilds(["crate_2"], f"./{name}")
    project.rebuilds(["crate_4"])
    assert project.up_to_date()


def test_cleaning_removes_them(project: Project) -> None:
    project.build("-c", "build/crates/libcrate_3.rlib")
    assert not lib(project, 3).exists()
    assert not lib(project, 0).exists(), "SCons cleans what the target is made from"
    assert lib(project, 4).exists()
    assert (project.root / "vendor/crate_3/libcrate_3.rlib").exists()
    project.build()
    project.build("-c")
    assert not list((project.root / "build/crates").iterdir())
    project.rebuilds(project.build("-n").steps)
    assert project.up_to_date()


def test_a_person_may_build_on_them_by_their_names(project: Project) -> None:
    """The SConstruct names a file that has no node; it is made before all the same."""
    before = project.read("SConstruct")
    more = b'\nenv.Command("dist/sum", "build/crates/libcrate_1.rlib", "cat $SOURCE > $TARGET")\n'
    for name in (b'Default("dist")\n', b'Default("dist/sum")\n', b'Default("build/crates/libcrate_1.rlib", "dist")\n'):
        project.write({"SConstruct": before + more + name})
        source(project, 1, "libcrate_1.rlib").write_bytes(name)
        project.build()
        assert project.read("dist/sum") == name
        lib(project, 1).unlink()
        (project.root / "dist/sum").unlink()
        project.build()
        assert project.read("dist/sum") == name
    project.write({"SConstruct": before})
    project.build()
    assert project.up_to_date()


@pytest.mark.parametrize("damage", [
    lambda seals: seals.unlink(), lambda seals: seals.write_bytes(b""), lambda seals: seals.write_bytes(seals.read_bytes()[:-7]),
    lambda seals: seals.write_bytes(b"\0" * 4096),
])  # fmt: skip
def test_a_damaged_seal_is_none(project: Project, damage: Callable[[Path], object]) -> None:
    damage(project.root / "build/.osimage/seals")
    assert project.up_to_date()
    assert "libcrate" not in project.build("--tree=all").stdout
    damage(project.root / "build/.osimage/seals")
    lib(project, 2).unlink()
    project.rebuilds(["crate_2"])
    assert project.up_to_date()


def test_a_project_that_was_moved_or_copied_is_asked_again(project: Project, tmp_path: Path) -> None:
    shutil.copytree(project.root, tmp_path / "copy", symlinks=True)
    copy = Project(tmp_path / "copy", project.cache, project.environ)
    (tmp_path / "copy/vendor/crate_0/src/module_0.rs").write_text("edited")
    assert "crate_0" in copy.build("--cache-disable").steps
    assert copy.up_to_date()


def test_a_failure_in_between_leaves_the_rest_sealed(project: Project) -> None:
    """What was made before the failure is not made again after it."""
    source(project, 2, "libcrate_2.rlib").unlink()
    assert "crate_2" in project.fails().stderr
    source(project, 2, "libcrate_2.rlib").write_text("again")
    result = project.build("--cache-disable")
    assert sorted(result.steps) == ["all crates", "crate_2", "crate_3", "crate_4"]
    assert project.up_to_date()
