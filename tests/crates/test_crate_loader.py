"""The crate's own loader as steps: what is compiled for it, with what, and what of it depends on the kernel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from cargo_cases import SPEC, given_in, sysroot_of, write
from osimage.action import Action, Input, Plan
from osimage.boot.crate_loader import CrateLoader, link_actions
from osimage.boot.handover import Bootloader09
from osimage.crates.crate_loader import CrateLoaderDeclaration, config_source, plan
from osimage.errors import DeclarationError, Where
from osimage.toolchain.rustc import Rustc

WHERE = Where("SConstruct", 5, 'env.Bootloader("crate")')
LINKED = {"pre-link-args": {"gnu-lld": ["--script=linker.ld", "--gc-sections"]}}

PACKAGE = '[package]\nname = "{}"\nversion = "{}"\nedition = "2021"\n'
KERNEL = PACKAGE.format("hello", "0.1.0") + (
    '[dependencies]\nbootloader = {{ path = "../loader", features = ["map_physical_memory"] }}\n'
    "[package.metadata.bootloader]\n{}\n[profile.dev]\npanic = 'abort'\n"
)
LOADER = (
    PACKAGE.format("bootloader", "0.9.35")
    + """\
autobins = false

[package.metadata.bootloader]
target = "x86_64-bootloader.json"

[features]
binary = ["part", "tools"]
map_physical_memory = []

[[bin]]
name = "bootloader"
path = "src/main.rs"
required-features = ["binary"]

[dependencies]
part = { path = "../part", optional = true }

[build-dependencies]
tools = { path = "../tools", optional = true }

[profile.release]
debug = 1
panic = "abort"
"""
)
FILES = {
    "loader/Cargo.toml": LOADER, "loader/build.rs": "fn main() {}", "loader/src/lib.rs": "", "loader/src/main.rs": "",
    "part/Cargo.toml": PACKAGE.format("part", "1.2.3"), "part/src/lib.rs": "",
    "tools/Cargo.toml": PACKAGE.format("tools", "0.1.0"), "tools/src/lib.rs": "",
    "kernel/src/main.rs": "",
}  # fmt: skip


@pytest.fixture
def loader(planned: Any, rustc_1_96: Rustc, tmp_path: Path) -> Callable[..., tuple[Plan, CrateLoader]]:
    """What is planned of the loader for a kernel with METADATA, where the target SPEC says LINKED."""

    def make(metadata: str = "", spec: Mapping[str, Any] = LINKED) -> tuple[Plan, CrateLoader]:
        root = write(tmp_path / "project", FILES | {"kernel/Cargo.toml": KERNEL.format(metadata)})
        kernel = planned(root)[1]
        sysroot = sysroot_of({**SPEC, **spec})
        return plan(CrateLoaderDeclaration("crate", WHERE), kernel, sysroot, given_in(root, rustc_1_96))

    return make


def step(made: Plan, label: str) -> Action:
    (found,) = (action for action in made.actions if action.label == label)
    return found


COMPILED = "loader of bootloader 0.9.35 for hello"


def test_its_crates_are_compiled_without_its_build_script(loader: Any) -> None:
    made, result = loader()
    assert [action.label for action in made.actions] == [
        "part 1.2.3 (release)",
        "bootloader 0.9.35 (release)",
        "settings of the loader of bootloader 0.9.35",
        COMPILED,
        "objects of the loader of bootloader 0.9.35",
    ]
    assert not any("hello.elf" in entry.path for action in made.actions for entry in action.inputs)
    assert (result.objects, result.listed) == ("build/crate/objects", "build/crate/objects.args")
    assert (result.script, result.options) == ("loader/linker.ld", ("--gc-sections",))
    names = [name.rpartition("/")[2].partition("-")[0] for name in result.libraries]
    assert names == ["libbootloader", "libpart", "libcore.rlib", "libcompiler_builtins.rlib"]


def test_the_program_is_compiled_as_cargo_does_but_not_linked(loader: Any) -> None:
    made, _ = loader()
    action = step(made, COMPILED)
    assert action.outputs == ("build/crate/loader.d", "build/crate/objects/")
    assert ("OUT_DIR", "{root}/build/crate/config") in action.env
    assert Input("build/crate/config/bootloader_config.rs") in action.inputs
    assert {"-Copt-level=3", "-Cpanic=abort", "-Cdebuginfo=1", 'feature="binary"', "loader/src/main.rs",
            'feature="map_physical_memory"', "--out-dir=build/crate/objects", "-Zno-link"} <= set(action.argv)  # fmt: skip
    assert not any(word.startswith(("-Clinker=", "-Clink-arg")) for word in action.argv)
    assert sum(word.startswith(("--emit=", "--out-dir=")) for word in action.argv) == 2


def test_what_a_kernel_expects_changes_the_program_alone(loader: Any) -> None:
    one, first = loader()
    other, second = loader("kernel-stack-size = 99")
    changed = [action.label for action, old in zip(other.actions, one.actions, strict=True) if action != old]
    assert changed == ["settings of the loader of bootloader 0.9.35"]
    assert (first.handover.kernel_stack_size, second.handover.kernel_stack_size) == (512, 99)


def test_a_kernel_is_linked_with_it(loader: Any) -> None:
    _, result = loader()
    wrap, link = link_actions(result, "build/hello.elf", "build/hello", WHERE)
    assert wrap.argv[:3] == ("osimage.boot.kernel_object", "build/hello.elf", "build/hello.kernel.o")
    assert link.argv == (
        result.linker, "-flavor", "gnu", "--oformat=binary", "--dependency-file={out}/link.d",
        "--script=loader/linker.ld", "--gc-sections", "-o", "{out}/hello.flat", "@build/crate/objects.args",
        "build/hello.kernel.o", *result.libraries,
    )  # fmt: skip
    assert {Input("build/crate/objects", "tree"), Input("loader/linker.ld")} <= set(link.inputs)


@pytest.mark.parametrize(("handover", "lines"), [
    (Bootloader09(), ["None", "None", "512", "None"]),
    (Bootloader09(physical_memory_offset=0x1000, kernel_stack_address=0x2000, kernel_stack_size=7,
                  boot_info_address=0x3000), ["Some(4096)", "Some(8192)", "7", "Some(12288)"]),
])  # fmt: skip
def test_the_settings_that_it_includes(handover: Bootloader09, lines: list[str]) -> None:
    names = ("PHYSICAL_MEMORY_OFFSET: Option<u64>", "KERNEL_STACK_ADDRESS: Option<u64>", "KERNEL_STACK_SIZE: u64",
             "BOOT_INFO_ADDRESS: Option<u64>")  # fmt: skip
    expected = [f"const {name} = {value};" for name, value in zip(names, lines, strict=True)]
    assert config_source(handover).splitlines() == expected


def test_a_target_without_a_linker_script_is_told(loader: Any) -> None:
    with pytest.raises(DeclarationError) as caught:
        loader(spec={})
    assert str(caught.value) == (
        'SConstruct:5: env.Bootloader("crate"): the loader of bootloader 0.9.35: its target spec does not name one '
        "linker script, so that it cannot be linked here."
    )
