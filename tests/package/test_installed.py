"""osimage installed with pip, outside the repository: `tools=["osimage"]`, a project's own copy, the program, cargo."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import osimage
import pytest
from osimage.toolchain.find import find_rustc
from project import REPOSITORY, Project

OWN = "def generate(env):\n    print('the project has its own')\n\n\ndef exists(env):\n    return True\n"

# The kernel greets on the serial line and ends QEMU with exit code 33.
KERNEL = """\
#![no_std]
#![no_main]

use core::arch::asm;

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo) -> ! {
    loop {}
}

#[unsafe(no_mangle)]
pub extern "C" fn _start() -> ! {
    for byte in b"Hello, runner\\n" {
        unsafe { asm!("out dx, al", in("dx") 0x3f8u16, in("al") *byte) }
    }
    unsafe { asm!("out dx, eax", in("dx") 0xf4u16, in("eax") 0x10u32) }
    loop {}
}
"""

SYSROOT = """\
env = Environment(tools=["osimage"])
env.Sysroot("sysroot", env.TargetSpec("x86_64-hello.json"))
"""

MANIFEST = """\
[package]
name = "greeter"
version = "0.1.0"
edition = "2024"

[[bin]]
name = "greeter"
test = false

[[test]]
name = "greets"
harness = false

[package.metadata.bootimage]
run-command = ["qemu-system-x86_64", "-accel", "tcg", "-drive", "format=raw,file={}"]
run-args = ["-device", "isa-debug-exit,iobase=0xf4", "-serial", "stdio", "-display", "none"]
test-args = ["-device", "isa-debug-exit,iobase=0xf4", "-serial", "file:serial.txt", "-display", "none"]
test-success-exit-code = 33
test-timeout = 60
"""


def test_a_project_builds_and_boots_with_nothing_else_set(outside: Project) -> None:
    result = outside.build("run")
    assert result.stdout.endswith("\nHello World!\n")
    links = {path.name: os.readlink(path) for path in (outside.root / "build/external").iterdir()}
    assert links["osimage-bootloader"].endswith("/site-packages/osimage/bootloader")
    assert outside.up_to_date()


def test_a_projects_own_copy_wins(outside: Project) -> None:
    outside.write({"site_scons/site_tools/osimage/__init__.py": OWN, "SConstruct": 'Environment(tools=["osimage"])'})
    assert outside.build().stdout == "the project has its own\nscons: `.' is up to date.\n"


def test_two_copies_are_not_mixed(outside: Project, installed: Path) -> None:
    shutil.copytree(REPOSITORY / "site_scons/site_tools/osimage", outside.root / "own/osimage")
    outside.write({"SConstruct": 'Environment(tools=["osimage"])\nEnvironment(tools=["osimage"], toolpath=["own"])\n'})
    (used,) = (installed.parent / "lib").glob("*/site-packages/osimage")
    assert outside.fails().stderr == (
        f"osimage: {outside.root}/own/osimage is to be loaded, and {used} is in use already: two copies of osimage would "
        "be mixed. Use one of them in all of a project's files.\n"
    )


def test_the_program_is_installed(installed: Path) -> None:
    said = subprocess.run([installed / "osimage", "--version"], capture_output=True, text=True, check=True)
    assert said.stdout == f"osimage {osimage.__version__}\n"


class Cargo:
    """cargo in a project whose runner is the installed one; the sysroot is ours, since cargo's takes long to build."""

    def __init__(self, project: Project) -> None:
        found = find_rustc(project.root, project.environment())
        rustc = found.need_rustc()
        assert rustc.linker is not None
        self.path = found.need_cargo().path
        self.folder = project.root / "greeter"
        project.write(
            {"greeter/Cargo.toml": MANIFEST, "greeter/src/main.rs": KERNEL, "greeter/tests/greets.rs": KERNEL}
        )
        flags = f"--sysroot {project.root}/build/sysroot -Clinker={rustc.linker.path} -Clinker-flavor=ld.lld"
        own = {"RUSTC": rustc.path, "RUSTC_BOOTSTRAP": "1", "RUSTFLAGS": flags,
               "CARGO_TARGET_X86_64_HELLO_RUNNER": "osimage runner"}  # fmt: skip
        self.environ = project.environment(own)
        self.target = f"{project.root}/build/x86_64-hello.json"

    def __call__(self, *words: str) -> tuple[int, str]:
        options = ("--offline", "--quiet", "-Zjson-target-spec", f"--target={self.target}")
        done = subprocess.run([self.path, words[0], *options, *words[1:]], cwd=self.folder, env=self.environ, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=False)  # fmt: skip
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout


@pytest.fixture
def cargo(outside: Project) -> Cargo:
    outside.write({"SConstruct": SYSROOT}).build("sysroot")
    return Cargo(outside)


def test_cargo_runs_and_tests_through_the_runner(cargo: Cargo) -> None:
    status, output = cargo("run", "--", "-m", "64M")
    assert status == 33
    *_, running, hello = output.splitlines()
    image = "target/x86_64-hello/osimage/debug/greeter.img"
    assert running == (
        f"Running: `qemu-system-x86_64 -accel tcg -drive format=raw,file={image} "
        "-device isa-debug-exit,iobase=0xf4 -serial stdio -display none -m 64M`"
    )
    assert hello == "Hello, runner"
    assert cargo("run")[1].splitlines()[0].startswith("Running: ")  # nothing is made again
    status, output = cargo("test")
    assert status == 0, output
    assert " -no-reboot " in output
    assert (cargo.folder / "serial.txt").read_text() == "Hello, runner\n"


def test_a_failure_and_a_limit_reach_cargo(cargo: Cargo) -> None:
    manifest = cargo.folder / "Cargo.toml"
    manifest.write_text(MANIFEST.replace("exit-code = 33", "exit-code = 35"))
    assert cargo("test")[0] != 0
    manifest.write_text(MANIFEST.replace("test-timeout = 60", "test-timeout = 1"))
    (cargo.folder / "tests/greets.rs").write_text(KERNEL.replace("0xf4u16", "0xf5u16"))
    assert cargo("test")[0] != 0


CRATE = '[package]\nname = "bootloader"\nversion = "0.9.35"\nedition = "2024"\n[features]\nmap_physical_memory = []\n'
DEPENDENCY = (
    '[dependencies]\nbootloader = { path = "../bootloader", features = ["map_physical_memory"] }\n\n[package.metadata'
)

# Ends with 33 where the boot sector's signature is found in physical memory: its offset follows the memory map.
READER = """\
#[unsafe(no_mangle)]
pub extern "C" fn _start(boot_info: *const u8) -> ! {
    let offset = unsafe { *(boot_info.add(64 * 24 + 8) as *const usize) };
    let found = offset != 0 && unsafe { ((offset + 0x7dfe) as *const u16).read_volatile() } == 0xaa55;
    unsafe { asm!("out dx, eax", in("dx") 0xf4u16, in("eax") if found { 0x10u32 } else { 0x11 }) }
    loop {}
}
"""


def test_a_kernel_gets_what_its_crate_bootloader_is_asked_for(cargo: Cargo) -> None:
    crate = cargo.folder.parent / "bootloader"
    (crate / "src").mkdir(parents=True)
    (crate / "Cargo.toml").write_text(CRATE)
    (crate / "src/lib.rs").write_text("#![no_std]\n")
    manifest = cargo.folder / "Cargo.toml"
    manifest.write_text(MANIFEST.replace("[package.metadata", DEPENDENCY, 1))
    (cargo.folder / "src/main.rs").write_text(KERNEL.partition("#[unsafe")[0] + READER)
    assert cargo("run")[0] == 33
    manifest.write_text(manifest.read_text().replace('"map_physical_memory"', ""))
    assert cargo("run")[0] == 35
