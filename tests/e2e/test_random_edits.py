"""Random edits of a kernel with modules, a library, a build script and a proc macro, built in two clones that share a
store: after every one of them the image is that of a folder where nothing of the kernel was ever built.
"""

from __future__ import annotations

import os
import random
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from project import Project
from small import KERNEL, PROJECT_FILES

STEPS = int(os.environ.get("OSIMAGE_TEST_STEPS", "12"))
NAMES = ("ant", "bee", "cat", "dog")
LIBRARY, MACROS = "kernel/lib", "kernel/mac"

SCRIPT = """\
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=tables");
    println!("cargo::rerun-if-env-changed=LEVEL");
    println!("cargo::rustc-env=SEEN={}", std::env::var("LEVEL").unwrap_or_default());
    let mut sum = SALT;
    for entry in std::fs::read_dir("tables").unwrap() {
        sum += std::fs::read_to_string(entry.unwrap().path()).unwrap().trim().parse::<u32>().unwrap();
    }
    let out = std::path::PathBuf::from(std::env::var_os("OUT_DIR").unwrap());
    std::fs::write(out.join("table.bin"), format!("{sum:04}")).unwrap();
}
"""
MACRO = """\
#[proc_macro]
pub fn value(_: proc_macro::TokenStream) -> proc_macro::TokenStream {
    "VALUE_u8".parse().unwrap()
}
"""


@dataclass
class Model:
    """What a person has written: values of modules by name, where each lies, and the rest."""

    modules: dict[str, int] = field(default_factory=lambda: {"ant": 1})
    nested: set[str] = field(default_factory=set)  # those in NAME/mod.rs
    inner: dict[str, int] = field(default_factory=lambda: {"eel": 1})  # of the library
    rows: dict[str, int] = field(default_factory=lambda: {"row": 1})  # that the build script adds up
    salt: int = 0  # in the build script
    level: str = "low"  # an environment variable that the build script reads
    expanded: int = 1  # by the proc macro
    data: str = "0000"
    words: str = "hello"  # an environment variable that the kernel reads
    loud: bool = False
    release: bool = False
    comment: int = 0
    notes: dict[str, str] = field(default_factory=dict)  # files that nobody reads

    def files(self) -> dict[str, str]:
        """Every source file."""
        values = [f"{name}::VALUE" for name in self.modules] + [f"lib::{name}::VALUE" for name in self.inner]
        rest = 'include_bytes!("../data.bin"), env!("WORDS"), LOUD, '
        rest += 'include_bytes!(concat!(env!("OUT_DIR"), "/table.bin")), env!("SEEN"), mac::value!()'
        kinds = ", ".join(["&'static Data", *["u8"] * len(values), *["&'static [u8; 4]", "&'static str", "u8"] * 2])
        main = KERNEL.replace("-> &'static Data { &DATA }", "-> &'static All { &ALL }")
        main += f"pub struct All({kinds});\npub static ALL: All = All(&DATA, {', '.join([*values, rest])});\n"
        main += '#[cfg(feature = "loud")] const LOUD: u8 = 1;\n#[cfg(not(feature = "loud"))] const LOUD: u8 = 0;\n'
        main += "".join(f"mod {name};\n" for name in self.modules) + f"// comment {self.comment}\n"
        library = "#![no_std]\n#![feature(rustc_private)]\n" + "".join(f"pub mod {name};\n" for name in self.inner)
        files = {
            "kernel/src/main.rs": main,
            "kernel/data.bin": self.data,
            f"{LIBRARY}/src/lib.rs": library,
            "kernel/build.rs": SCRIPT.replace("SALT", str(self.salt)),
            f"{MACROS}/src/lib.rs": MACRO.replace("VALUE", str(self.expanded)),
            **{f"kernel/tables/{name}": f"{value}\n" for name, value in self.rows.items()},
            **self.notes,
        }
        for name, value in self.modules.items():
            path = f"{name}/mod.rs" if name in self.nested else f"{name}.rs"
            files[f"kernel/src/{path}"] = f"pub const VALUE: u8 = {value};\n"
        for name, value in self.inner.items():
            files[f"{LIBRARY}/src/{name}.rs"] = f"pub const VALUE: u8 = {value};\n"
        return files

    @property
    def arguments(self) -> list[str]:
        """What is typed after scons."""
        return [*(["FEATURES=loud"] if self.loud else []), *(["PROFILE=release"] if self.release else [])]

    @property
    def environ(self) -> Mapping[str, str]:
        """What is set in the shell."""
        return {"WORDS": self.words, "LEVEL": self.level}


FIXED = {name: text for name, text in PROJECT_FILES.items() if not name.startswith("kernel/")} | {
    "kernel/Cargo.toml": PROJECT_FILES["kernel/Cargo.toml"]
    + '[features]\nloud = []\n[dependencies]\nlib = { path = "lib" }\nmac = { path = "mac" }\n',
    "kernel/Cargo.lock": PROJECT_FILES["kernel/Cargo.lock"]
    + 'dependencies = [\n "lib",\n "mac",\n]\n\n[[package]]\nname = "lib"\nversion = "0.1.0"\n'
    + '\n[[package]]\nname = "mac"\nversion = "0.1.0"\n',
    f"{LIBRARY}/Cargo.toml": '[package]\nname = "lib"\nversion = "0.1.0"\nedition = "2024"\n',
    f"{MACROS}/Cargo.toml": '[package]\nname = "mac"\nversion = "0.1.0"\nedition = "2024"\n[lib]\nproc-macro = true\n',
}


def change(model: Model, chance: random.Random) -> str:
    """Change MODEL in some way; what was done."""
    value = chance.randrange(10, 14)  # few values, so that states come back and the store is asked for them
    free = [name for name in NAMES if name not in model.modules]
    some = chance.choice([*model.modules])
    kind = chance.choice(["edit"] * 4 + ["inner"] * 3 + ["row"] * 2 + ["add", "remove", "rename", "move", "data", "words",
                         "loud", "release", "comment", "note", "grow", "shrink", "salt", "level", "expanded"])  # fmt: skip
    if kind == "edit":
        model.modules[some] = value
    elif kind == "inner":
        model.inner[chance.choice([*model.inner])] = value
    elif kind == "add" and free:
        model.modules[chance.choice(free)] = value
    elif kind == "remove" and len(model.modules) > 1:
        del model.modules[some]
        model.nested.discard(some)
    elif kind == "rename" and free:
        model.modules[chance.choice(free)] = model.modules.pop(some)
        model.nested.discard(some)
    elif kind == "move":
        model.nested ^= {some}
    elif kind == "row":
        _change_rows(model.rows, value, chance)
    elif kind == "salt":
        model.salt = value
    elif kind == "level":
        model.level = chance.choice(["low", "high"])
    elif kind == "expanded":
        model.expanded = value
    elif kind == "data":
        model.data = f"{value:04}"
    elif kind == "words":
        model.words = chance.choice(["hello", "there", "you"])
    elif kind == "loud":
        model.loud = not model.loud
    elif kind == "release":
        model.release = not model.release
    elif kind == "comment":
        model.comment = value
    elif kind == "note":
        model.notes = {
            chance.choice(["kernel/README", "kernel/tests/x.rs", "notes.txt", f"{LIBRARY}/x.rs"]): str(value)
        }
    elif kind == "grow":
        model.inner["fox"] = value
    elif kind == "shrink":
        model.inner.pop("fox", None)
    return kind


def _change_rows(rows: dict[str, int], value: int, chance: random.Random) -> None:
    """One of ROWS has another value, is new, or is gone."""
    name = chance.choice(["row", "sow", "tow"])
    if name in rows and len(rows) > 1 and chance.random() < 0.5:
        del rows[name]
    else:
        rows[name] = value


def write(project: Project, model: Model, chance: random.Random) -> None:
    """Bring the project's sources to MODEL; what is as it was stays untouched, or not, with times as they come."""
    files = model.files()
    for path in sorted((project.root / "kernel").rglob("*")):
        name = str(path.relative_to(project.root))
        if path.is_file() and name not in files and name not in FIXED:
            path.unlink()
            if not any(path.parent.iterdir()):
                path.parent.rmdir()
    for name, text in files.items():
        path = project.root / name
        if not path.exists() or path.read_text() != text or chance.random() < 0.05:
            before = path.stat().st_mtime_ns if path.exists() else None
            project.write({name: text})
            if before is not None and chance.random() < 0.3:
                os.utime(path, ns=(before, before))
            elif chance.random() < 0.1:
                os.utime(path, (chance.randrange(2_000_000_000),) * 2)


def disturb(project: Project, chance: random.Random) -> None:
    """Now and then, a file below build/ or in the store is gone."""
    if chance.random() < 0.1:
        files = [
            path
            for path in sorted((project.root / "build").rglob("*"))
            if path.is_file() and "external" not in path.parts
        ]
        if files:
            chance.choice(files).unlink()
    if chance.random() < 0.05:
        chance.choice(sorted(path for path in project.cache.rglob("*") if path.is_file())).unlink()


class Reference:
    """Images of a folder where sysroot and loader are built, and nothing else ever was."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self._template = project.root.parent / "template"
        self._known: dict[str, bytes] = {}
        write(project, Model(), random.Random(0))
        project.build("bios", "sysroot", environ=Model().environ)
        (project.root / "build").rename(self._template)

    def image(self, model: Model) -> bytes:
        """The image of MODEL, built without a store."""
        state = repr((sorted(model.files().items()), model.arguments, model.environ))
        if state not in self._known:
            build = self.project.root / "build"
            shutil.rmtree(build, ignore_errors=True)
            shutil.copytree(self._template, build, symlinks=True)
            write(self.project, model, random.Random(0))
            result = self.project.build("--cache-disable", *model.arguments, environ=model.environ)
            assert "core 1.96.0 for x86_64-hello" not in result.steps
            self._known[state] = self.project.read("build/hello.img")
        return self._known[state]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [int(os.environ.get("OSIMAGE_TEST_SEED", "1"))])
def test_every_image_is_that_of_a_clean_build(new_small: Callable[..., Project], tmp_path: Path, seed: int) -> None:
    began = time.monotonic()
    chance = random.Random(seed)
    cache = tmp_path / "cache"
    clones = []
    for name in ("one", "two"):
        project = new_small(name, cache=cache)
        shutil.rmtree(project.root)
        clones.append(project.write(FIXED))
    clean = new_small("clean", cache=tmp_path / "other-cache")
    shutil.rmtree(clean.root)
    reference = Reference(clean.write(FIXED))
    model, done, served = Model(), ["begin"], 0
    for step in range(STEPS):
        done.append(change(model, chance))
        clone = chance.choice(clones)
        write(clone, model, chance)
        disturb(clone, chance)
        result = clone.build(*model.arguments, environ=model.environ)
        served += len(result.steps) - len(result.ran)
        assert clone.read("build/hello.img") == reference.image(model), (seed, step, done[-3:], result.stdout)
        if chance.random() < 0.2:
            assert clone.build(*model.arguments, environ=model.environ).steps == [], (seed, step, done[-3:])
    print(f"{STEPS} edits with seed {seed} in {time.monotonic() - began:.0f} s, {served} results from the store")
    assert served > STEPS // 3
