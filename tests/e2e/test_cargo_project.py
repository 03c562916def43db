"""Two lines beside a project of `cargo bootimage`: image, run and tests, each again only where something changed."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable

import pytest
from cargo_cases import SPEC
from project import Project

# The spec that the example's is, so that its core comes from the store.
TARGET = {**SPEC, "supported-sanitizers": ["kcfi", "kernel-address"], "target-pointer-width": "64"}
CONFIG = """\
[build]
target = "x86_64-hello.json"

[unstable]
build-std = ["core", "compiler_builtins"]
build-std-features = ["compiler-builtins-mem"]
json-target-spec = true
"""
MANIFEST = """\
[package]
name = "old-os"
version = "0.1.0"
edition = "2024"

[dependencies]
bootloader = "=0.9.35"

[[bin]]
name = "old-os"
path = "src/main.rs"
test = false

[[test]]
name = "panics"
harness = false

[package.metadata.bootimage]
run-args = ["-m", "64M"]
test-args = ["-device", "isa-debug-exit,iobase=0xf4,iosize=0x04", "-serial", "stdio", "-display", "none"]
test-success-exit-code = 33
test-timeout = 60

[package.metadata.bootloader]
kernel-stack-size = 64
"""
LOCK = """\
version = 4

[[package]]
name = "bootloader"
version = "0.9.35"
source = "registry+https://github.com/rust-lang/crates.io-index"
checksum = "e22d5a0b9e11dd5bee9d24a68885de6dc7ed367f897323b1c1286150fd469374"

[[package]]
name = "old-os"
version = "0.1.0"
dependencies = [
 "bootloader",
]
"""
LIBRARY = """\
#![no_std]
#![cfg_attr(test, no_main)]
#![feature(custom_test_frameworks)]
#![test_runner(crate::test_runner)]
#![reexport_test_harness_main = "test_main"]

use core::fmt::{self, Write};

pub struct Serial;

impl Write for Serial {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            unsafe { core::arch::asm!("out dx, al", in("dx") 0x3f8_u16, in("al") byte) };
        }
        Ok(())
    }
}

pub fn exit(code: u32) -> ! {
    unsafe { core::arch::asm!("out dx, eax", in("dx") 0xf4_u16, in("eax") code) };
    loop {}
}

pub fn show(text: &str) {
    for (column, byte) in text.bytes().enumerate() {
        unsafe { (0xb8000 as *mut u16).add(column).write_volatile(0x0b00 | u16::from(byte)) };
    }
}

pub trait Testable {
    fn run(&self);
}

impl<T: Fn()> Testable for T {
    fn run(&self) {
        let _ = write!(Serial, "{}...\\t", core::any::type_name::<T>());
        self();
        let _ = writeln!(Serial, "[ok]");
    }
}

pub fn test_runner(tests: &[&dyn Testable]) {
    let _ = writeln!(Serial, "Running {} tests", tests.len());
    for test in tests {
        test.run();
    }
    exit(0x10);
}

pub fn test_panic_handler(info: &core::panic::PanicInfo) -> ! {
    let _ = writeln!(Serial, "[failed]\\n\\nError: {info}\\n");
    exit(0x11);
}

#[cfg(test)]
bootloader::entry_point!(start);

#[cfg(test)]
fn start(_: &'static bootloader::BootInfo) -> ! {
    test_main();
    loop {}
}

#[cfg(test)]
#[panic_handler]
fn panic(info: &core::panic::PanicInfo) -> ! {
    test_panic_handler(info)
}

pub const fn double(value: u32) -> u32 {
    value * 2
}

#[test_case]
fn doubled() {
    assert_eq!(double(21), 42);
}
"""
MAIN = """\
#![no_std]
#![no_main]

bootloader::entry_point!(start);

fn start(info: &'static bootloader::BootInfo) -> ! {
    old_os::show(if info.memory_map.is_empty() { "no memory" } else { "It works as ever!" });
    loop {}
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}
"""
PANICS = """\
#![no_std]
#![no_main]

#[unsafe(no_mangle)]
pub extern "C" fn _start() -> ! {
    panic!("as it should")
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    old_os::exit(0x10)
}
"""
SCONSTRUCT = 'env = Environment(tools=["osimage"])\nenv.CargoProject(".")\n'
FILES = {
    "SConstruct": SCONSTRUCT,
    "Cargo.toml": MANIFEST,
    "Cargo.lock": LOCK,
    ".cargo/config.toml": CONFIG,
    "x86_64-hello.json": json.dumps(TARGET),
    "src/main.rs": MAIN,
    "src/lib.rs": LIBRARY,
    "tests/panics.rs": PANICS,
}


@pytest.fixture
def old_os(new_project: Callable[..., Project]) -> Project:
    return new_project("old os", FILES)


def test_image_run_and_tests(old_os: Project) -> None:
    said = old_os.build("image").stdout
    assert 'x86_64-hello.json: target-pointer-width: "64" became 64' in said
    assert old_os.up_to_date()
    assert "\nIt works as ever!\n" in old_os.build("run").stdout
    assert "(tcg, 64M, virtio)" in old_os.build("run").stdout

    said = old_os.build("test").stdout
    assert sorted(re.findall(r"^\[TEST\] (\w+) +passed  (1 test, )?", said, re.MULTILINE)) == [
        ("lib", "1 test, "),
        ("panics", ""),
    ]
    assert old_os.build("test").stdout.splitlines()[-1].startswith("2 of 2 passed (2 cached)")

    old_os.replace("src/lib.rs", "value * 2", "value * 3")
    failed = old_os.fails("test")
    assert "doubled" in failed.stdout
    assert "src/lib.rs:" in failed.stdout
    suite = ET.fromstring(old_os.read("build/tests.xml"))
    assert [case.get("name") for case in suite.iter("testcase") if case.find("failure") is not None] != []


def test_an_edit_makes_only_what_it_changes(old_os: Project) -> None:
    old_os.build("image")
    old_os.replace("src/main.rs", "as ever!", "again!!!")
    old_os.rebuilds(["kernel old-os (dev)", "old-os.stripped.elf", "old-os.img"])
    old_os.write({"tests/panics.rs": PANICS + "\n// a word\n", "notes.txt": "words"})
    assert old_os.up_to_date()


def test_tests_of_one_name_and_of_two_projects_are_told_apart(old_os: Project) -> None:
    old_os.write({"tests/lib.rs": PANICS, "SConstruct": SCONSTRUCT + 'env.CargoProject(".", name="again")\n'})
    old_os.replace(
        "Cargo.toml",
        "[package.metadata.bootimage]",
        '[[test]]\nname = "lib"\nharness = false\n\n[package.metadata.bootimage]',
    )
    said = old_os.build("test").stdout
    names = ["lib-old_os", "panics", "test-lib"]
    assert sorted(re.findall(r"^\[TEST\] (\S+) +passed", said, re.MULTILINE)) == sorted(
        [*names, *(f"again-{name}" for name in names)]
    )


def test_a_project_without_a_success_code(old_os: Project) -> None:
    old_os.replace("Cargo.toml", "test-success-exit-code = 33\n", "")
    assert old_os.fails("test").stderr == (
        'osimage: SConstruct:2: env.CargoProject("."): Cargo.toml has no test-success-exit-code in '
        "[package.metadata.bootimage], by which a test passes. Write the exit code of QEMU that means success, such "
        "as 33.\n"
    )
    assert old_os.scons("-n").status == 0


BINARY = '[[bin]]\nname = "old-os"\npath = "src/main.rs"\ntest = false\n\n'


def test_a_package_that_has_only_tests(new_project: Callable[..., Project]) -> None:
    files = FILES | {"Cargo.toml": MANIFEST.replace(BINARY, "")}
    project = new_project("only tests", {name: text for name, text in files.items() if name != "src/main.rs"})
    assert project.build("test").stdout.splitlines()[-1].startswith("2 of 2 passed")
    assert project.fails("run").stderr == (
        'osimage: SConstruct:2: env.CargoProject("."): Cargo.toml has no binary, and so nothing to boot but its tests. '
        "Type `scons test`.\n"
    )
    no_image = (
        'osimage: SConstruct:2: env.CargoProject("."): Cargo.toml has no binary, and so no image but those of its '
        "tests. Type `scons test`.\n"
    )
    assert project.fails("image").stderr == no_image
    assert project.fails().stderr == no_image
    project.write({"SConstruct": SCONSTRUCT + 'env.Default("build/x86_64-hello.json")\n'})
    project.build()
    assert project.fails("image").stderr == no_image


def test_several_binaries_of_which_one_has_to_be_chosen(old_os: Project) -> None:
    two = BINARY.replace("old-os", "one") + BINARY.replace("old-os", "two")
    old_os.replace("Cargo.toml", BINARY, two)
    assert old_os.fails("run").stderr == (
        'osimage: SConstruct:2: env.CargoProject("."): Cargo.toml has several binaries (one, two). Say which one, as '
        "in `scons run BIN=one`.\n"
    )
    assert "\nIt works as ever!\n" in old_os.build("run", "BIN=two").stdout
    assert not (old_os.root / "build/one.img").exists()
