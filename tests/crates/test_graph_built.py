"""A kernel with build scripts, procedural macros and C, built by the whole tool: what is made anew, what comes back."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest
from project import Project

MANIFEST = '[package]\nname = "{}"\nversion = "0.1.0"\nedition = "2024"\n'
FILES = {
    "SConstruct": """\
env = Environment(tools=["osimage"])
target = env.TargetSpec("x86_64-hello.json")
sysroot = env.Sysroot("sysroot", target)
kernel = env.Kernel("hello.elf", "kernel/Cargo.toml", sysroot=sysroot)
""",
    "Cargo.toml": '[workspace]\nmembers = ["kernel", "native", "derive"]\nexclude = ["app"]\nresolver = "3"\n'
    '[profile.dev]\npanic = "abort"\n',
    ".cargo/config.toml": '[source.crates-io]\nreplace-with = "here"\n[source.here]\ndirectory = "vendor"\n',
    "kernel/Cargo.toml": MANIFEST.format("hello")
    + '[dependencies]\nnative = { path = "../native" }\nderive = { path = "../derive" }\n'
    'dup = "1"\nold = { package = "dup", version = "0.9" }\n',
    "kernel/link.ld": "ENTRY(_start) SECTIONS { . = 4M; .text : { *(.text*) } .rodata : { *(.rodata*) } "
    ".data : { *(.data*) } .bss : { *(.bss*) } }\n",
    "kernel/number": "41\n",
    "kernel/src/main.rs": """\
#![no_std]
#![no_main]

#[derive(derive::Answer)]
struct Deep;

include!(concat!(env!("OUT_DIR"), "/number.rs"));

static APP: &[u8] = include_bytes!(env!("APP"));
static REVISION: &str = env!("REVISION");

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo) -> ! {
    loop {}
}

#[cfg(scripted)]
#[unsafe(no_mangle)]
pub extern "C" fn _start() -> ! {
    let sum = Deep::answer() + NUMBER + native::from_c() + APP.len() as i32 + dup::VERSION + old::VERSION;
    unsafe { (0xb8000 as *mut i32).write_volatile(sum + REVISION.len() as i32) };
    loop {}
}
""",
    "kernel/build.rs": """\
use std::{env, fs, process::Command};

fn main() {
    let out = env::var("OUT_DIR").unwrap();
    let number = fs::read_to_string("number").unwrap();
    fs::write(format!("{out}/number.rs"), format!("const NUMBER: i32 = {};", number.trim())).unwrap();
    let built = Command::new(env::var("CARGO").unwrap())
        .args(["build", "--quiet", "--offline", "--manifest-path=../app/Cargo.toml", "--target-dir=../app/target"])
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .status();
    assert!(built.unwrap().success());
    fs::copy("../app/target/debug/libapp.rlib", format!("{out}/app")).unwrap();
    println!("cargo::rustc-env=APP={out}/app");
    println!("cargo::rustc-env=REVISION={}", env::var("REVISION").unwrap_or_default());
    println!("cargo::rustc-check-cfg=cfg(scripted)");
    println!("cargo::rustc-cfg=scripted");
    println!("cargo::rustc-link-arg-bins=-Tkernel/link.ld");
    println!("cargo::rerun-if-changed=number");
    println!("cargo::rerun-if-changed=../app/src");
    println!("cargo::rerun-if-env-changed=REVISION");
    println!("cargo::warning=number {}", number.trim());
}
""",
    "app/Cargo.toml": MANIFEST.format("app") + "[workspace]\n",
    "app/src/lib.rs": "#![no_std]\n",
    "derive/Cargo.toml": MANIFEST.format("derive") + "[lib]\nproc-macro = true\n",
    "derive/src/lib.rs": """\
use proc_macro::TokenStream;

#[proc_macro_derive(Answer)]
pub fn answer(_: TokenStream) -> TokenStream {
    "impl Deep { fn answer() -> i32 { 42 } }".parse().unwrap()
}
""",
    "native/Cargo.toml": MANIFEST.format("native") + 'links = "part"\n',
    "native/build.rs": """\
use std::{env, process::Command};

fn run(command: &mut Command) {
    assert!(command.status().unwrap().success());
}

fn main() {
    let out = env::var("OUT_DIR").unwrap();
    let (object, archive) = (format!("{out}/part.o"), format!("{out}/libpart.a"));
    run(Command::new("cc").args(["-c", "-ffreestanding", "-fno-pic", "-mno-red-zone", "part.c", "-o", &object]));
    run(Command::new("ar").args(["rcsD", &archive, &object]));
    println!("cargo:rustc-link-search=native={out}");
    println!("cargo:rustc-link-lib=static=part");
}
""",
    "native/part.c": "int from_c(void) { return 7; }\n",
    "native/src/lib.rs": """\
#![no_std]

unsafe extern "C" {
    #[link_name = "from_c"]
    safe fn of_part() -> i32;
}

pub fn from_c() -> i32 {
    of_part()
}
""",
    **{
        f"vendor/{folder}/{name}": text
        for folder, version in (("dup", "1.0.1"), ("dup-0.9", "0.9.4"))
        for name, text in {
            "Cargo.toml": f'[package]\nname = "dup"\nversion = "{version}"\nedition = "2021"\n',
            "src/lib.rs": f"#![no_std]\npub const VERSION: i32 = {version.replace('.', '')};\n",
            ".cargo-checksum.json": '{"files": {}, "package": null}\n',
        }.items()
    },
}

NUMBER = ["configuration of hello 0.1.0 (dev)", "kernel hello (dev)"]


@pytest.fixture
def graph(new_project: Callable[..., Project]) -> Project:
    return new_project("graph", FILES)


def test_a_whole_graph_is_built_once_and_again_only_where_it_was_edited(graph: Project) -> None:
    first = graph.build("hello.elf")
    assert "warning: hello@0.1.0: number 41\n" in first.stdout + first.stderr
    elf = graph.read("build/hello.elf")
    assert int.from_bytes(elf[24:32], "little") >> 20 == 4  # the entry point, by the linker script
    assert "is up to date" in graph.build("hello.elf").stdout

    graph.write({"kernel/number": "42\n"})
    graph.rebuilds(NUMBER, "hello.elf")
    assert graph.read("build/hello.elf") != elf
    graph.write({"kernel/number": "41\n"})
    assert graph.rebuilds(NUMBER, "hello.elf")
    assert graph.read("build/hello.elf") == elf

    graph.replace("native/part.c", "7", "8")
    assert "configuration of native 0.1.0 (dev)" in graph.build("hello.elf").ran
    assert graph.read("build/hello.elf") != elf
    graph.replace("native/part.c", "8", "7")
    graph.build("hello.elf")
    assert graph.read("build/hello.elf") == elf

    revised = graph.build("hello.elf", environ={"REVISION": "r7"})
    assert revised.steps == NUMBER
    assert b"r7" in graph.read("build/hello.elf")
    graph.build("hello.elf")
    assert graph.read("build/hello.elf") == elf

    graph.write({"kernel/docs/notes": "", "kernel/src/unused.txt": ""})
    assert graph.build("hello.elf").steps == []

    shutil.rmtree(graph.root / "build")
    shutil.rmtree(graph.root / "app/target")
    restored = graph.build("hello.elf")
    # What nothing is known of is never stored.
    assert restored.ran == ["configuration of native 0.1.0 (dev)"]
    assert graph.read("build/hello.elf") == elf
