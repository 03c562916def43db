"""Kernels of the crate `bootloader` 0.9 are handed what its own loader hands over.

The kernel is compiled with the real crate, so that its `BootInfo` is the real one, and prints all it finds. What it
printed when the crate's loader had started it is in data/bootloader-0.9.35.json: one case a set of features, metadata
and machine. The record was made by hand with `cargo bootimage`'s steps on the same ELF files.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Mapping
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from boards import ENDED_BY_KERNEL, Boot, boot, ended, halted
from elf_maker import LOAD, PROGRAM_HEADER, TLS, Elf, Part, R, X
from handed_over import Region, comparable, low, mapped, regions
from optional import missing
from osimage.boot.handover import Bootloader09, read
from osimage.boot.strip import stripped
from osimage.toolchain.find import find_rustc
from project import Project

CASES = json.loads((Path(__file__).parents[1] / "data/bootloader-0.9.35.json").read_text(encoding="utf-8"))["cases"]
USER = Path(__file__).parent / "user/Cargo.toml"
MIB = 1 << 20
PAGE = 4096
OWN = {"Kernel", "KernelStack", "PageTable", "Bootloader", "BootInfo"}

Compile = Callable[..., bytes]
Start = Callable[..., Boot]


@pytest.fixture(scope="session")
def crate() -> Path:
    """The folder of the crate's sources, where cargo keeps what it fetched."""
    cargo = find_rustc(USER.parent, os.environ).need_cargo().path
    command = [cargo, "metadata", "--locked", "--format-version=1", f"--manifest-path={USER}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        missing(f"the crate bootloader 0.9.35 cannot be had: {done.stderr.strip().splitlines()[-1]}")
    packages = json.loads(done.stdout)["packages"]
    return Path(next(package["manifest_path"] for package in packages if package["name"] == "bootloader")).parent


@pytest.fixture(scope="session")
def kernel(compiled: Compile, compile_crate: Compile, crate: Path, tmp_path_factory: pytest.TempPathFactory) -> Compile:
    """The kernel with FEATURES of the crate and more `--cfg`: the bytes of its ELF file."""

    @cache
    def compile_kernel(features: tuple[str, ...] = (), cfg: tuple[str, ...] = ()) -> bytes:
        chosen = tuple(f'--cfg=feature="{name}"' for name in features)
        library = tmp_path_factory.mktemp("crate") / "libbootloader.rlib"
        flags = ("--edition=2018", "--crate-name=bootloader", "--crate-type=rlib")
        compile_crate(crate / "src/lib.rs", library, *flags, *chosen)
        return compiled("bootloader_09", *chosen, *(f"--cfg={name}" for name in cfg), f"--extern=bootloader={library}")

    return compile_kernel


@pytest.fixture
def start(disk: Callable[..., Path], kernel: Compile) -> Start:
    """Boots the kernel as METADATA and FEATURES say, with OPTIONS for QEMU."""

    def boot_kernel(
        features: tuple[str, ...] = (),
        metadata: Mapping[str, Any] | None = None,
        cfg: tuple[str, ...] = (),
        options: tuple[str, ...] = (),
    ) -> Boot:
        handover, faults = read(metadata or {}, features)
        assert not faults
        return boot(disk(stripped(kernel(features, cfg)), handover=handover), ended, "virtio", *options)

    return boot_kernel


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_kernel_finds_what_the_crates_own_loader_hands_over(start: Start, case: dict[str, Any]) -> None:
    seen = start(tuple(case["features"]), case["metadata"], tuple(case["cfg"]), tuple(case["options"]))
    assert seen.status == ENDED_BY_KERNEL, seen
    assert comparable(list(seen.serial)) == case["lines"]
    recorded, found = low([case["low"]]), low(seen.serial)
    assert found.start == recorded.start
    assert found.stop >= recorded.stop


def test_low_memory_may_be_overwritten(start: Start) -> None:
    case = next(case for case in CASES if case["name"] == "map")
    seen = start(("map_physical_memory",), cfg=("overwrite_low",))
    assert seen.status == ENDED_BY_KERNEL, seen
    assert "overwritten low=true" in seen.serial
    assert comparable([line for line in seen.serial if not line.startswith("overwritten")]) == case["lines"]


@pytest.mark.parametrize(("memory", "pages"), [("8M", 512), ("32M", 20), ("6G", 5000)])
def test_the_memory_map_has_the_crates_types_and_order(start: Start, memory: str, pages: int) -> None:
    seen = start(("map_physical_memory",), {"kernel-stack-size": pages}, options=("-m", memory))
    assert seen.status == ENDED_BY_KERNEL, seen
    found = regions(seen.serial)
    assert len(found) <= 64
    assert all(before.end <= after.start for before, after in pairwise(found))
    assert found[0] == Region(0, PAGE, "FrameZero")
    assert found[1][::2] == (PAGE, "Bootloader")
    assert found[2] == (found[1].end, found[1].end + PAGE, "PageTable")  # the lowest free page, and the rest behind it
    assert found[3] == (found[2].end, found[2].end + PAGE, "BootInfo")
    assert found[4][::2] == (found[3].end, "KernelStack")
    assert sum(region.end - region.start for region in found if region.kind == "KernelStack") == pages * PAGE
    assert {region.kind for region in found} == {"FrameZero", "Usable", "Reserved", *OWN}
    assert any(region[::2] == (4 * MIB, "Kernel") for region in found), "the ELF file is where the crate has it"
    firmwares = [region for region in found if region.kind == "Reserved" and region.end <= MIB]
    assert firmwares == [(0x9F000, 0xA0000, "Reserved"), (0xF0000, 0x100000, "Reserved")]
    size = int(memory[:-1]) * (1 << 30 if memory[-1] == "G" else MIB)
    usable = sum(r.end - r.start for r in found if r.start >= MIB and r.kind in ("Usable", *OWN))
    assert size - 2 * MIB < usable < size
    pages = [page for first, end, _ in mapped(seen.serial) if first < 0xA0000 for page in range(first, end, PAGE)]
    kinds = {region.kind for region in found for page in pages if region.start <= page < region.end}
    assert kinds == {"Bootloader", "PageTable"}, "nothing mapped in low memory may be given to anyone else"
    root = int(next(line for line in seen.serial if line.startswith("root 0x"))[5:], 16)
    assert [region.kind for region in found if region.start <= root < region.end] == ["PageTable"]


def test_segments_and_their_template_are_where_the_file_says(start: Start, kernel: Compile) -> None:
    features, cfg = ("map_physical_memory",), ("thread_local", "mixed")
    elf = kernel(features, cfg)
    headers = [PROGRAM_HEADER.unpack_from(elf, 64 + 56 * index) for index in range(elf[56])]
    expected = [
        (address // PAGE * PAGE, -(-(address + size) // PAGE) * PAGE, f"write={flags >> 1 & 1} execute={flags & 1} own")
        for kind, flags, _, address, _, _, size, _ in headers
        if kind == LOAD
    ]
    seen = start(features, {}, cfg)
    pages = {(start, how.partition(" ")[2]) for first, end, how in mapped(seen.serial) if MIB <= first < 1 << 39
             for start in range(first, end, PAGE)}  # fmt: skip
    assert pages == {(page, how) for first, end, how in expected for page in range(first, end, PAGE)}
    template = next(header for header in headers if header[0] == TLS)
    line = next(line for line in seen.serial if line.startswith("tls"))
    assert [int(number, 16) for number in re.findall(r": ([0-9a-f]+)", line)] == [template[3], template[5], template[6]]


def test_addresses_left_to_the_loader_avoid_those_asked_for(start: Start) -> None:
    # The crate's loader puts its recursive entry where this kernel wants its boot information, and is lost.
    seen = start(("map_physical_memory", "recursive_page_table"), {"boot-info-address": "0x8888000000"})
    assert seen.status == ENDED_BY_KERNEL, seen
    assert "boot_info 0x8888000000 size=1592" in seen.serial
    assert "recursive_page_table_addr 0x10080402000 index=2" in seen.serial
    assert "physical_memory_offset 0x18000000000" in seen.serial


UNDEFINED, RETURN = bytes.fromhex("0f0b"), b"\xc3"
LINEAR = Bootloader09(map_physical_memory=True, physical_memory_offset=(1 << 64) - (1 << 32))


def test_an_exception_without_an_idt_is_told_and_resets(disk: Callable[..., Path]) -> None:
    elf = Elf((Part(".text", 0x20_1000, UNDEFINED, R | X),)).build()
    seen = boot(disk(stripped(elf), handover=Bootloader09()), ended)
    assert seen.status == 0, "as from a triple fault, with -no-reboot"
    assert seen.serial == (
        "osimage: the kernel failed: invalid opcode (vector 6, error code 0x0)",
        "osimage: at RIP 0x201000, RSP 0x10000201ff8",
    )


@pytest.mark.parametrize(("handover", "says"), [
    (LINEAR, "osimage: the kernel cannot be loaded: physical memory up to 0x"),
    (Bootloader09(kernel_stack_address=0x1F_F000), "osimage: the kernel cannot be loaded: the page 0x200000 is wanted"),
    (Bootloader09(kernel_stack_size=1 << 20),
     "osimage: no memory for the kernel's stack: 4294967296 bytes needed, 13"),
])  # fmt: skip
def test_what_does_not_fit_is_told(disk: Callable[..., Path], handover: Bootloader09, says: str) -> None:
    seen = boot(disk(stripped(Elf().build()), handover=handover), halted())
    assert seen.said(says)


SOURCE = """\
#![no_std]
#![no_main]
use core::arch::asm;

bootloader::entry_point!(main);

fn main(info: &'static bootloader::BootInfo) -> ! {
    let answer = if info.physical_memory_offset == 0x180_0000_1000 { b'Y' } else { b'N' };
    unsafe { asm!("out dx, al", in("dx") 0x3f8u16, in("al") answer) };
    unsafe { asm!("out dx, al", in("dx") 0xf4u16, in("al") 0x10u8) };
    loop {}
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}
"""
METADATA = """\

[package.metadata.bootloader]
physical-memory-offset = "0x18000001000"

[profile.dev]
panic = "abort"
"""
WARNING = (
    "warning: hello.elf: [package.metadata.bootloader]: physical-memory-offset is 0x18000001000, no multiple of "
    "0x200000 (2 MiB): physical memory is mapped in pages of that size, from 0x18000000000 on, so that physical "
    "address 0 is not at the offset. Take 0x18000000000.\n"
)


def test_a_project_with_the_crate_needs_no_word_about_it(project: Project, crate: Path) -> None:
    manifest = USER.read_text(encoding="utf-8").partition("[lib]")[0]
    depends = manifest.replace('"=0.9.35"', '{ version = "=0.9.35", features = ["map_physical_memory"] }')
    project.write({
        "kernel/Cargo.toml": depends + METADATA,
        "kernel/Cargo.lock": USER.with_name("Cargo.lock").read_bytes(),
        "kernel/src/main.rs": SOURCE,
    })  # fmt: skip
    assert project.build("image").stdout.count(WARNING) == 1
    assert project.build("image").stdout == f"{WARNING}scons: `image' is up to date.\n"
    seen = boot(project.root / "build/hello.img", ended)
    assert (seen.status, seen.serial) == (ENDED_BY_KERNEL, ("Y",))
