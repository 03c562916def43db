"""A disk that is full or may not be written, and things of the person's where outputs belong: nothing is lost."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from mounts import NO_MOUNTS, alone
from project import FILES, MAIN, Project

MIB = 1 << 20
FULL = "the disk that holds build/ is full. Make room and build again: nothing is lost."
ELSEWHERE = 'Make it writable for you, or build elsewhere: Environment(tools=["osimage"], BUILD_DIR="#out").'

# A kernel of 8 MiB, so that each file which has it in it is far larger than all that is small.
LARGE = MAIN.replace("#[unsafe", "#[used]\nstatic DATA: [u8; 8 << 20] = [1; 8 << 20];\n\n#[unsafe")

# Builds on a small disk, then on one with room.
ON_A_SMALL_DISK = """
set -u
size=$1; shift
mkdir build
mount -t tmpfs -o size=$size none build || exit 99
"$@" >full.out 2>full.err
echo $? >full.status
mount -o remount,size=1G build
"$@" >room.out 2>room.err
echo $? >room.status
cp build/hello.img room.img
"""


def size_of(project: Project, *names: str) -> int:
    """The room that files and folders below the build folder take, in bytes."""
    paths = [project.root / "build" / name for name in names] or [project.root / "build"]
    files = [path for start in paths for path in (start.rglob("*") if start.is_dir() else [start]) if path.is_file()]
    return sum(-(-path.stat().st_size // 4096) * 4096 for path in files if not path.is_symlink())


@pytest.mark.skipif(NO_MOUNTS, reason="nothing may be mounted here")
@pytest.mark.parametrize(
    ("missing", "is_new", "step"),
    [
        (["hello.img"], False, "[build/hello.img] hello.img"),
        (["hello.img", "hello.stripped.elf"], False, "[build/hello.stripped.elf] hello.stripped.elf"),
        (["hello.img", "hello.stripped.elf", "hello.elf"], True, "[build/hello.elf] kernel hello (dev)"),
    ],
    ids=["image from the cache", "kernel from the cache", "link"],
)
def test_a_disk_that_becomes_full(
    missing: Sequence[str], is_new: bool, step: str, new_project: Callable[..., Project]
) -> None:
    files = {**FILES, "kernel/src/main.rs": LARGE}
    roomy = new_project("roomy", files)
    roomy.build()
    # A comment that nobody wrote before: the kernel is not in the cache.
    files["kernel/src/main.rs"] += f"// {uuid.uuid4()}\n" if is_new else ""
    project = new_project("project", files)
    room = size_of(roomy) - size_of(roomy, *missing) + 4 * MIB
    command = alone(ON_A_SMALL_DISK, "sh", str(room), *project.command("-j1"))
    done = subprocess.run(command, cwd=project.root, env=project.environment(), check=False)
    assert done.returncode == 0
    assert (project.read("full.status"), project.read("full.err").decode()) == (b"2\n", f"scons: *** {step}: {FULL}\n")
    assert (project.read("room.status"), project.read("room.err")) == (b"0\n", b"")
    assert project.read("room.img") == roomy.read("build/hello.img")
    assert {name: project.read(name).decode() for name in files} == files


# Builds with no room left for records.
WITHOUT_RECORDS = """
cp -a build/.osimage/records records
mount -t tmpfs -o size=1m none build/.osimage/records || exit 99
cp records/* build/.osimage/records
head -c 1m /dev/zero >build/.osimage/records/full 2>/dev/null
exec "$@"
"""


@pytest.mark.skipif(NO_MOUNTS, reason="nothing may be mounted here")
def test_a_disk_that_is_full_when_nothing_has_to_be_made(project: Project) -> None:
    project.build()
    os.utime(project.root / "build/hello.img")
    done = subprocess.run(alone(WITHOUT_RECORDS, "sh", *project.command()), cwd=project.root, check=False, text=True,
                          env=project.environment(), capture_output=True)  # fmt: skip
    assert (done.returncode, done.stderr) == (2, f"scons: *** [build/hello.img] hello.img: {FULL}\n")
    assert project.up_to_date()


# Builds while the disk for temporary files has room for one small file: without it, others are looked for.
WITHOUT_TEMPORARY_FILES = """
mount -t tmpfs -o nr_blocks=1 none "$TMPDIR" || exit 99
exec "$@"
"""


@pytest.mark.skipif(NO_MOUNTS, reason="nothing may be mounted here")
def test_a_disk_for_temporary_files_that_is_full(project: Project, tmp_path: Path) -> None:
    place = tmp_path / "temporary"
    place.mkdir()
    before = sorted(project.root.rglob("*"))
    done = subprocess.run(alone(WITHOUT_TEMPORARY_FILES, "sh", *project.command()), cwd=project.root, check=False,
                          env={**project.environment(), "TMPDIR": str(place)}, capture_output=True, text=True)  # fmt: skip
    assert (done.returncode, done.stderr) == (
        2,
        f'osimage: SConstruct:4: env.Kernel("hello.elf"): the disk that holds {place} is full. Make room, or name '
        "another folder for temporary files: TMPDIR=…\n",
    )
    assert sorted(project.root.rglob("*")) == before


def without_rights(project: Project, *arguments: str) -> tuple[int, str]:
    """The status and standard error of scons by somebody whom permissions bind; the superuser's powers are dropped."""
    setpriv = ["setpriv", "--inh-caps=-all", "--bounding-set=-all"] if os.geteuid() == 0 else []
    done = subprocess.run([*setpriv, *project.command("-j1", *arguments)], cwd=project.root, check=False, text=True,
                          env=project.environment(), capture_output=True)  # fmt: skip
    return done.returncode, re.sub(r"\*\*\* \[build/[^]]*\]", "*** [build/…]", done.stderr)


@pytest.mark.skipif(os.geteuid() == 0 and shutil.which("setpriv") is None, reason="the superuser may write everywhere")
@pytest.mark.parametrize(
    ("folder", "says"),
    [
        (".", f"build cannot be written: Permission denied. {ELSEWHERE}"),
        ("build", f"build/.osimage cannot be written: Permission denied. {ELSEWHERE}"),
        ("build/bios", f"layout.rs of bios: build/bios/layout.rs cannot be written: Permission denied. {ELSEWHERE}"),
    ],
)
def test_a_folder_that_may_not_be_written(folder: str, says: str, project: Project) -> None:
    place = project.root / folder
    place.mkdir(parents=True, exist_ok=True)
    place.chmod(0o555)
    assert without_rights(project) == (2, f"scons: *** [build/…] {says}\n")
    place.chmod(0o755)
    project.build("-n")


@pytest.mark.skipif(os.geteuid() == 0 and shutil.which("setpriv") is None, reason="the superuser may read everything")
@pytest.mark.parametrize(
    ("unreadable", "says"),
    [
        ("kernel/src/main.rs",
         "scons: *** [build/…] cannot read kernel/src/main.rs: Permission denied. Make it readable for you."),
        ("kernel/Cargo.toml",
         'osimage: SConstruct:4: env.Kernel("hello.elf"): kernel/Cargo.toml cannot be read: Permission denied.'),
        ("kernel",
         'osimage: SConstruct:4: env.Kernel("hello.elf"): kernel/Cargo.toml cannot be read: Permission denied.'),
        ("x86_64-hello.json",
         'osimage: SConstruct:2: env.TargetSpec("x86_64-hello.json"): x86_64-hello.json cannot be read: Permission '
         "denied."),
    ],
)  # fmt: skip
def test_a_source_that_may_not_be_read(unreadable: str, says: str, project: Project) -> None:
    place = project.root / unreadable
    if not place.exists():
        project.write({unreadable: "{}"})
    place.chmod(0)
    status, told = without_rights(project)
    place.chmod(0o755)
    assert (status, told) == (2, f"{says}\n")


FOLDER = "is to be a file, but it is a folder with files that osimage did not make. Move it away."
FILE = "is to be a folder, but it is a file that osimage did not make. Move it away."


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("build/hello.elf/mine.txt", f'SConstruct:4: env.Kernel("hello.elf"): build/hello.elf {FOLDER}'),
        ("build/hello.img/a/mine.txt", f'SConstruct:6: env.DiskImage("hello.img"): build/hello.img {FOLDER}'),
        ("build/bios", f'SConstruct:5: env.Bootloader("bios"): build/bios {FILE}'),
        ("build/sysroot/lib", f'SConstruct:3: env.Sysroot("sysroot"): build/sysroot/lib {FILE}'),
    ],
)
def test_what_lies_where_an_output_belongs_stays(path: str, says: str, project: Project) -> None:
    project.write({path: "mine"})
    assert project.fails().stderr == f"osimage: {says}\n"
    project.build("-c")
    assert project.read(path) == b"mine"


def test_a_folder_in_the_place_of_a_link_stays(project: Project) -> None:
    project.write({"build/external/rust-src/mine.txt": "mine"})
    told = re.sub(r"\[build/[^]]*\]", "[build/…]", project.fails("-j1").stderr)
    assert told == "scons: *** [build/…] build/external/rust-src is in the way: Directory not empty. Move it away.\n"
    assert project.read("build/external/rust-src/mine.txt") == b"mine"


def test_old_outputs_make_way(project: Project) -> None:
    """What was a kernel's folder becomes a kernel, and the other way round."""
    project.build("build/hello.elf")
    project.replace("SConstruct", '"hello.elf"', '"hello"')
    project.build("build/hello")
    assert project.read("build/hello")[:4] == b"\x7fELF"
    project.replace("SConstruct", '"hello"', '"hello.elf"')
    project.build()
    assert (project.root / "build/hello").is_dir()
