"""A toolchain of its own for a test: the machine's compiler, in a folder where each part of it can be changed, with a
standard library of a few lines and a loader to match. A whole image is built in about a second.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mini_sysroot import CORE
from osimage.boot import layout
from project import FILES, LOCK, Project

RUSTC, CARGO, LINKER = "/usr/bin/rustc", "/usr/bin/cargo", "/usr/bin/ld.lld-22"
HOST = "x86_64-unknown-linux-gnu"
LIBRARY = "lib/rustlib/src/rust/library"

_MANIFEST = '[package]\nname = "{}"\nversion = "0.0.0"\nedition = "2024"\n'
_BUILTINS = "compiler-builtins/compiler-builtins"
LIBRARY_FILES = {
    "core/Cargo.toml": _MANIFEST.format("core"),
    "core/src/lib.rs": CORE
    + "pub mod extra;\n"
    + '#[lang = "sync"] pub unsafe auto trait Sync {}\n'
    + '#[lang = "drop_in_place"] pub unsafe fn drop_in_place<T: PointeeSized>(at: *mut T) { drop_in_place(at) }\n',
    "core/src/extra.rs": "pub const EXTRA: u8 = 1;\n",
    "alloc/Cargo.toml": _MANIFEST.format("alloc")
    + f'[dependencies]\ncore = {{ path = "../core" }}\ncompiler_builtins = {{ path = "../{_BUILTINS}" }}\n',
    "alloc/src/lib.rs": "#![no_std]\n",
    f"{_BUILTINS}/Cargo.toml": _MANIFEST.format("compiler_builtins")
    + 'build = "build.rs"\n[features]\ncompiler-builtins = []\nmem = []\n',
    f"{_BUILTINS}/build.rs": 'fn main() { println!("cargo::rustc-cfg=small"); }\n',
    f"{_BUILTINS}/src/lib.rs": "#![feature(compiler_builtins)]\n#![compiler_builtins]\n#![no_std]\n#![allow(internal_features)]\n",
}

STAGE = """\
#![no_std]
#![no_main]
#![feature(rustc_private)]
#[panic_handler] fn panic(_: &core::panic::PanicInfo) -> ! { loop {} }
#[unsafe(no_mangle)] pub extern "C" fn _start() -> ! { loop {} }
"""
LOADER_FILES = {
    "loader/boot_info/src/lib.rs": "#![no_std]\n",
    "loader/common/mod.rs": "",
    "loader/stage1/main.rs": STAGE,
    "loader/stage1/link.ld": f"""SECTIONS {{
    .boot STAGE1_ADDRESS : {{
        . += {layout.STAGE1_MAGIC_OFFSET}; QUAD({layout.STAGE1_MAGIC:#x})
        . += {layout.STAGE1_CODE_SIZE - layout.STAGE1_MAGIC_OFFSET - 9}; BYTE(0)
    }}
    /DISCARD/ : {{ *(.text .text.* .eh_frame .comment .debug_*) }}
}}
""",
    "loader/stage2/main.rs": STAGE,
    "loader/stage2/link.ld": f"""SECTIONS {{
    .boot STAGE2_ADDRESS : {{
        . += {layout.STAGE2_MAGIC_OFFSET}; QUAD({layout.STAGE2_MAGIC:#x})
        . += 1000; *(.text .text.*)
    }}
    /DISCARD/ : {{ *(.eh_frame .comment .debug_*) }}
}}
""",
}

KERNEL = """\
#![no_std]
#![no_main]
#![feature(rustc_private)]
#[panic_handler] fn panic(_: &core::panic::PanicInfo) -> ! { loop {} }
pub struct Data { pub text: &'static [u8; 12], pub extra: u8 }
pub static DATA: Data = Data { text: TEXT, extra: core::extra::EXTRA };
const TEXT: &[u8; 12] = b"Hello World!";
#[unsafe(no_mangle)] pub extern "C" fn _start() -> &'static Data { &DATA }
"""
SCONSTRUCT = FILES["SConstruct"].replace('"bios", sysroot=sysroot', '"bios", sysroot=sysroot, source="loader"')
PROJECT_FILES = {
    "SConstruct": SCONSTRUCT,
    "kernel/Cargo.toml": FILES["kernel/Cargo.toml"],
    "kernel/Cargo.lock": LOCK,
    "kernel/src/main.rs": KERNEL,
    **LOADER_FILES,
}

SPEC = ["target spec x86_64-hello"]
SCRIPT = ["build script of compiler_builtins 1.96.0"]
CONFIGURE = ["configuration of compiler_builtins for x86_64-hello"]
CORE_STEP = ["core 1.96.0 for x86_64-hello"]
BUILTINS = ["compiler_builtins 1.96.0 for x86_64-hello"]
LAYOUT = ["layout.rs of bios"]
CRATES = ["layout of bios", "osimage_boot_info of bios"]
STAGES = ["stage 1 of bios", "stage 2 of bios"]
LINKED = ["linked stage 1 of bios", "linked stage 2 of bios"]
KERNEL_STEP = ["kernel hello (dev)"]
STRIP = ["hello.stripped.elf"]
IMAGE = ["hello.img"]
EVERYTHING = [*SPEC, *SCRIPT, *CONFIGURE, *CORE_STEP, *BUILTINS, *LAYOUT, *CRATES, *STAGES, *LINKED, *KERNEL_STEP, *STRIP,
              *IMAGE]  # fmt: skip

_HOOK = '[ -f "$0.hook" ] && . "$0.hook"\n'


class Toolchain:
    """The toolchain in FOLDER: `bin/rustc` and `bin/cargo`, a linker, and LIBRARY_FILES as rust-src."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rustc = folder / "bin/rustc"
        self.linker = folder / f"lib/rustlib/{HOST}/bin/rust-lld"
        self.library = folder / LIBRARY
        self.rustc.parent.mkdir(parents=True)
        (folder / f"lib/rustlib/{HOST}").mkdir(parents=True)
        (folder / f"lib/rustlib/{HOST}/lib").symlink_to(f"/usr/lib/rustlib/{HOST}/lib")  # for build scripts
        _program(folder / "bin/cargo", f'#!/bin/sh\n{_HOOK}exec {CARGO} "$@"\n')
        self.write_rustc("")
        self.write_linker("")
        for name, text in LIBRARY_FILES.items():
            self.edit(name, text)

    def write_rustc(self, comment: str) -> None:
        """Another compiler, by its content; where it lies is not in it."""
        answer = 'own=$(dirname "$(dirname "$0")")\ncase "$*" in "--print sysroot") echo "$own"; exit;; esac'
        told = 'case "$*" in *--sysroot*) ;; *) set -- --sysroot "$own" "$@";; esac'
        _program(self.rustc, f'#!/bin/sh\n# {comment}\n{answer}\n{told}\n{_HOOK}exec {RUSTC} "$@"\n')

    def write_linker(self, comment: str) -> None:
        """Another linker, by its content; rustc calls it with its flavour in front."""
        _program(self.linker, f'#!/bin/sh\n# {comment}\n[ "$1" = -flavor ] && shift 2\nexec {LINKER} "$@"\n')

    def hook(self, words: str, before: str = "", after: str = "", program: str = "rustc") -> None:
        """Let PROGRAM run shell commands BEFORE and AFTER its work, whenever WORDS are among its arguments.

        The hook is no part of the program's identity; it is gone when `unhook` was called.
        """
        real = {"rustc": RUSTC, "cargo": CARGO}[program]
        work = f'{before}\n{real} "$@" || exit\n{after}\nexit 0'
        (self.folder / f"bin/{program}.hook").write_text(f'case "$*" in *"{words}"*)\n{work};;\nesac\n')

    def unhook(self) -> None:
        """Leave the programs alone."""
        for path in self.rustc.parent.glob("*.hook"):
            path.unlink()

    def edit(self, name: str, text: str) -> None:
        """Write a file of rust-src."""
        path = self.library / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    @property
    def environ(self) -> Mapping[str, str]:
        """What makes scons take it."""
        return {"RUSTC": str(self.rustc)}


def _program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def small_project(root: Path, cache: Path, toolchain: Toolchain) -> Project:
    """The example with a small standard library and loader, which TOOLCHAIN builds."""
    return Project(root, cache, toolchain.environ).write(PROJECT_FILES)
