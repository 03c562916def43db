"""A kernel of which nearly everything can be edited: what a person has written, as data, and the files it comes to.

It has modules, a library, a proc macro, a build script, a crate of a registry in one or two versions, a package outside
the project, files that are included, links, cargo's configuration, a linker script, a target spec and a toolchain file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from cargo_cases import SPEC
from edit_choices import CHOICES
from small import KERNEL, LIBRARY_FILES, PROJECT_FILES

INDEX = "registry+https://github.com/rust-lang/crates.io-index"

CRATE = "#![no_std]\n#![feature(rustc_private)]\n"
MACRO = """\
#![feature(proc_macro_tracked_env, proc_macro_tracked_path)]
use proc_macro::{TokenStream, tracked};

#[proc_macro]
pub fn value(_: TokenStream) -> TokenStream {
    let file = format!("{}/tracked.txt", std::env::var("CARGO_MANIFEST_DIR").unwrap());
    tracked::path(&file);
    let read = std::fs::read_to_string(&file).unwrap();
    let spoken = tracked::env_var("SPOKEN").unwrap();
    format!("(VALUE_u8, {}_u8, {spoken:?}, include_bytes!(\\"../quoted.txt\\"))", read.trim()).parse().unwrap()
}
"""
SCRIPT = """\
fn number(path: impl AsRef<std::path::Path>) -> u32 {
    std::fs::read_to_string(path).unwrap().trim().parse().unwrap()
}
fn main() {
    let mut sum = SALT;
    for entry in std::fs::read_dir("tables").unwrap() {
        sum += number(entry.unwrap().path());
    }
SAID    let out = std::path::PathBuf::from(std::env::var_os("OUT_DIR").unwrap());
    std::fs::write(out.join("table.bin"), format!("{sum:04}")).unwrap();
}
"""
DECLARES = """\
    for path in ["build.rs", "tables", "../common/number.txt"] {
        println!("cargo::rerun-if-changed={path}");
    }
    println!("cargo::rerun-if-env-changed=LEVEL");
    println!("cargo::rustc-env=SEEN={}", std::env::var("LEVEL").unwrap_or_default());
    sum += number("../common/number.txt");
"""
LINKER_SCRIPT = """\
ENTRY(_start)
INCLUDE base.ld
SECTIONS {
    . = BASE;
    .text : { *(.text .text.*) }
    . = ALIGN(ALIGNED);
    .rodata : { *(.rodata .rodata.*) }
    . = ALIGN(ALIGNED);
    .data : { *(.data .data.*) }
    .bss : { *(.bss .bss.*) }
}
"""
TWIN = """\
twin = env.Kernel("twin.elf", "kernel/Cargo.toml", sysroot=sysroot, profile="release", features="loud")
env.DiskImage("twin.img", twin, loader=loader)
"""
CORE = LIBRARY_FILES["core/src/lib.rs"] + (
    "pub mod option { pub enum Option<T> { None, Some(T) } }\n"
    "#[rustc_builtin_macro] #[macro_export] macro_rules! option_env { ($($t:tt)*) => { {} } }\n"
    "#[rustc_builtin_macro] #[macro_export] macro_rules! include_str { ($($t:tt)*) => { {} } }\n"
)


@dataclass(frozen=True)
class Link:
    """A symbolic link, by what it leads to."""

    target: str


Files = dict[str, str | Link]


def _begin() -> dict[str, str]:
    return {name: texts[0] for name, texts in CHOICES.items()}


@dataclass
class Model:
    """What a person has written: one of CHOICES for each of them, values of modules by name, where each lies."""

    chosen: dict[str, str] = field(default_factory=_begin)
    modules: dict[str, int] = field(default_factory=lambda: {"ant": 1})
    nested: set[str] = field(default_factory=set)  # those in NAME/mod.rs
    doubled: set[str] = field(default_factory=set)  # those in both places
    inner: dict[str, int] = field(default_factory=lambda: {"eel": 1})  # of the library
    rows: dict[str, int] = field(default_factory=lambda: {"row": 1})  # that the build script adds up
    notes: dict[str, str] = field(default_factory=dict)  # files that nobody reads

    left_out: ClassVar[frozenset[str]] = frozenset({"BIN"})  # choices that do not count
    settings: ClassVar[tuple[str, ...]] = ("FEATURES", "PROFILE", "INCREMENTAL")

    @property
    def products(self) -> tuple[str, ...]:
        """What is compared, below the build folder."""
        return ("hello.img", "hello.elf", *(["twin.img", "twin.elf"] if self.chosen["twin"] else []))

    @property
    def arguments(self) -> list[str]:
        """What is typed after scons."""
        return [f"{name}={self.chosen[name]}" for name in self.settings if self.chosen[name]]

    @property
    def environ(self) -> Mapping[str, str]:
        """What is set in the shell."""
        said = {"WORDS": self.chosen["words"], "LEVEL": self.chosen["level"], "SPOKEN": self.chosen["spoken"]}
        said |= {"TOLD": self.chosen["heard"]} if self.chosen["heard"] else {}
        said |= {"RUSTFLAGS": self.chosen["rustflags"]} if self.chosen["rustflags"] else {}
        said |= {"CARGO_PROFILE_DEV_OPT_LEVEL": self.chosen["optimised"]} if self.chosen["optimised"] else {}
        return said | ({"MAYBE": self.chosen["maybe"][1:]} if self.chosen["maybe"] else {})

    @property
    def state(self) -> str:
        """All of it as a text."""
        return repr((sorted(self.files().items(), key=str), self.arguments, self.environ, self.around()))

    def around(self) -> dict[str, str]:
        """The files beside the project, which all clones see, by their paths from the folder that has them."""
        library = "toolchain/lib/rustlib/src/rust/library/core/src"
        return {
            "near/Cargo.toml": _package("near", "0.1.0"),
            "near/src/lib.rs": CRATE + _constant(self.chosen["near"]),
            f"{library}/lib.rs": CORE,
            f"{library}/extra.rs": f"pub const EXTRA: u8 = {self.chosen['core']};\n",
        }

    def files(self) -> Files:
        """Every file of the project."""
        chosen = self.chosen
        files: Files = {
            **{name: text for name, text in PROJECT_FILES.items() if name.startswith("loader/")},
            "SConstruct": _sconstruct(chosen["declared"], chosen["size"]) + (TWIN if chosen["twin"] else ""),
            "kernel/Cargo.toml": self._manifest(),
            f"{'' if chosen['workspace'] else 'kernel/'}Cargo.lock": self._lock(),
            "kernel/src/main.rs": self._main(),
            "kernel/build.rs": self._script(chosen["salt"]),
            "kernel/other.rs": self._script("20"),
            "kernel/data.bin": f"{chosen['data']:0>4}",
            "kernel/assets": Link(chosen["assets"]),
            **{f"kernel/{each}/asset.txt": f"{each:<6}{chosen['asset']}" for each in CHOICES["assets"]},
            "kernel/linked.txt": Link(f"texts/{chosen['linked']}"),
            **{f"kernel/texts/{each}": f"{each:<6}" for each in CHOICES["linked"]},
            "kernel/quoted.txt": chosen["quoted"],
            "kernel/tracked.txt": chosen["tracked"],
            "common/number.txt": f"{chosen['shared']}\n",
            "kernel/link.ld": LINKER_SCRIPT.replace("ALIGNED", chosen["aligned"]),
            "kernel/base.ld": f"BASE = {chosen['base']};\n",
            **{f"kernel/tables/{name}": f"{value}\n" for name, value in self.rows.items()},
            ".cargo/config.toml": self._configuration(),
            "kernel/mac/Cargo.toml": _package("mac", "0.1.0", "[lib]\nproc-macro = true"),
            "kernel/mac/src/lib.rs": MACRO.replace("VALUE", chosen["expanded"]),
            **self.notes,
            **self._modules(),
            **self._library(),
            **_vendored(chosen["vendored"]),
        }
        if chosen["spec"]:
            files["x86_64-hello.json"] = _spec(chosen["spec"])
        if chosen["toolchain"]:
            files["rust-toolchain.toml"] = chosen["toolchain"]
        if chosen["shadow"]:
            files["kernel/src/lib.rs"] = f"{CRATE}{chosen['shadow']}\n"
        if chosen["second"]:
            files["kernel/src/bin/second.rs"] = KERNEL
        if chosen["workspace"]:
            files["Cargo.toml"] = chosen["workspace"]
        if chosen["nearer"]:
            files["kernel/.cargo/config.toml"] = chosen["nearer"]
        files.pop(chosen["gone"], None)
        return files

    def _main(self) -> str:
        kinds, values = (", ".join(column) for column in zip(*self._parts(), strict=True))
        main = KERNEL.replace("-> &'static Data { &DATA }", "-> &'static All { &ALL }")
        main += f"pub struct All(&'static Data, {kinds});\npub static ALL: All = All(&DATA, {values});\n"
        return main + self._items()

    def _parts(self) -> list[tuple[str, str]]:
        """Type and value of all that the kernel is to hold."""
        parts = [("u8", f"{name}::VALUE") for name in self.modules]
        parts += [("u8", f"lib::{name}::VALUE") for name in self.inner]
        parts += [("u8", "dep::VALUE"), ("u8", "lib::DEPENDED"), ("u8", "lib::HIGH"), ("&'static str", "lib::VERSION")]
        parts += [("u8", name) for name in ("LOUD", "NEAR", "FLAGGED")]
        parts += [("&'static [u8; 4]", 'include_bytes!("../data.bin")')]
        parts += [("&'static [u8; 4]", 'include_bytes!(concat!(env!("OUT_DIR"), "/table.bin"))')]
        parts += [("&'static [u8; 8]", 'include_bytes!("../assets/asset.txt")')]
        texts = ('"../linked.txt"', '"../../common/number.txt"')
        parts += [("&'static str", f"core::include_str!({name})") for name in texts]
        option = "core::option::Option<&'static str>"
        parts += [(option, f'core::option_env!("{name}")') for name in ("MAYBE", "SEEN", "TOLD")]
        parts += [("&'static str", 'env!("WORDS")'), ("(u8, u8, &'static str, &'static [u8; 2])", "mac::value!()")]
        return parts + ([("&'static str", 'env!("CARGO_MANIFEST_DIR")')] if self.chosen["rooted"] else [])

    def _items(self) -> str:
        """What else stands in the kernel's root file."""
        lines = [f"// {self.chosen['comment']}"]
        for name, condition, value in (("LOUD", 'feature = "loud"', "1"), ("FLAGGED", "flagged", "1"),
                                       ("NEAR", 'feature = "wide"', "near::VALUE")):  # fmt: skip
            lines.append(f"#[cfg({condition})] const {name}: u8 = {value};")
            lines.append(f"#[cfg(not({condition}))] const {name}: u8 = 0;")
        lines += [*(f"mod {name};" for name in self.modules), "fn never() {}", self.chosen["broken"]]
        return "\n".join(lines) + "\n"

    def _modules(self) -> Files:
        files: Files = {}
        for name, value in self.modules.items():
            places = {f"{name}/mod.rs": name in self.nested, f"{name}.rs": name not in self.nested}
            for path, is_there in places.items():
                if is_there or name in self.doubled:
                    files[f"kernel/src/{path}"] = f"pub const VALUE: u8 = {value};\n"
        return files

    def _library(self) -> Files:
        chosen = self.chosen
        folder = f"kernel/{chosen['folder']}"
        depends = '\n[dependencies]\ndep2 = { package = "dep", version = "2" }' if self._has_both else ""
        main = CRATE + "".join(f"pub mod {name};\n" for name in self.inner)
        main += 'pub const VERSION: &str = env!("CARGO_PKG_VERSION");\n'
        main += f"pub const DEPENDED: u8 = {'dep2::VALUE' if self._has_both else '0'};\n"
        main += '#[cfg(feature = "high")] pub const HIGH: u8 = 1;\n'
        main += '#[cfg(not(feature = "high"))] pub const HIGH: u8 = 0;\n'
        features = '[features]\ndefault = ["high"]\nhigh = []'
        return {
            f"{folder}/Cargo.toml": _package(chosen["name"], chosen["version"], features + depends),
            f"{folder}/src/lib.rs": main,
            **{f"{folder}/src/{name}.rs": _constant(str(value)) for name, value in self.inner.items()},
        }

    @property
    def _has_both(self) -> bool:
        return self.chosen["dependency"] == "both"

    def _script(self, salt: str) -> str:
        said = DECLARES if self.chosen["declares"] else ""
        if self.chosen["linker"] == "script":
            said += '    println!("cargo::rustc-link-arg-bins=-Tlink.ld");\n'
        for word, value in (("rustc-cfg", self.chosen["cfg"]), ("warning", self.chosen["warned"])):
            said += f'    println!("cargo::{word}={value}");\n' if value else ""
        return SCRIPT.replace("SALT", salt).replace("SAID", said)

    def _manifest(self) -> str:
        chosen = self.chosen
        name, folder = chosen["name"], chosen["folder"]
        default = ", default-features = false" if chosen["plain"] else ""
        binary = f'\n[[bin]]\nname = "{chosen["binary"]}"\npath = "src/main.rs"\n' if chosen["binary"] else ""
        panic = "" if chosen["dev"].startswith("panic") else 'panic = "abort"\n'
        lints = f"[lints.rust]\n{chosen['lints']}\n" if chosen["lints"] else ""
        return f"""\
[package]
name = "hello"
version = "0.1.0"
edition = "2024"
{chosen["script"]}
{"autobins = false" if chosen["second"] == "ignored" else ""}
{binary}
[features]
default = [{chosen["default"]}]
loud = []
wide = ["dep:near"]

[dependencies]
lib = {{ package = "{name}", path = "{folder}"{default} }}
mac = {{ path = "mac" }}
dep = "1"
near = {{ path = "../../near", optional = true }}

{lints}
[profile.dev]
{panic}{chosen["dev"]}

{chosen["override"].replace("NAME", name)}

[profile.release]
panic = "abort"

[profile.tiny]
inherits = "release"
opt-level = "z"
"""

    def _lock(self) -> str:
        both = self._has_both
        first = "1.0.0" if both else self.chosen["dependency"]
        called = "dep 1.0.0" if both else "dep"
        name = self.chosen["name"]
        packages: list[tuple[str, str, str, list[str]]] = [("dep", first, INDEX, [])]
        packages += [("dep", "2.0.0", INDEX, [])] if both else []
        packages += [("hello", "0.1.0", "", [called, name, "mac", "near"])]
        packages += [(name, self.chosen["version"], "", ["dep 2.0.0"] if both else [])]
        packages += [("mac", "0.1.0", "", []), ("near", "0.1.0", "", [])]
        return "version = 4\n" + "".join(_locked(*package) for package in packages)

    def _configuration(self) -> str:
        chosen = self.chosen
        flags = {"build": "build", "target": "target.x86_64-hello"}.get(chosen["flags"])
        parts = ['[source.crates-io]\nreplace-with = "vendored"\n[source.vendored]\ndirectory = "vendor"']
        parts += [f'[env]\nTOLD = "{chosen["told"]}"'] if chosen["told"] else []
        parts += [f'[{flags}]\nrustflags = ["--cfg=flagged"]'] if flags else []
        if chosen["linker"] == "flags":
            parts.append('[target.\'cfg(target_os = "none")\']\nrustflags = ["-Clink-arg=-Tlink.ld"]')
        return "\n".join(parts) + "\n"


def _constant(value: str) -> str:
    return f"pub const VALUE: u8 = {value};\n"


def _package(name: str, version: str, more: str = "") -> str:
    return f'[package]\nname = "{name}"\nversion = "{version}"\nedition = "2024"\n{more}\n'


def _locked(name: str, version: str, source: str, dependencies: list[str]) -> str:
    text = f'\n[[package]]\nname = "{name}"\nversion = "{version}"\n' + (f'source = "{source}"\n' if source else "")
    listed = "".join(f' "{each}",\n' for each in dependencies)
    return text + (f"dependencies = [\n{listed}]\n" if listed else "")


def _vendored(value: str) -> Files:
    """The registry's crate in three versions, in a folder that stands for the registry."""
    files: Files = {}
    for before, version in (("", "1.0.0"), ("1", "1.1.0"), ("2", "2.0.0")):
        folder = f"vendor/dep-{version}"
        files[f"{folder}/Cargo.toml"] = _package("dep", version)
        files[f"{folder}/.cargo-checksum.json"] = '{"files":{},"package":null}'
        files[f"{folder}/src/lib.rs"] = CRATE + _constant(before + value)
    return files


def _sconstruct(declared: str, size: str) -> str:
    text = PROJECT_FILES["SConstruct"]
    if declared.startswith("#"):
        text = f"{declared}\n{text}"
    elif declared:
        text = text.replace('"kernel/Cargo.toml", ', f'"kernel/Cargo.toml", {declared}, ')
    return text.replace("loader=loader)", f"loader=loader, {size})") if size else text


def _spec(kind: str) -> str:
    changed: dict[str, dict[str, object]] = {
        "core2": {"cpu": "core2"},
        "keep": {"pre-link-args": {"gnu-lld": ["--no-gc-sections"]}},
    }
    return json.dumps({**SPEC, **changed[kind]}, indent=2)
