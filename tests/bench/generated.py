"""A large kernel that nobody wrote: 60 crates and 30,000 lines of its own, the same every time.

    ./dev python tests/bench/generated.py FOLDER

writes it to FOLDER/kernel, with its dependencies in FOLDER/crates, for `cargo bootimage` and for osimage.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from modules import devices, states

CRATES = 60
MODULES = 75

_MAIN = """\
#![no_std]
#![no_main]

use bootloader::{{BootInfo, entry_point}};
use core::panic::PanicInfo;

entry_point!(kernel_main);

fn kernel_main(_boot_info: &'static BootInfo) -> ! {{
    {name}::print("{text}");
    let value = {name}::everything(3);
    {name}::print(if value == 0 {{ "zero" }} else {{ "done" }});
    loop {{}}
}}

#[panic_handler]
fn panic(_info: &PanicInfo) -> ! {{
    loop {{}}
}}
"""

_TEST = """\
#![no_std]
#![no_main]

use bootloader::{{BootInfo, entry_point}};
use core::panic::PanicInfo;

entry_point!(test_main);

fn test_main(_boot_info: &'static BootInfo) -> ! {{
    {name}::print("{test}");
    {name}::exit(if {name}::module_{module}::run({module}) > 0 {{ 0x10 }} else {{ 0x11 }})
}}

#[panic_handler]
fn panic(_info: &PanicInfo) -> ! {{
    {name}::exit(0x11)
}}
"""

_LIBRARY = """\
#![no_std]

use core::fmt;
use core::sync::atomic::{{AtomicUsize, Ordering}};

{modules}

static LOGGED: AtomicUsize = AtomicUsize::new(0);

/// Keep a formatted line.
#[macro_export]
macro_rules! log {{
    ($($part:tt)*) => {{
        $crate::keep(format_args!($($part)*))
    }};
}}

/// Count a LINE of the log.
pub fn keep(line: fmt::Arguments) {{
    LOGGED.fetch_add(line.as_str().map_or(1, str::len), Ordering::Relaxed);
}}

/// A ring of N - 1 items at most.
pub struct Ring<T, const N: usize> {{
    items: [T; N],
    head: usize,
    tail: usize,
}}

impl<T: Copy, const N: usize> Ring<T, N> {{
    /// An empty one, filled with ITEM.
    pub const fn new(item: T) -> Self {{
        Self {{ items: [item; N], head: 0, tail: 0 }}
    }}

    /// How many items it has room for.
    pub const fn size(&self) -> usize {{
        N - 1
    }}

    /// How many items it has.
    pub fn count(&self) -> usize {{
        (self.tail + N - self.head) % N
    }}

    /// Put ITEM in.
    pub fn push(&mut self, item: T) -> Result<(), T> {{
        let next = (self.tail + 1) % N;
        if next == self.head {{
            return Err(item);
        }}
        self.items[self.tail] = item;
        self.tail = next;
        Ok(())
    }}

    /// Take the oldest item out.
    pub fn pop(&mut self) -> Option<T> {{
        let item = *self.items.get(self.head).filter(|_| self.head != self.tail)?;
        self.head = (self.head + 1) % N;
        Some(item)
    }}

    /// What is in it, the oldest first.
    pub fn words(&self) -> impl Iterator<Item = &T> {{
        self.items.iter().cycle().skip(self.head).take(self.count())
    }}
}}

/// Every module once.
pub fn everything(seed: u64) -> u64 {{
    let mut sum = 0_u64;
{calls}
    sum
}}

/// Print TEXT on the first serial line.
pub fn print(text: &str) {{
    for byte in text.bytes().chain(*b"\\n") {{
        unsafe {{ core::arch::asm!("out dx, al", in("dx") 0x3f8_u16, in("al") byte) }};
    }}
}}

/// End QEMU with CODE.
pub fn exit(code: u32) -> ! {{
    unsafe {{ core::arch::asm!("out dx, eax", in("dx") 0xf4_u16, in("eax") code) }};
    loop {{}}
}}
"""

_MANIFEST = """\
[package]
name = "big"
version = "0.1.0"
edition = "2024"

[lib]
test = false

[[bin]]
name = "big"
path = "src/main.rs"
test = false

{tests}
[dependencies]
bootloader = "0.9"
{dependencies}
[profile.dev]
panic = "abort"

[profile.release]
panic = "abort"

[package.metadata.bootimage]
test-args = ["-device", "isa-debug-exit,iobase=0xf4,iosize=0x04", "-serial", "stdio", "-display", "none"]
test-success-exit-code = 33
"""

_CONFIG = """\
[unstable]
build-std = ["core", "compiler_builtins", "alloc"]
build-std-features = ["compiler-builtins-mem"]
json-target-spec = true
panic-abort-tests = true

[build]
target = "x86_64-big.json"

[target.'cfg(target_os = "none")']
runner = "bootimage runner"
"""

_SPEC = """\
{
  "llvm-target": "x86_64-unknown-none", "arch": "x86_64", "os": "none", "target-endian": "little",
  "data-layout": "e-m:e-p270:32:32-p271:32:32-p272:64:64-i64:64-i128:128-f80:128-n8:16:32:64-S128",
  "target-pointer-width": 64, "target-c-int-width": 32, "executables": true, "linker-flavor": "ld.lld",
  "linker": "rust-lld", "panic-strategy": "abort", "disable-redzone": true, "rustc-abi": "softfloat",
  "features": "-mmx,-sse,+soft-float"
}
"""

TESTS = ("first", "second", "third", "fourth")
MAIN = "src/main.rs"
LEAF = "src/module_0.rs"  # a module that no other uses


def write(folder: Path) -> Path:
    """Write the kernel and its dependencies below FOLDER; the kernel's folder."""
    _write_crates(folder / "crates")
    names = [f"module_{number}" for number in range(MODULES)]
    calls = "\n".join(f"    sum ^= {name}::run(seed + {number});" for number, name in enumerate(names))
    calls += "".join(f"\n    sum ^= part_{number}::run(seed);" for number in range(CRATES))
    files = {
        MAIN: main_with("Hello from a large kernel"),
        "src/lib.rs": _LIBRARY.format(modules="\n".join(f"pub mod {name};" for name in names), calls=calls),
        **{f"src/{name}.rs": devices(name, number) for number, name in enumerate(names)},
        **{f"tests/{name}.rs": _TEST.format(name="big", test=name, module=n + 1) for n, name in enumerate(TESTS)},
        "Cargo.toml": _MANIFEST.format(
            tests="".join(f'[[test]]\nname = "{name}"\nharness = false\n\n' for name in TESTS),
            dependencies="".join(f'part_{n} = {{ path = "../crates/part_{n}" }}\n' for n in range(CRATES)),
        ),
        ".cargo/config.toml": _CONFIG,
        "x86_64-big.json": _SPEC,
        ".gitignore": "/target\n/build\n",
    }
    _write(folder / "kernel", files)
    return folder / "kernel"


def main_with(text: str) -> str:
    """The kernel's main.rs, which prints TEXT."""
    return _MAIN.format(name="big", text=text)


def _write_crates(folder: Path) -> None:
    """The crates in FOLDER, each of which uses two others."""
    for number in range(CRATES):
        name = f"part_{number}"
        uses = dict.fromkeys(f"part_{other}" for other in (number // 2, number // 3) if other < number)
        dependencies = "".join(f'{used} = {{ path = "../{used}" }}\n' for used in uses)
        used = "".join(f" ^ {used}::run(seed)" for used in uses)
        manifest = f'[package]\nname = "{name}"\nversion = "0.1.0"\nedition = "2024"\n\n[dependencies]\n{dependencies}'
        source = states(name, number).replace("\n", "\n#![no_std]\n", 1)
        source += f"\n/// What it uses.\npub fn used(seed: u64) -> u64 {{\n    seed{used}\n}}\n"
        _write(folder / name, {"Cargo.toml": manifest, "src/lib.rs": source})


def _write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    print(write(Path(sys.argv[1])))
