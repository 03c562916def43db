"""A standard library of a few lines, and a way to run Actions without SCons."""

from __future__ import annotations

import dataclasses
import importlib
import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from osimage.action import OUT, Action, Plan, is_python_step
from osimage.toolchain.rustc import Rustc

CORE = """\
#![feature(no_core, lang_items)]
#![no_core]
#[lang = "pointee_sized"]
pub trait PointeeSized {}
#[lang = "meta_sized"]
pub trait MetaSized: PointeeSized {}
#[lang = "sized"]
pub trait Sized: MetaSized {}
#[lang = "copy"]
pub trait Copy {}
impl Copy for u8 {}
#[path = "../../stdarch/crates/core_arch/src/mod.rs"]
pub mod core_arch;
"""

# Compiles only with the features that it is to have and with what its build script finds out.
BUILTINS = """\
#![feature(no_core)]
#![no_core]
extern crate core;
use core::*;
#[cfg(all(feature = "mem", feature = "compiler-builtins", found_out))]
pub struct Builtins(pub core::core_arch::Arch);
#[unsafe(no_mangle)]
pub extern "C" fn memcpy(to: u8) -> u8 {
    to
}
"""

BUILD_SCRIPT = """\
mod configure;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(found_out)");
    println!("cargo:compiler-rt={}", std::env::current_dir().unwrap().display());
    if configure::var("CARGO_CFG_TARGET_HAS_RELIABLE_F16") == "" && std::path::Path::new("src/lib.rs").exists() {
        println!("cargo:rustc-cfg=found_out");
    }
    println!("cargo::rustc-env=SAID={:?} {}", configure::var("CARGO_CFG_TARGET_OS"), configure::var("OPT_LEVEL"));
    assert!(std::path::Path::new(&configure::var("OUT_DIR")).is_absolute());
    assert!(std::env::var_os("PATH").is_none());
}
"""

LIBRARY = {
    "core/Cargo.toml": '[package]\nname = "core"\nversion = "0.0.0"\nedition = "2024"\n',
    "core/src/lib.rs": CORE,
    "stdarch/crates/core_arch/src/mod.rs": "pub struct Arch(pub u8);\n",
    "compiler-builtins/compiler-builtins/Cargo.toml": (
        '[package]\nname = "compiler_builtins"\nversion = "0.1.160"\nedition = "2021"\nlinks = "compiler-rt"\n'
        "[features]\ncompiler-builtins = []\nmem = []\n"
    ),
    "compiler-builtins/compiler-builtins/build.rs": BUILD_SCRIPT,
    "compiler-builtins/compiler-builtins/configure.rs": (
        "pub fn var(name: &str) -> String {\n    std::env::var(name).unwrap()\n}\n"
    ),
    "compiler-builtins/compiler-builtins/src/lib.rs": BUILTINS,
    "alloc/Cargo.toml": (
        '[package]\nname = "alloc"\nversion = "0.0.0"\nedition = "2024"\n[dependencies]\n'
        'core = { path = "../core", public = true }\n'
        'compiler_builtins = { path = "../compiler-builtins/compiler-builtins", features = ["compiler-builtins"] }\n'
    ),
    "alloc/src/lib.rs": (
        "#![feature(no_core)]\n#![no_core]\nextern crate compiler_builtins;\nextern crate core;\nuse core::*;\n"
        "pub struct Box(pub compiler_builtins::Builtins);\n"
    ),
}


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """The folder `library` of a rust-src in which only what the plan reads and compiles exists."""
    folder = tmp_path / "rust-src" / "library"
    for name, text in LIBRARY.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.fixture
def rustc(rustc_1_96: Rustc, library: Path) -> Rustc:
    """The compiler with that library."""
    return dataclasses.replace(rustc_1_96, rust_src=str(library))


@pytest.fixture
def run(rustc: Rustc, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path, Iterable[Plan]], None]:
    """Runs plans in a project root, in order, as the graph would: declared inputs, a scratch folder, renames."""

    def run_plans(root: Path, plans: Iterable[Plan]) -> None:
        root.mkdir(parents=True)
        monkeypatch.chdir(root)
        for plan in plans:
            for name, place in plan.links:
                link = root / "build/external" / name
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(place)
            for action in plan.actions:
                run_action(action, rustc)

    return run_plans


def run_action(action: Action, rustc: Rustc) -> None:
    scratch = Path("build/scratch")
    scratch.mkdir(parents=True)
    missing = [entry.path for entry in action.inputs if not Path(entry.path).exists()]
    assert not missing
    if is_python_step(action):
        importlib.import_module(action.argv[0]).run(action.argv[1:], scratch)
    else:
        argv = [rustc.path, *(word.replace(OUT, str(scratch)) for word in action.argv[1:])]
        done = subprocess.run(
            argv, env={"PATH": "/usr/bin:/bin"} | dict(action.env), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    for output in action.outputs:
        Path(output).parent.mkdir(parents=True, exist_ok=True)
        (scratch / Path(output).name).rename(output)
    shutil.rmtree(scratch)
