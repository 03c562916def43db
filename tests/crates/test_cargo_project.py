"""What a Cargo project says of itself: the kernel's package, binaries, target, library and machine; and what is wrong."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from cargo_cases import given_in, write
from osimage.crates.cargo_project import CargoProjectDeclaration, read
from osimage.crates.described import CargoProject
from osimage.errors import DeclarationError, Where
from osimage.toolchain.rustc import Rustc

WHERE = Where("SConstruct", 2, 'env.CargoProject(".")')


def package(name: str = "kernel", depends: str = 'bootloader = "0.9"', more: str = "") -> str:
    dependencies = f"[dependencies]\n{depends}\n" if depends else ""
    return f'[package]\nname = "{name}"\nversion = "0.1.0"\nedition = "2024"\n{dependencies}{more}'


CONFIG = '[build]\ntarget = "x86_64-blog_os.json"\n[unstable]\nbuild-std = ["core", "compiler_builtins"]\n'
GOOD = {"Cargo.toml": package(), "src/main.rs": "", ".cargo/config.toml": CONFIG, "x86_64-blog_os.json": "{}"}
WORKSPACE = {
    "Cargo.toml": '[workspace]\nmembers = ["a", "b"]\nresolver = "3"\n',
    "a/src/main.rs": "",
    "b/src/main.rs": "",
}
BOOTIMAGE = "[package.metadata.bootimage]\n"


@pytest.fixture
def described(rustc_1_96: Rustc, needs_cargo: None, tmp_path: Path) -> Any:
    def describe(files: dict[str, str | None], environ: dict[str, str] | None = None, **said: Any) -> CargoProject:
        root = tmp_path / "project"
        write(root, {name: text for name, text in (GOOD | files).items() if text is not None})
        declaration = dataclasses.replace(CargoProjectDeclaration(".", None, None, None, WHERE), **said)
        return read(declaration, given_in(root, rustc_1_96, environ))[0]

    return describe


def in_workspace(a: str, b: str) -> dict[str, str | None]:
    return WORKSPACE | {"a/Cargo.toml": a, "b/Cargo.toml": b, "src/main.rs": None}


def in_kernel() -> dict[str, str | None]:
    """The good project in a folder of its own."""
    return {f"kernel/{name}": text for name, text in GOOD.items()} | dict.fromkeys(GOOD)


def needy() -> str:
    """A manifest of two binaries, of which `two` needs a feature that `all` switches on."""
    more = '[features]\nall = ["far"]\nfar = []\n'
    return package(more=f'{more}[[bin]]\nname = "one"\n[[bin]]\nname = "two"\nrequired-features = ["far"]\n')


TWO_BINS: dict[str, str | None] = {"src/bin/one.rs": "", "src/bin/two.rs": "", "src/main.rs": None}
NEEDY = TWO_BINS | {"Cargo.toml": needy()}
ONLY_TESTS: dict[str, str | None] = {"src/main.rs": None, "src/lib.rs": ""}
QEMU = '"qemu-system-x86_64"'

SAYS: dict[str, tuple[dict[str, str | None], dict[str, Any], dict[str, Any]]] = {
    "the usual": ({}, {}, {
        "manifest": "Cargo.toml", "bins": ("kernel",), "default": "kernel", "target": "x86_64-blog_os",
        "specification": "x86_64-blog_os.json", "alloc": False, "lto": False, "machine": ("virtio", ())}),
    "a profile with lto": ({".cargo/config.toml": f'{CONFIG}[profile.release]\nlto = "thin"\n'}, {}, {"lto": True}),
    "alloc": ({".cargo/config.toml": CONFIG.replace('"core"', '"core", "alloc"')}, {}, {"alloc": True}),
    "build-std as a text": ({".cargo/config.toml": CONFIG.replace('["core", "compiler_builtins"]', '"core,alloc"')}, {},
                            {"alloc": True}),
    "no build-std": ({".cargo/config.toml": '[build]\ntarget = "x86_64-blog_os.json"\n'}, {}, {"alloc": True}),
    "a built-in target": ({".cargo/config.toml": '[build]\ntarget = "x86_64-unknown-none"\n'}, {},
                          {"target": "x86_64-unknown-none", "specification": None, "alloc": True}),
    "a list of one target": ({".cargo/config.toml": '[build]\ntarget = ["x86_64-blog_os.json"]\n'}, {},
                             {"specification": "x86_64-blog_os.json"}),
    "a target by the declaration": ({".cargo/config.toml": None}, {"target": "x86_64-blog_os.json"},
                                    {"specification": "x86_64-blog_os.json"}),
    "a target by the environment": ({}, {"environ": {"CARGO_BUILD_TARGET": "x86_64-unknown-none"}},
                                    {"target": "x86_64-unknown-none"}),
    "a target's file by the environment": (
        in_kernel(), {"folder": "kernel", "environ": {"CARGO_BUILD_TARGET": "../other.json"}},
        {"specification": "other.json", "target": "other"}),
    "a target's file by a configuration above": (
        in_kernel() | {"kernel/.cargo/config.toml": None, ".cargo/config.toml": CONFIG}, {"folder": "kernel"},
        {"specification": "x86_64-blog_os.json"}),
    "a target's file by a configuration below": (
        in_kernel(), {"folder": "kernel"}, {"specification": "kernel/x86_64-blog_os.json"}),
    "several binaries": (TWO_BINS, {}, {"bins": ("one", "two"), "default": None, "named": None}),
    "default-run": (TWO_BINS | {"Cargo.toml": package().replace("edition", 'default-run = "two"\nedition', 1)}, {},
                    {"bins": ("one", "two"), "default": "two"}),
    "default-run of a binary that is left out": (
        NEEDY | {"Cargo.toml": needy().replace("edition", 'default-run = "two"\nedition', 1)}, {},
        {"bins": ("one",), "default": "one"}),
    "a binary without its features": (NEEDY, {}, {"bins": ("one",), "default": "one"}),
    "a binary with its features": (NEEDY, {"features": ("all",)}, {"bins": ("one", "two"), "default": None}),
    "a binary with its features by default": (
        NEEDY | {"Cargo.toml": needy().replace("[features]", '[features]\ndefault = ["all"]')}, {},
        {"bins": ("one", "two")}),
    "without the default features": (
        NEEDY | {"Cargo.toml": needy().replace("[features]", '[features]\ndefault = ["all"]')},
        {"default_features": False}, {"bins": ("one",)}),
    "a named binary without its features": (NEEDY, {"bin": "two"}, {"bins": ("two",), "default": "two"}),
    "only a library": (ONLY_TESTS, {}, {"bins": (), "default": None, "manifest": "Cargo.toml"}),
    "only a library, whose tests use bootloader": (
        ONLY_TESTS | {"Cargo.toml": package(depends="", more='[dev-dependencies]\nbootloader = "0.9"\n')}, {},
        {"bins": ()}),
    "one of several": (TWO_BINS, {"bin": "two"}, {"bins": ("two",), "default": "two", "named": "two"}),
    "a renamed bootloader": ({"Cargo.toml": package(depends='loader = { package = "bootloader", version = "0.9.8" }')},
                             {}, {"bins": ("kernel",)}),
    "a member": (in_workspace(package("a"), package("b", "")), {}, {"manifest": "a/Cargo.toml", "bins": ("a",)}),
    "the folder of a member that is only a library": (
        in_workspace(package("a"), package("b")) | {"b/src/main.rs": None, "b/src/lib.rs": ""}, {"folder": "b"},
        {"manifest": "b/Cargo.toml", "bins": ()}),
    "one of two members": (in_workspace(package("a"), package("b")), {"package": "b"}, {"manifest": "b/Cargo.toml"}),
    "a run-command": (
        {"Cargo.toml": package(more=f'{BOOTIMAGE}run-command = [{QEMU}, "-drive", "format=raw,file={{}}", "-s"]\n')},
        {}, {"machine": ("ide", ("-s",))}),
    "a run-command with virtio": (
        {"Cargo.toml": package(more=f'{BOOTIMAGE}run-command = [{QEMU}, "-drive", "if=virtio,file={{}}"]\n')},
        {}, {"machine": ("virtio", ())}),
}  # fmt: skip


@pytest.mark.parametrize(("files", "said", "expected"), SAYS.values(), ids=SAYS)
def test_what_it_says(
    files: dict[str, str | None], said: dict[str, Any], expected: dict[str, Any], described: Any
) -> None:
    found = described(files, **said)
    assert {key: getattr(found, key) for key in expected} == expected


NO_LOADER = (
    "Cargo.toml does not depend on the crate bootloader, which hands over to a kernel of `cargo bootimage`. Write "
    'bootloader = "0.9" under [dependencies], or declare a kernel of another kind with env.Kernel.'
)

FAULTS: dict[str, tuple[dict[str, str | None], dict[str, Any], list[str]]] = {
    "no bootloader": ({"Cargo.toml": package(depends="")}, {}, [NO_LOADER]),
    "a newer bootloader": ({"Cargo.toml": package(depends='bootloader = "0.11.3"')}, {}, [
        "Cargo.toml depends on bootloader ^0.11.3, which is not supported: osimage knows 0.9."]),
    "two kernels": (in_workspace(package("a"), package("b")), {}, [
        'there are several kernels: a in a/Cargo.toml, b in b/Cargo.toml. Name one, as in package="a".']),
    "no kernel": (in_workspace(package("a", ""), package("b", "")), {}, [
        "Cargo.toml is a workspace in which no package depends on bootloader 0.9: it has no kernel."]),
    "no such package": (in_workspace(package("a"), package("b")), {"package": "c"}, [
        "package 'c' is not in the workspace of Cargo.toml."]),
    "no target": ({".cargo/config.toml": None}, {}, [
        'no target is chosen for Cargo.toml: write [build] target = "….json" in .cargo/config.toml, or target= here.']),
    "two targets": ({".cargo/config.toml": '[build]\ntarget = ["x86_64-a", "x86_64-b"]\n'}, {}, [
        '.cargo/config.toml has several targets (x86_64-a, x86_64-b). Choose one: target="x86_64-a".']),
    "no such binary": (TWO_BINS, {"bin": "tow"}, [
        "binary 'tow' is not in Cargo.toml (it has: one, two). Did you mean 'two'?"]),
    "a binary of a library": (ONLY_TESTS, {"bin": "one"}, ["binary 'one' is not in Cargo.toml (it has none)."]),
    "no binary with its features": (
        {"Cargo.toml": package(
            more='[features]\nx = []\ny = []\n[[bin]]\nname = "kernel"\nrequired-features = ["x", "y"]\n')}, {}, [
        "every binary of Cargo.toml needs features that are not enabled: kernel (x, y). Write FEATURES=x,y on the "
        "command line."]),
    "std": ({".cargo/config.toml": CONFIG.replace('"core"', '"std"')}, {}, [
        ".cargo/config.toml: build-std has 'std', which a kernel without an operating system cannot have."]),
    "all at once": (
        {"Cargo.toml": package(more=f'{BOOTIMAGE}run-command = ["./boot.sh"]\ntest-timeout = -1\n')}, {"bin": "x"}, [
        "Cargo.toml: [package.metadata.bootimage]: test-timeout is -1: it counts seconds, and must not be negative.",
        "binary 'x' is not in Cargo.toml (it has: kernel).",
        "Cargo.toml: run-command starts './boot.sh', but osimage boots images with qemu-system-x86_64 only."]),
    "a run-command without the image": (
        {"Cargo.toml": package(more=f"{BOOTIMAGE}run-command = [{QEMU}]\n")}, {}, [
        'Cargo.toml: run-command wants the image once, as in "-drive", "format=raw,file={}".']),
}  # fmt: skip


@pytest.mark.parametrize(("files", "said", "expected"), FAULTS.values(), ids=FAULTS)
def test_what_is_wrong(files: dict[str, str | None], said: dict[str, Any], expected: list[str], described: Any) -> None:
    with pytest.raises(DeclarationError) as told:
        described(files, **said)
    assert list(told.value.faults) == expected
