"""A sysroot that compiles in a tenth of a second: a core of a dozen items, enough for a kernel that does nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from cargo_cases import SPEC
from osimage.action import OUT, ROOT, Action, Plan
from osimage.toolchain.rustc import Rustc

_BUILT_IN = ("concat", "env", "file", "include_bytes")
_MACROS = "\n".join(
    f"#[rustc_builtin_macro] #[macro_export] macro_rules! {name} {{ ($($t:tt)*) => {{ {{}} }} }}" for name in _BUILT_IN
)
_PRELUDE = "\n".join(
    f"    pub mod rust_{year} {{ pub use crate::{{Copy, Sized, {', '.join(_BUILT_IN)}}}; }}"
    for year in (2015, 2018, 2021, 2024)
)
CORE = f"""\
#![feature(no_core, lang_items, auto_traits, rustc_attrs)]
#![no_core]
#![allow(internal_features)]
#[lang = "pointee_sized"] pub trait PointeeSized {{}}
#[lang = "meta_sized"] pub trait MetaSized: PointeeSized {{}}
#[lang = "sized"] pub trait Sized: MetaSized {{}}
#[lang = "copy"] pub trait Copy {{}}
impl Copy for u8 {{}}
#[lang = "legacy_receiver"] pub trait LegacyReceiver {{}}
#[lang = "freeze"] unsafe auto trait Freeze {{}}
#[lang = "panic_info"] pub struct PanicInfo;
pub mod panic {{ pub use super::PanicInfo; }}
pub mod prelude {{
{_PRELUDE}
}}
{_MACROS}
"""
BUILTINS = "#![feature(compiler_builtins)]\n#![compiler_builtins]\n#![no_std]\n#![allow(internal_features)]\n"
ALLOC = "#![no_std]\npub fn allocate() -> u8 { 7 }\n"

# A kernel's root file to begin with.
KERNEL = """\
#![no_std]
#![no_main]
#[panic_handler] fn panic(_: &core::panic::PanicInfo) -> ! { loop {} }
#[unsafe(no_mangle)] pub extern "C" fn _start() -> ! { START; loop {} }
"""


class Failed(NamedTuple):
    """A step that failed: its label and rustc's JSON messages."""

    label: str
    messages: list[Mapping[str, object]]


def make(folder: Path, rustc: Rustc) -> Path:
    """The sysroot in FOLDER, laid out as `cargo_cases.sysroot_of` says; beside it the target spec."""
    library, alloc = folder / "sysroot/lib/rustlib/x86_64-hello/lib", folder / "sysroot/alloc"
    spec = folder / "x86_64-hello.json"
    for each in (library, alloc):
        each.mkdir(parents=True)
    spec.write_text(json.dumps(SPEC))
    for name, text, out in (("core", CORE, library), ("compiler_builtins", BUILTINS, library), ("alloc", ALLOC, alloc)):
        source = folder / f"{name}.rs"
        source.write_text(text)
        command = [rustc.path, "--edition=2024", "--crate-name", name, "--crate-type=rlib", "--emit=link,metadata"]
        command += ["--target", str(spec), "-Zunstable-options", "-Cpanic=abort", "--out-dir", str(out)]
        command += [] if name == "core" else ["--sysroot", str(folder / "sysroot")]
        subprocess.run([*command, str(source)], env=_environment(), check=True)
    return folder


def run(plan: Plan, root: Path, made: Path) -> Failed | None:
    """Run the steps of PLAN in ROOT, as the graph does, with the sysroot MADE; what failed first, or None."""
    build = root / "build"
    shutil.copytree(made, build, dirs_exist_ok=True)
    for name, target in plan.links:
        link = build / "external" / name
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(target)
    for action in plan.actions:
        failed = _run(action, root)
        if failed is not None:
            return Failed(action.label, failed)
    return None


def _run(action: Action, root: Path) -> list[Mapping[str, object]] | None:
    out = root / "build/scratch"
    out.mkdir()

    def expanded(word: str) -> str:
        return word.replace(OUT, "build/scratch").replace(ROOT, str(root))

    environ = _environment() | {name: expanded(value) for name, value in action.env}
    command = ["/usr/bin/rustc", *(expanded(word) for word in action.argv[1:])]
    done = subprocess.run(command, cwd=root, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        return [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    if action.link_info is not None:
        (out / action.link_info).unlink()  # it is for the graph to read, and no output
    assert sorted(os.listdir(out)) == sorted(name.rpartition("/")[2] for name in action.outputs)
    for name in action.outputs:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (out / Path(name).name).rename(root / name)
    out.rmdir()
    return None


def _environment() -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "RUSTC_BOOTSTRAP": "1", "LC_ALL": "C.UTF-8"}
