"""Advice that can be followed: the next build is what was wanted."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from project import FILES, MAIN, REPOSITORY, Project

SECTOR = 512
SIZED = 'env.DiskImage("hello.img", kernel, loader=loader, size="1M")'
LARGE = MAIN.replace("#[unsafe", "#[used]\nstatic DATA: [u8; 2 << 20] = [1; 2 << 20];\n\n#[unsafe")


def test_a_kernel_that_is_too_large(new_project: Callable[..., Project]) -> None:
    sconstruct = FILES["SConstruct"].replace('env.DiskImage("hello.img", kernel, loader=loader)', SIZED)
    project = new_project(files={**FILES, "SConstruct": sconstruct, "kernel/src/main.rs": LARGE})
    told = project.fails().stderr
    kernel = (project.root / "build/hello.stripped.elf").stat().st_size
    needed = (1 + 127 + -(-kernel // SECTOR)) * SECTOR  # partition table, stage 2, kernel
    assert told == (
        f"scons: *** [build/hello.img] hello.img: the kernel does not fit: with its {kernel} bytes (2.002 MiB) the "
        f"image needs {needed} bytes (2.065 MiB), size= of env.DiskImage gives 1048576 bytes (1 MiB). Give it "
        f'"size={needed}" or more, or leave size= out; or make the kernel smaller, for example with PROFILE=release.\n'
    )
    project.replace("SConstruct", 'size="1M"', f"size={needed}")
    project.build()
    assert (project.root / "build/hello.img").stat().st_size == needed


def test_a_file_that_is_read_and_not_declared(new_project: Callable[..., Project]) -> None:
    main = MAIN.replace("#[unsafe", '#[used]\nstatic TEXT: &str = include_str!("../../../text.txt");\n\n#[unsafe')
    project = new_project("project", {**FILES, "kernel/src/main.rs": main, "../text.txt": "one"})
    told = project.fails("build/hello.elf").stderr
    assert told == (
        "scons: *** [build/hello.elf] kernel hello (dev) reads ../text.txt, which nothing declares. Add "
        'inputs=["../text.txt"] to SConstruct:4: env.Kernel("hello.elf").\n'
    )
    added = re.findall(r"Add (inputs=\S+) to", told)[0]
    project.replace("SConstruct", "sysroot=sysroot)\nloader", f"sysroot=sysroot, {added})\nloader")
    project.build("build/hello.elf")
    assert project.up_to_date("build/hello.elf")
    project.write({"../text.txt": "two"})
    assert "kernel hello (dev)" in project.build("build/hello.elf").steps
    assert b"two" in project.read("build/hello.elf")


@pytest.mark.parametrize("arguments", [(), ("VERBOSE=1",)], ids=["quiet", "verbose"])
def test_the_command_is_shown_for_code_that_is_not_the_projects(
    arguments: tuple[str, ...], new_project: Callable[..., Project]
) -> None:
    sources = {path: (REPOSITORY / "bootloader" / path).read_bytes() for path in
               (str(p.relative_to(REPOSITORY / "bootloader")) for p in (REPOSITORY / "bootloader").rglob("*")
                if p.is_file())}  # fmt: skip
    files = {f"loader/{path}": content for path, content in sources.items()}
    files["loader/boot_info/src/lib.rs"] += b"\nconst WRONG: u8 = 256;\n"
    sconstruct = FILES["SConstruct"].replace('"bios", sysroot=sysroot', '"bios", sysroot=sysroot, source="loader"')
    project = new_project(files={**FILES, **files, "SConstruct": sconstruct})
    result = project.fails("-j1", "build/bios/stage2.bin", *arguments)
    assert (
        result.stderr
        == "scons: *** [build/bios/libosimage_boot_info.rlib] osimage_boot_info of bios does not compile\n"
    )
    assert result.stdout.count("error: literal out of range for `u8`\n") == 1
    commands = re.findall(r"^env RUSTC_BOOTSTRAP=1 (\S+)/rustc .*loader/boot_info/src/lib\.rs$", result.stdout, re.M)
    assert len(commands) == 1


def test_the_command_of_the_projects_own_code_is_shown_when_asked_for(project: Project) -> None:
    project.replace("kernel/src/main.rs", "loop {}", "stop")
    own = re.compile(r"^env .*/rustc .* kernel/src/main\.rs .*$", re.M)
    assert own.findall(project.fails("build/hello.elf").stdout) == []
    assert len(own.findall(project.fails("build/hello.elf", "VERBOSE=1").stdout)) == 1
