"""A library that is there already and that a build script names: rustc copies it into the crate and does not say so."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from project import Project
from small import KERNEL, PROJECT_FILES

SCRIPT = """\
fn main() {
    println!("cargo::rerun-if-changed=lib/libhal.a");
    println!("cargo::rustc-link-search=native={}/lib", std::env::var("CARGO_MANIFEST_DIR").unwrap());
    println!("cargo::rustc-link-lib=static=hal");
}
"""
LIBRARY = """\
#![no_std]
#![feature(rustc_private)]
unsafe extern "C" { fn level() -> u8; }
pub fn read() -> u8 { unsafe { level() } }
"""
PACKAGE = '[package]\nname = "{}"\nversion = "0.1.0"\nedition = "2024"\n'
FILES = {
    "kernel/Cargo.toml": PROJECT_FILES["kernel/Cargo.toml"] + '[dependencies]\nhal = { path = "hal" }\n',
    "kernel/Cargo.lock": PROJECT_FILES["kernel/Cargo.lock"]
    + 'dependencies = [\n "hal",\n]\n\n[[package]]\nname = "hal"\nversion = "0.1.0"\n',
    "kernel/src/main.rs": KERNEL.replace("{ &DATA }", "{ hal::read(); &DATA }"),
    "kernel/hal/Cargo.toml": PACKAGE.format("hal"),
    "kernel/hal/build.rs": SCRIPT,
    "kernel/hal/src/lib.rs": LIBRARY,
}


def archive(folder: Path, value: int) -> None:
    """Make FOLDER/libhal.a, whose function returns VALUE."""
    folder.mkdir(exist_ok=True)
    source, made = folder.parent.parent / "level.c", folder.parent.parent / "level.o"
    source.write_text(f"unsigned char level(void) {{ return {value}; }}\n")
    (folder / "libhal.a").unlink(missing_ok=True)
    flags = ["-c", "-O1", "-ffreestanding", "-fno-pic", "-fno-asynchronous-unwind-tables", "-mno-red-zone"]
    subprocess.run(["cc", *flags, str(source), "-o", str(made)], check=True)
    subprocess.run(["ar", "rcsD", str(folder / "libhal.a"), str(made)], check=True)


def test_another_library_makes_another_kernel(new_small: Callable[..., Project]) -> None:
    project = new_small(more=FILES)
    folder = project.root / "kernel/hal/lib"
    archive(folder, 7)
    project.build()
    first = project.read("build/hello.elf")
    assert project.up_to_date()
    archive(folder, 9)
    assert "hal 0.1.0 (dev)" in project.build().steps
    assert project.read("build/hello.elf") != first
    archive(folder, 7)
    project.build()
    assert project.read("build/hello.elf") == first
