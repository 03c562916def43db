"""The loader of the crate `bootloader` 0.9 itself, built from the crate's own package: it boots a kernel, and only what
depends on the kernel is made again when that changes.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from boards import ENDED_BY_KERNEL, boot, ended
from optional import missing, program
from osimage.toolchain.find import find_rustc
from project import HELLO, Project

USER = Path(__file__).parent / "user/Cargo.toml"
SCONSTRUCT = HELLO.replace('env.Bootloader("bios", sysroot=sysroot)', 'env.Bootloader("crate", kernel=kernel)')
METADATA = """\

[package.metadata.bootloader]
physical-memory-offset = "0x18000000000"
kernel-stack-size = 16

[profile.dev]
panic = "abort"
"""
SOURCE = """\
#![no_std]
#![no_main]
use core::arch::asm;

bootloader::entry_point!(main);

fn main(info: &'static bootloader::BootInfo) -> ! {
    use bootloader::bootinfo::MemoryRegionType::KernelStack;
    let stacks = info.memory_map.iter().filter(|region| region.region_type == KernelStack);
    let pages: u64 = stacks.map(|region| region.range.end_frame_number - region.range.start_frame_number).sum();
    let is_right = info.physical_memory_offset == 0x180_0000_0000 && pages == 16;
    unsafe { asm!("out dx, al", in("dx") 0x3f8u16, in("al") if is_right { b'Y' } else { b'N' }) };
    unsafe { asm!("out dx, al", in("dx") 0xf4u16, in("al") 0x10u8) };
    loop {}
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}
"""


@pytest.fixture
def kernel_of_the_crate(project: Project) -> Project:
    """A project whose kernel uses the crate, with that crate's loader."""
    program("qemu-system-x86_64", "qemu-system-x86")
    cargo = find_rustc(USER.parent, os.environ).need_cargo().path
    fetched = [cargo, "fetch", "--locked", f"--manifest-path={USER}"]
    done = subprocess.run(fetched, capture_output=True, text=True, check=False)
    if done.returncode:
        missing(f"the crate bootloader 0.9.35 cannot be had: {done.stderr.strip().splitlines()[-1]}")
    manifest = USER.read_text(encoding="utf-8").partition("[lib]")[0]
    depends = manifest.replace(
        '"=0.9.35"', '{ version = "=0.9.35", features = ["map_physical_memory", "recursive_page_table"] }'
    )
    lock = USER.with_name("Cargo.lock").read_text(encoding="utf-8")
    return project.write({
        "SConstruct": SCONSTRUCT,
        "kernel/Cargo.toml": depends + METADATA,
        "kernel/Cargo.lock": lock,
        "kernel/src/main.rs": SOURCE,
    })  # fmt: skip


def test_it_boots_and_an_edit_links_it_anew(kernel_of_the_crate: Project) -> None:
    project = kernel_of_the_crate
    built = project.build("image")
    assert "loader of bootloader 0.9.35 for user" in built.steps
    seen = boot(project.root / "build/hello.img", ended)
    assert (seen.status, seen.serial) == (ENDED_BY_KERNEL, ("Y",))
    assert project.up_to_date("image")
    project.replace("kernel/src/main.rs", "b'Y'", "b'Z'")
    edited = project.build("image")
    assert edited.steps == ["kernel user (dev)", "hello.kernel.o", "hello.flat", "hello.img"]
    assert boot(project.root / "build/hello.img", ended).serial == ("Z",)
