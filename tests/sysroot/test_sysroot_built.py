"""Sysroots that were really compiled: a small library by the bare steps, the real one by scons."""

from __future__ import annotations

import posixpath
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from osimage.action import Plan
from osimage.errors import Where
from osimage.sysroot.plan import Sysroot, SysrootDeclaration, plan
from osimage.target.spec import TargetSpec
from osimage.target.spec import plan as plan_target
from osimage.toolchain.rustc import Rustc
from project import Project

WHERE = Where("SConstruct", 4, 'env.Sysroot("sysroot")')


def planned(rustc: Rustc) -> tuple[tuple[Plan, Plan], Sysroot]:
    spec, target = plan_target(TargetSpec("x86_64-hello", None, None, {}, WHERE), rustc, Path("/nonexistent"))
    steps, sysroot = plan(SysrootDeclaration("sysroot", (), WHERE), target, rustc)
    return (spec, steps), sysroot


def undeclared(plans: Iterable[Plan], root: Path) -> list[str]:
    """The files that a step's dep-info names and its inputs do not cover."""
    found = []
    for action in (action for stage in plans for action in stage.actions if action.dep_info):
        files = {entry.path for entry in action.inputs if entry.kind == "file"}
        trees = tuple(f"{entry.path}/" for entry in action.inputs if entry.kind == "tree")
        for line in (root / str(action.dep_info)).read_text().splitlines():
            read = line.removesuffix(":") if line.endswith(":") else ""
            name = posixpath.normpath(read)
            if read and name not in files and not name.startswith(trees):
                found.append(f"{action.step}: {read}")
    return found


def files_of(root: Path) -> dict[str, bytes]:
    """What the sysroot in ROOT holds, without dep-info."""
    paths = [path for path in (root / "build/sysroot").rglob("*") if path.is_file() and path.suffix != ".d"]
    return {str(path.relative_to(root)): path.read_bytes() for path in paths}


def test_the_same_bytes_in_two_folders(
    run: Callable[[Path, Iterable[Plan]], None], rustc: Rustc, tmp_path: Path, library: Path
) -> None:
    plans, sysroot = planned(rustc)
    one, two = tmp_path / "one", tmp_path / "another folder/two"
    run(one, plans)
    run(two, plans)
    assert undeclared(plans, one) == []
    made = files_of(one)
    assert made == files_of(two)
    assert {f"{sysroot.directory}/lib/rustlib/x86_64-hello/lib/libcore.rmeta", sysroot.alloc.rlib} <= made.keys()
    assert made["build/sysroot/compiler_builtins/rustc.args"] == b'--cfg=found_out\n--env-set=SAID="none" 3\n'
    assert not [name for name, content in made.items() if str(tmp_path).encode() in content]


SYSROOT_ALONE = """\
env = Environment(tools=["osimage"])
env.Sysroot("sysroot", env.TargetSpec("x86_64-hello.json"))
"""

ALLOC = """\
#![no_std]
#![no_main]
extern crate alloc;

use core::alloc::{GlobalAlloc, Layout};

struct Nothing;

unsafe impl GlobalAlloc for Nothing {
    unsafe fn alloc(&self, _: Layout) -> *mut u8 {
        core::ptr::null_mut()
    }
    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[global_allocator]
static NOTHING: Nothing = Nothing;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}

#[unsafe(no_mangle)]
pub extern "C" fn _start(n: u8) -> ! {
    let bytes = alloc::vec![n; 100];
    loop {
        core::hint::black_box(bytes.clone());
    }
}
"""


@pytest.fixture
def built(project: Project) -> Project:
    """A project with the real sysroot, alloc included, compiled once a test run."""
    project.write({"SConstruct": SYSROOT_ALONE})
    project.build("-j2", "sysroot", "build/sysroot/alloc/liballoc.rlib")
    return project


def compiled(project: Project, rustc: Rustc, source: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A kernel by the bare compiler against the sysroot."""
    project.write({"linked.rs": source})
    linker = rustc.linker.path if rustc.linker else "ld.lld"
    argv = [rustc.path, "--edition=2024", "--crate-type=bin", f"-Clinker={linker}", *arguments, "linked.rs"]
    environment = {"PATH": "/usr/bin:/bin", "RUSTC_BOOTSTRAP": "1"}
    return subprocess.run(argv, cwd=project.root, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.parametrize("profile", [(), ("-Copt-level=3",), ("-Copt-level=3", "-Clto=fat"), ("-Clto=thin",)])
def test_a_kernel_links(profile: tuple[str, ...], built: Project, rustc_1_96: Rustc) -> None:
    plans, sysroot = planned(rustc_1_96)
    assert undeclared(plans, built.root) == []
    source = built.read("kernel/src/main.rs").decode()
    done = compiled(built, rustc_1_96, source, *sysroot.arguments(), *profile)
    assert done.returncode == 0, done.stderr
    with (built.root / "linked").open("rb") as file:
        elf = ELFFile(file)
        loaded = [segment.header for segment in elf.iter_segments("PT_LOAD")]
        assert elf.header.e_type == "ET_EXEC"
        assert elf.header.e_machine == "EM_X86_64"
        assert min(segment.p_vaddr for segment in loaded) >= 1 << 20
        entries = [
            segment for segment in loaded if segment.p_vaddr <= elf.header.e_entry < segment.p_vaddr + segment.p_memsz
        ]
        assert [bool(segment.p_flags & 1) for segment in entries] == [True]
        assert not [segment for segment in loaded if segment.p_flags & 3 == 3]
        assert not list(elf.iter_segments("PT_DYNAMIC"))


@pytest.mark.slow
def test_alloc_is_there_for_those_who_ask(built: Project, rustc_1_96: Rustc) -> None:
    _, sysroot = planned(rustc_1_96)
    without = compiled(built, rustc_1_96, ALLOC, *sysroot.arguments())
    assert without.returncode == 1
    assert without.stderr.startswith("error[E0463]: can't find crate for `alloc`\n")
    done = compiled(built, rustc_1_96, ALLOC, *sysroot.arguments(alloc=True))
    assert done.returncode == 0, done.stderr
    with (built.root / "linked").open("rb") as file:
        symbols = ELFFile(file).get_section_by_name(".symtab")
        assert {"memcpy", "memset"} <= {
            symbol.name for symbol in symbols.iter_symbols() if symbol["st_shndx"] != "SHN_UNDEF"
        }


@pytest.mark.slow
def test_no_place_of_this_machine_in_the_library(built: Project, rustc_1_96: Rustc) -> None:
    places = [str(built.root).encode(), str(rustc_1_96.rust_src).encode(), str(Path.home()).encode() + b"/"]
    held = [name for name, content in files_of(built.root).items() if any(place in content for place in places)]
    assert held == []
