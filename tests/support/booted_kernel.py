"""The kernel of `edited_kernel` as a project of `cargo bootimage` that boots: it says on the serial line all that it holds.

The crate bootloader is a stand-in, since osimage's loader hands over.
"""

from __future__ import annotations

import json
from typing import ClassVar

from cargo_cases import SPEC
from edited_kernel import CRATE, INDEX, Files, Link, Model

# The example's target, so that its core comes from the store of the test run.
TARGET = {**SPEC, "supported-sanitizers": ["kcfi", "kernel-address"]}
SCONSTRUCT = 'env = Environment(tools=["osimage"])\nenv.CargoProject("kernel")\n'
CONFIGURATION = """\
[unstable]
build-std = ["core", "compiler_builtins"]
build-std-features = ["compiler-builtins-mem"]
json-target-spec = true
[build]
target = "x86_64-hello.json"
"""
FUNCTIONS = """\
pub fn called() -> u8 { VALUE }
#[inline] pub fn inlined(more: u8) -> u8 { VALUE.wrapping_add(more) }
pub fn generic<T: Copy + Into<u32>>(more: T) -> u32 { u32::from(VALUE) * 3 + more.into() }
"""
MAIN = """\
#![no_std]
#![no_main]
use core::{arch::asm, fmt::{self, Write}};
struct Serial;
impl Write for Serial {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            unsafe { asm!("out dx, al", in("dx") 0x3f8_u16, in("al") byte) };
        }
        Ok(())
    }
}
#[panic_handler] fn panic(_: &core::panic::PanicInfo) -> ! { exit(0x11) }
fn exit(code: u32) -> ! {
    unsafe { asm!("out dx, eax", in("dx") 0xf4_u16, in("eax") code) };
    loop {}
}
#[unsafe(no_mangle)] pub extern "C" fn _start() -> ! {
    let _ = writeln!(Serial, "{:?}", SAID);
    exit(0x10)
}
"""


class BootedModel(Model):
    """A model whose project is `env.CargoProject`."""

    left_out: ClassVar[frozenset[str]] = frozenset(
        {"spec", "core", "compiler", "declared", "size", "toolchain", "rooted", "twin"}
    )
    settings: ClassVar[tuple[str, ...]] = ("FEATURES", "PROFILE", "INCREMENTAL", "BIN")

    @property
    def products(self) -> tuple[str, ...]:
        """The images and kernels, below the build folder."""
        binaries = [self.chosen["binary"] or "hello", *(["second"] if self.chosen["second"] == "found" else [])]
        chosen = [name for name in binaries if self.chosen["BIN"] in ("", name)]
        return tuple(f"{name}.{kind}" for name in chosen for kind in ("img", "elf"))

    def files(self) -> Files:
        """Every file of the project."""
        files: Files = {name: text for name, text in super().files().items() if not name.startswith("loader/")}
        files |= {"SConstruct": SCONSTRUCT, "x86_64-hello.json": json.dumps(TARGET, indent=2)}
        flags = '"--cfg=flagged"' if self.chosen["flags"] == "build" else ""
        files[".cargo/config.toml"] = f"{CONFIGURATION}rustflags = [{flags}]\n" + str(
            files[".cargo/config.toml"]
        ).replace('[build]\nrustflags = ["--cfg=flagged"]', "")
        files["vendor/bootloader-0.9.35/Cargo.toml"] = '[package]\nname = "bootloader"\nversion = "0.9.35"\n'
        files["vendor/bootloader-0.9.35/src/lib.rs"] = "#![no_std]\n"
        files["vendor/bootloader-0.9.35/.cargo-checksum.json"] = '{"files":{},"package":null}'
        _replace(files, "kernel/Cargo.toml", "[dependencies]\n", '[dependencies]\nbootloader = "0.9"\n')
        lock = "Cargo.lock" if self.chosen["workspace"] else "kernel/Cargo.lock"
        entry = f'[[package]]\nname = "bootloader"\nversion = "0.9.35"\nsource = "{INDEX}"\n\n'
        _replace(files, lock, "\n[[package]]", f"\n{entry}[[package]]")
        _replace(files, lock, 'name = "hello"\nversion = "0.1.0"\ndependencies = [\n',
                 'name = "hello"\nversion = "0.1.0"\ndependencies = [\n "bootloader",\n')  # fmt: skip
        for name, content in files.items():
            if isinstance(content, str) and content.startswith("pub const VALUE") and name.endswith(".rs"):
                files[name] = content + FUNCTIONS
            elif isinstance(content, str):
                files[name] = content.replace(CRATE, "#![no_std]\n")
        if self.chosen["second"]:
            files["kernel/src/bin/second.rs"] = MAIN.replace("SAID", '("second", dep::VALUE)')
        return files

    def _main(self) -> str:
        parts = [value for _, value in self._parts()]
        parts += [f"{name}::{use}" for name in (*self.modules, *(f"lib::{name}" for name in self.inner))
                  for use in ("called()", "inlined(2)", "generic(5_u8)")]  # fmt: skip
        lines = "".join(f'    let _ = writeln!(Serial, "{{:?}}", {part});\n' for part in parts)
        return MAIN.replace('    let _ = writeln!(Serial, "{:?}", SAID);\n', lines) + self._items()


def _replace(files: Files, name: str, old: str, new: str) -> None:
    content = files[name]
    assert not isinstance(content, Link)
    assert old in content, f"{old!r} is not in {name}"
    files[name] = content.replace(old, new, 1)
