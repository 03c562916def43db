"""The loader's steps as data: what is compiled and linked with which arguments, and what cannot be planned."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest
from osimage.action import Input
from osimage.boot import layout
from osimage.boot.plan import LoaderDeclaration, own_source, plan
from osimage.errors import DeclarationError, Where
from osimage.target.spec import Target
from osimage.toolchain.rustc import Rustc

WHERE = Where("SConstruct", 4, 'env.Bootloader("bios")')
X86_64 = Target("x86_64-hello", "build/x86_64-hello.json", "{}", {"arch": "x86_64"})
ARM = Target("arm", "build/arm.json", "{}", {"arch": "aarch64"})


class Crate(NamedTuple):
    rlib: str
    rmeta: str


class Sysroot(NamedTuple):
    """A sysroot as far as the loader looks."""

    target: Target = X86_64
    rustflags: tuple[str, ...] = ()
    crates: tuple[Crate, ...] = (Crate("build/sysroot/libcore.rlib", "build/sysroot/libcore.rmeta"),)

    def arguments(self) -> tuple[str, ...]:
        return ("--target", self.target.path, "--sysroot", "build/sysroot")

    def inputs(self) -> tuple[Input, ...]:
        return (Input(self.target.path), *(Input(file) for crate in self.crates for file in crate))


def told(declaration: LoaderDeclaration, sysroot: Sysroot, rustc: Rustc, root: Path) -> str:
    with pytest.raises(DeclarationError) as caught:
        plan(declaration, sysroot, rustc, root)
    return str(caught.value)


def test_the_steps_of_the_tools_own_loader(rustc_1_96: Rustc, tmp_path: Path) -> None:
    planned, loader = plan(LoaderDeclaration("bios", None, WHERE), Sysroot(), rustc_1_96, tmp_path)
    assert (loader.stage1, loader.stage2) == ("build/bios/stage1.bin", "build/bios/stage2.bin")
    assert planned.links == (("osimage-bootloader", str(own_source())),)
    assert [action.outputs for action in planned.actions] == [
        ("build/bios/layout.rs",),
        ("build/bios/liblayout.rlib", "build/bios/layout.d"),
        ("build/bios/libosimage_boot_info.rlib", "build/bios/osimage_boot_info.d"),
        ("build/bios/stage1.o", "build/bios/stage1.d"),
        ("build/bios/stage1.bin",),
        ("build/bios/stage2.o", "build/bios/stage2.d"),
        ("build/bios/stage2.bin",),
    ]
    assert all(action.where == WHERE for action in planned.actions)
    assert not any(str(own_source()) in word for action in planned.actions for word in action.argv)


def test_what_a_target_could_say_otherwise_is_said(rustc_1_96: Rustc, tmp_path: Path) -> None:
    planned, _ = plan(LoaderDeclaration("bios", None, WHERE), Sysroot(), rustc_1_96, tmp_path)
    compiled = planned.actions[5]
    assert compiled.argv[0] == "rustc"
    assert compiled.env == (("RUSTC_BOOTSTRAP", "1"),)
    assert {"-Crelocation-model=static", "-Ccode-model=small", "-Cpanic=abort", "-Cno-redzone=yes",
            "-Ccodegen-units=1", "-Ctarget-cpu=x86-64"} <= set(compiled.argv)  # fmt: skip
    assert Input("build/external/osimage-bootloader/stage2", "tree") in compiled.inputs
    assert Input("build/external/osimage-bootloader/common", "tree") in compiled.inputs
    assert Input("build/sysroot/libcore.rmeta") in compiled.inputs


def test_linking_knows_nothing_of_the_target(rustc_1_96: Rustc, tmp_path: Path) -> None:
    planned, _ = plan(LoaderDeclaration("bios", None, WHERE), Sysroot(), rustc_1_96, tmp_path)
    linked = planned.actions[6]
    assert rustc_1_96.linker is not None
    assert linked.argv[:5] == (rustc_1_96.linker.name, "-flavor", "gnu", "--oformat=binary", "--gc-sections")
    assert "--script=build/external/osimage-bootloader/stage2/link.ld" in linked.argv
    assert f"--defsym=STAGE2_ADDRESS={layout.STAGE2_ADDRESS:#x}" in linked.argv
    assert linked.argv[-3:] == (
        "build/bios/liblayout.rlib", "build/bios/libosimage_boot_info.rlib", "build/sysroot/libcore.rlib"
    )  # fmt: skip
    read = {entry.path for entry in linked.inputs}
    assert {word for word in linked.argv if word.startswith("build/")} <= read


def test_flags_that_may_not_differ_are_allowed_to(rustc_1_96: Rustc, tmp_path: Path) -> None:
    sysroot = Sysroot(rustflags=("-Zretpoline", "-Ctarget-cpu=native", "-Zregparm=3", "-Zthreads=4"))
    planned, _ = plan(LoaderDeclaration("bios", None, WHERE), sysroot, rustc_1_96, tmp_path)
    assert "-Cunsafe-allow-abi-mismatch=regparm,retpoline" in planned.actions[5].argv
    assert "-Ctarget-cpu=native" not in planned.actions[5].argv


def test_two_loaders_lie_in_two_folders(rustc_1_96: Rustc, tmp_path: Path) -> None:
    one, two = (plan(LoaderDeclaration(name, None, WHERE), Sysroot(), rustc_1_96, tmp_path, "out")[0]
                for name in ("bios", "other"))  # fmt: skip
    outputs = [path for action in (*one.actions, *two.actions) for path in action.outputs]
    assert len(outputs) == len(set(outputs))
    assert all(path.startswith(("out/bios/", "out/other/")) for path in outputs)


def own_loader(folder: Path) -> None:
    for name in (
        "boot_info/src/lib.rs",
        "common/x",
        "stage1/link.ld",
        "stage1/main.rs",
        "stage2/link.ld",
        "stage2/main.rs",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("", encoding="utf-8")


def test_a_source_in_the_project_needs_no_link(rustc_1_96: Rustc, tmp_path: Path) -> None:
    own_loader(tmp_path / "my/loader")
    planned, _ = plan(LoaderDeclaration("bios", "my/loader", WHERE), Sysroot(), rustc_1_96, tmp_path)
    assert planned.links == ()
    assert "my/loader/stage1/main.rs" in planned.consulted
    assert planned.actions[3].argv[-1] == "my/loader/stage1/main.rs"


def test_a_source_elsewhere_is_reached_through_a_link(rustc_1_96: Rustc, tmp_path: Path) -> None:
    own_loader(tmp_path / "elsewhere")
    (tmp_path / "project").mkdir()
    declaration = LoaderDeclaration("bios", "../elsewhere", WHERE)
    planned, _ = plan(declaration, Sysroot(), rustc_1_96, tmp_path / "project")
    assert planned.links == (("bios-bootloader", str(tmp_path / "elsewhere")),)
    assert planned.actions[3].argv[-1] == "build/external/bios-bootloader/stage1/main.rs"


@pytest.mark.parametrize(("source", "sysroot", "says"), [
    ("nowhere", Sysroot(),
     'SConstruct:4: env.Bootloader("bios"): source= is \'nowhere\', and there is no such folder.'),
    (None, Sysroot(ARM),
     'SConstruct:4: env.Bootloader("bios"): the target arm is for aarch64, and BIOS starts x86_64 machines only.'),
])  # fmt: skip
def test_what_cannot_be_planned(
    rustc_1_96: Rustc, tmp_path: Path, source: str | None, sysroot: Sysroot, says: str
) -> None:
    assert told(LoaderDeclaration("bios", source, WHERE), sysroot, rustc_1_96, tmp_path) == says


def test_what_a_source_lacks_is_named(rustc_1_96: Rustc, tmp_path: Path) -> None:
    own_loader(tmp_path / "mine")
    (tmp_path / "mine/stage1/link.ld").unlink()
    (tmp_path / "mine/stage2/main.rs").unlink()
    assert told(LoaderDeclaration("bios", "mine", WHERE), Sysroot(), rustc_1_96, tmp_path) == (
        "SConstruct:4: env.Bootloader(\"bios\"): source= is 'mine', which has no stage1/link.ld, stage2/main.rs. "
        f"A loader of one's own has the files of osimage's: copy them from {own_source()}."
    )
