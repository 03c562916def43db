"""What of the tools, settings and our own code makes what again: exactly what depends on it, and nothing else."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import cargo_cases
import pytest
from project import REPOSITORY, Project, Result
from small import (
    BUILTINS,
    CONFIGURE,
    CORE_STEP,
    CRATES,
    EVERYTHING,
    IMAGE,
    KERNEL_STEP,
    LAYOUT,
    LIBRARY_FILES,
    LINKED,
    PROJECT_FILES,
    SCRIPT,
    SPEC,
    STAGES,
    STRIP,
    Toolchain,
)

ON_CORE = [*BUILTINS, *CRATES, *STAGES, *LINKED, *KERNEL_STEP]
BY_RUSTC = [*SCRIPT, *CORE_STEP, *ON_CORE]
BUILD_SCRIPT = "compiler-builtins/compiler-builtins/build.rs"


def test_everything_is_made_once(new_small: Callable[..., Project], tmp_path: Path) -> None:
    project = new_small(cache=tmp_path / "cache")
    project.rebuilds(EVERYTHING)
    assert project.up_to_date()


@pytest.mark.parametrize("part", ["compiler", "linker"])
def test_another_compiler_or_linker_makes_again_what_they_made(small: Project, toolchain: Toolchain, part: str) -> None:
    image = small.read("build/hello.img")
    (toolchain.write_rustc if part == "compiler" else toolchain.write_linker)("another")
    small.rebuilds(BY_RUSTC)
    assert small.read("build/hello.img") == image
    assert small.up_to_date()


@pytest.mark.parametrize(
    ("file", "old", "new", "steps"),
    [
        ("core/src/extra.rs", "1", "2", [*CORE_STEP, *ON_CORE, *STRIP, *IMAGE]),
        (
            "core/src/extra.rs",
            "1;",
            "1; // one",
            [*CORE_STEP, *BUILTINS, *CRATES, *STAGES, *KERNEL_STEP],
        ),  # the same code
        ("core/Cargo.toml", "2024", "2021", [*CORE_STEP, *ON_CORE]),  # as above
        ("core/Cargo.toml", "[package]", "# a package\n[package]", []),
        ("alloc/src/lib.rs", "no_std", "no_std", []),
        ("alloc/src/lib.rs", "#![no_std]", "#![no_std] // alone", []),  # no kernel here uses alloc
        (BUILD_SCRIPT, "fn main", "fn  main", SCRIPT),
        (BUILD_SCRIPT, "=small", "=tiny", [*SCRIPT, *CONFIGURE, *BUILTINS]),  # of which nothing else came
    ],
    ids=["value", "comment", "edition", "manifest", "touched", "alloc", "script", "script's words"],
)
def test_a_file_of_rust_src_makes_again_what_comes_of_it(
    small: Project, toolchain: Toolchain, file: str, old: str, new: str, steps: list[str]
) -> None:
    toolchain.edit(file, LIBRARY_FILES[file].replace(old, new))
    small.rebuilds(steps)
    assert small.up_to_date()


def test_a_new_file_of_rust_src_counts_too(small: Project, toolchain: Toolchain) -> None:
    toolchain.edit("core/src/more.rs", "")
    small.rebuilds(CORE_STEP)  # it might shadow a module; nothing came of it
    assert small.up_to_date()


def test_two_toolchains_that_differ_in_rust_src_alone_are_told_apart(small: Project, tmp_path: Path) -> None:
    """Compiler and linker have the same content, hence the same identity; the sources do not."""
    other = Toolchain(tmp_path / "other")
    other.edit("core/src/extra.rs", "pub const EXTRA: u8 = 7;\n")
    first = small.read("build/hello.img")
    small.build(environ=other.environ)
    assert small.read("build/hello.img") != first
    small.build()
    assert small.read("build/hello.img") == first


@pytest.mark.parametrize(
    ("old", "new", "steps"),
    [
        ('"sysroot", target', '"sysroot", target, rustflags=["-Ctarget-cpu=x86-64-v2"]',
         [*CONFIGURE, *CORE_STEP, *ON_CORE]),
        ('"x86_64-hello.json"', '"x86_64-hello.json", overrides={"max-atomic-width": 32}',
         [*SPEC, *CONFIGURE, *CORE_STEP, *ON_CORE]),
        ("loader=loader", 'loader=loader, size="1M"', IMAGE),
        ("kernel/Cargo.toml\",", "kernel/Cargo.toml\", rustflags=[\"-Copt-level=2\"],", KERNEL_STEP),
        ("env.Machine(image)", "env.Machine(image, memory=\"64M\")", []),
        ("env.Machine(image)", "# a comment\n\nenv.Machine(image)", []),
    ],
    ids=["sysroot flags", "spec", "image size", "kernel flags", "machine", "lines"],
)  # fmt: skip
def test_a_changed_declaration_makes_again_what_it_declares(
    small: Project, old: str, new: str, steps: list[str]
) -> None:
    small.replace("SConstruct", old, new)
    result = small.build()
    assert set(steps) <= set(result.steps) <= {*steps, *STRIP, *IMAGE}, result.stdout
    assert small.up_to_date()


def test_an_edited_spec_reaches_the_flags_of_everything(new_small: Callable[..., Project]) -> None:
    """The call stays as it is: what came of the file it names decides what the later stages plan."""
    spec = json.dumps({**cargo_cases.SPEC, "features": "%s"})
    project = new_small(more={"x86_64-hello.json": spec % "-mmx,-sse,+soft-float"})
    project.build()
    first = project.read("build/sysroot/compiler_builtins/rustc.args"), project.read("build/x86_64-hello.json")
    project.write({"x86_64-hello.json": spec % "-mmx,-sse,+soft-float,+popcnt"})
    plan = project.build("plan").stdout
    assert "CARGO_CFG_TARGET_FEATURE=" in plan
    assert "popcnt" in next(line for line in plan.splitlines() if "CARGO_CFG_TARGET_FEATURE=" in line)
    assert set(CONFIGURE + CORE_STEP + KERNEL_STEP) <= set(project.build().steps)
    assert project.read("build/x86_64-hello.json") != first[1]
    assert project.up_to_date()


def test_settings_of_the_command_line(new_small: Callable[..., Project]) -> None:
    loud = {"kernel/Cargo.toml": new_small().read("kernel/Cargo.toml").decode() + "[features]\nloud = []\n"}
    project = new_small(more=loud)
    const = 'const TEXT: &[u8; 12] = b"Hello World!";'
    cases = f'#[cfg(not(feature = "loud"))] {const}\n#[cfg(feature = "loud")] {const.replace("ello", "ELLO")}'
    project.replace("kernel/src/main.rs", const, cases)
    project.build()
    project.rebuilds([*KERNEL_STEP, *STRIP, *IMAGE], "FEATURES=loud")
    assert b"HELLO World!" in project.read("build/hello.img")
    assert project.up_to_date("image", "FEATURES=loud")
    project.rebuilds(["kernel hello (release)", *STRIP, *IMAGE], "PROFILE=release")
    assert b"Hello World!" in project.read("build/hello.img")
    assert project.build().ran == []


def test_a_linker_script_is_an_input_of_the_kernel(new_small: Callable[..., Project]) -> None:
    script = "SECTIONS { . = 0x200000; .text : { *(.text .text.*) } . = ALIGN(0x1000); INCLUDE kernel/more.ld }\n"
    project = new_small(more={
        "kernel/link.ld": script, "kernel/more.ld": ".rodata : { *(.rodata .rodata.*) } . = ALIGN(0x1000);\n",
        "kernel/.cargo/config.toml": '[target.x86_64-hello]\nrustflags = ["-Clink-arg=-Tlink.ld"]\n',
    })  # fmt: skip
    project.build()
    project.replace("kernel/link.ld", "0x200000", "0x400000")
    project.rebuilds([*KERNEL_STEP, *STRIP, *IMAGE])
    project.write({"kernel/more.ld": ".rodata : { *(.rodata .rodata.*) QUAD(0x1122) } . = ALIGN(0x1000);\n"})
    project.rebuilds([*KERNEL_STEP, *STRIP, *IMAGE])
    assert project.up_to_date()


SCRIPT = """SECTIONS {{ . = {}; .text : {{ *(.text .text.*) }} . = ALIGN(0x1000); {}
.rodata : {{ *(.rodata .rodata.*) }} . = ALIGN(0x1000); .data : {{ *(.data .data.* .bss .bss.*) }} }}
"""


@pytest.mark.parametrize("said", ["spec", "flag"])
def test_a_linker_script_named_from_the_sconstruct_is_an_input(new_small: Callable[..., Project], said: str) -> None:
    project = new_small(more={"scripts/link.ld": SCRIPT.format("0x200000", "")})
    if said == "spec":
        overrides = 'overrides={"pre-link-args": {"gnu-lld": ["-Tscripts/link.ld"]}})'
        project.replace(
            "SConstruct", 'env.TargetSpec("x86_64-hello.json")', f'env.TargetSpec("x86_64-hello.json", {overrides}'
        )
    else:
        project.replace(
            "SConstruct", "sysroot=sysroot)", 'sysroot=sysroot, rustflags=["-Clink-arg=-Tscripts/link.ld"])'
        )
    project.build()
    project.replace("scripts/link.ld", "0x200000", "0x400000")
    project.rebuilds([*KERNEL_STEP, *STRIP, *IMAGE])
    assert project.up_to_date()


def test_a_linker_script_that_was_not_there_yet_is_an_input(new_small: Callable[..., Project]) -> None:
    project = new_small(more={
        "kernel/.cargo/config.toml": '[target.x86_64-hello]\nrustflags = ["-Clink-arg=-Tlink.ld"]\n',
    })  # fmt: skip
    project.fails()
    for address in ("0x200000", "0x400000", "0x600000"):
        project.write({"kernel/link.ld": SCRIPT.format(address, "")})
        project.rebuilds([*KERNEL_STEP, *STRIP, *IMAGE])
        assert project.up_to_date()


def test_a_script_that_takes_the_place_of_an_included_one_is_noticed(new_small: Callable[..., Project]) -> None:
    """The linker looks in the project's folder first, in the workspace's then."""
    project = new_small(more={
        "kernel/link.ld": SCRIPT.format("0x200000", "INCLUDE more.ld"), "kernel/more.ld": ". = ALIGN(0x1000);\n",
        "kernel/.cargo/config.toml": '[target.x86_64-hello]\nrustflags = ["-Clink-arg=-Tlink.ld"]\n',
    })  # fmt: skip
    project.build()
    project.write({"more.ld": ". = ALIGN(0x4000);\n"})
    project.rebuilds([*KERNEL_STEP, *STRIP, *IMAGE])
    (project.root / "more.ld").unlink()
    project.build()
    assert project.up_to_date()


def test_what_a_linker_script_takes_in_by_input_is_an_input(new_small: Callable[..., Project]) -> None:
    project = new_small(more={
        "kernel/link.ld": "INPUT(kernel/symbols.ld)\n" + SCRIPT.format("0x200000", ""),
        "kernel/symbols.ld": "first_symbol = 0x1234;\n",
        "kernel/.cargo/config.toml": '[target.x86_64-hello]\nrustflags = ["-Clink-arg=-Tlink.ld"]\n',
    })  # fmt: skip
    project.build()
    assert b"first_symbol" in project.read("build/hello.elf")
    project.write({"kernel/symbols.ld": "other_symbol = 0x1234;\n"})
    project.build()
    assert b"other_symbol" in project.read("build/hello.elf")
    assert project.up_to_date()


@pytest.fixture
def own_tool(new_small: Callable[..., Project], tmp_path: Path) -> Project:
    """A project that is built with a copy of the tool, which the test may edit."""
    shutil.copytree(
        REPOSITORY / "site_scons", tmp_path / "tool/site_scons", ignore=shutil.ignore_patterns("__pycache__")
    )
    return OwnTool(new_small().root, new_small().cache, new_small().environ)


class OwnTool(Project):
    """A project beside a copy of the tool."""

    @property
    def package(self) -> Path:
        """The copy."""
        return self.root.parent / "tool/site_scons/site_tools/osimage"

    def command(self, *arguments: str) -> list[str]:
        """The command line of scons with the copy."""
        return [sys.executable, "-m", "SCons", "-Q", f"--site-dir={self.package.parents[1]}", *arguments]

    def edit(self, module: str, comment: str = "\n# nothing\n") -> None:
        """Add COMMENT to a module of the copy."""
        path = self.package / module
        path.write_text(path.read_text() + comment)


@pytest.mark.parametrize(
    ("module", "steps"),
    [
        ("image/mbr.py", IMAGE),
        ("boot/layout.py", [*STRIP, *IMAGE]),  # as strip and image take from it
        ("text.py", [*SPEC, *LAYOUT]),
        ("sysroot/build_script.py", CONFIGURE),
        ("graph/engine.py", []),
        ("crates/argv.py", []),
    ],
)
def test_a_module_of_ours_makes_again_what_runs_it(own_tool: OwnTool, module: str, steps: list[str]) -> None:
    own_tool.build()
    image = own_tool.read("build/hello.img")
    own_tool.edit(module)
    own_tool.rebuilds(steps)
    assert own_tool.read("build/hello.img") == image
    assert own_tool.up_to_date()


def test_a_changed_constant_of_ours_reaches_the_image(own_tool: OwnTool) -> None:
    own_tool.build()
    image = own_tool.read("build/hello.img")
    own_tool.edit("image/mbr.py", "\nNON_FILESYSTEM = 0xDB\n")
    assemble = own_tool.package / "image/mbr.py"
    assert "0xDB" in assemble.read_text()
    own_tool.rebuilds(IMAGE)
    assert len(image) == len(own_tool.read("build/hello.img"))
    assert own_tool.read("build/hello.img") != image


def test_a_module_of_ours_that_is_edited_during_a_build(own_tool: OwnTool, toolchain: Toolchain) -> None:
    """It is imported when its step runs, long after its content was taken for the key."""
    own_tool.build()
    image = own_tool.read("build/hello.img")
    module = own_tool.package / "image/mbr.py"
    whole = module.read_text()
    own_tool.replace("kernel/src/main.rs", "Hello World!", "Hello edits!")
    toolchain.hook("--crate-name hello ", after=f"echo 'NON_FILESYSTEM = 0xDB' >> {module}")
    own_tool.build()
    toolchain.unhook()
    module.write_text(whole)
    own_tool.replace("kernel/src/main.rs", "Hello edits!", "Hello World!")
    own_tool.build()
    assert own_tool.read("build/hello.img") == image
    own_tool.replace("kernel/src/main.rs", "Hello World!", "Hello edits!")
    assert set(IMAGE) <= set(own_tool.build().ran), "nobody knows what that image came from"


def test_a_compiler_that_is_installed_during_a_build(small: Project, toolchain: Toolchain) -> None:
    """What it made is neither the old one's nor the new one's."""
    small.replace("kernel/src/main.rs", "Hello World!", "Hello tools!")
    old, new = toolchain.rustc.read_bytes(), toolchain.folder / "new-rustc"
    new.write_bytes(old + b"# another\n")
    new.chmod(0o755)
    toolchain.hook("--crate-name hello ", after=f"mv {new} {toolchain.rustc}")
    small.build()
    assert toolchain.rustc.read_bytes() != old
    toolchain.unhook()
    toolchain.write_rustc("")
    assert toolchain.rustc.read_bytes() == old
    assert set(KERNEL_STEP) <= set(small.build().ran)
    assert small.up_to_date()


def test_a_kernel_that_reads_what_only_this_machine_says(small: Project, toolchain: Toolchain) -> None:
    """The PATH that we make for the compiler: no key can have it, so the step is never taken for up to date."""
    small.replace("kernel/src/main.rs", "const TEXT", 'pub static PLACES: &str = env!("PATH");\nconst TEXT')
    assert set(KERNEL_STEP) <= set(small.build().ran)
    assert set(KERNEL_STEP) <= set(small.build().ran)
    small.replace("kernel/src/main.rs", 'env!("PATH")', '"a constant"')
    small.build()
    assert small.up_to_date()


def test_configuration_above_the_project_counts(small: Project) -> None:
    above = small.root.parent / ".cargo/config.toml"
    above.parent.mkdir()
    above.write_text("[profile.dev]\nopt-level = 2\n")
    assert set(KERNEL_STEP) <= set(small.build().steps)
    assert small.up_to_date()
    above.unlink()
    assert set(KERNEL_STEP) <= set(small.build().steps)
    small.write({"kernel/Cargo.toml": small.read("kernel/Cargo.toml") + b'\n[lints.rust]\nunused = "allow"\n'})
    assert small.build().steps == KERNEL_STEP
    assert small.up_to_date()


def test_crates_outside_the_project(new_small: Callable[..., Project], tmp_path: Path) -> None:
    """They count whole; two of one name and version cannot be told apart, which is said."""
    library = '#![no_std]\n#![feature(rustc_private)]\npub const TEXT: &[u8; 12] = b"{}";\n'
    outside = Project(tmp_path, tmp_path / "cache")
    for folder in ("a", "b"):
        outside.write({
            f"{folder}/lib/Cargo.toml": '[package]\nname = "lib"\nversion = "0.1.0"\nedition = "2024"\n',
            f"{folder}/lib/src/lib.rs": library.format(f"library in {folder}"),
        })  # fmt: skip
    project = new_small(more={"two/Cargo.toml": "", "two/src/main.rs": ""})
    for kernel, folder in (("kernel", "a"), ("two", "b")):
        manifest = PROJECT_FILES["kernel/Cargo.toml"] + f'[dependencies]\nlib = {{ path = "../../{folder}/lib" }}\n'
        main = PROJECT_FILES["kernel/src/main.rs"].replace('b"Hello World!"', "lib::TEXT")
        project.write({f"{kernel}/Cargo.toml": manifest, f"{kernel}/src/main.rs": main})
    (project.root / "kernel/Cargo.lock").unlink()
    project.build()
    assert b"library in a" in project.read("build/hello.img")
    outside.write({"a/lib/src/lib.rs": library.format("library in A")})
    project.build()
    assert b"library in A" in project.read("build/hello.img")
    project.replace("kernel/Cargo.toml", "../../a/lib", "../../b/lib")
    project.build()
    assert b"library in b" in project.read("build/hello.img")
    assert project.up_to_date()
    project.replace("kernel/Cargo.toml", "../../b/lib", "../../a/lib")
    project.replace("SConstruct", "env.Machine(image)", 'env.Kernel("two.elf", "two/Cargo.toml", sysroot=sysroot)')
    told = project.fails().stderr
    assert f"{tmp_path}/b/lib and {tmp_path}/a/lib are both called lib-0.1.0." in told


def test_a_variable_that_cargo_reads_plans_again(small: Project) -> None:
    result: Result = small.build(environ={"CARGO_PROFILE_DEV_OPT_LEVEL": "2"})
    assert set(KERNEL_STEP) <= set(result.steps)
    assert small.build(environ={"CARGO_PROFILE_DEV_OPT_LEVEL": "2"}).steps == []
    assert set(KERNEL_STEP) <= set(small.build().steps)
    wrapper: Mapping[str, str] = {"CARGO_ENCODED_RUSTFLAGS": "-Cdebuginfo=0"}
    assert set(KERNEL_STEP) <= set(small.build(environ=wrapper).steps)
