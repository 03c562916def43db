"""The loader, built once for all tests here, and what makes kernels and images for it."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from loader_files import LoaderFiles, bound, loader_of
from optional import program
from osimage.toolchain.find import find_rustc
from project import Project

KERNELS = Path(__file__).parent / "kernels"

SCONSTRUCT = """\
env = Environment(tools=["osimage"])
sysroot = env.Sysroot("sysroot", env.TargetSpec("x86_64-hello.json"))
Default(env.Bootloader("bios", sysroot=sysroot))
"""


@pytest.fixture(scope="session")
def loader_files(tmp_path_factory: pytest.TempPathFactory, shared_cache: Path) -> LoaderFiles:
    """The loader, on the core of the example's target: the one place where these tests get it from."""
    program("qemu-system-x86_64", "qemu-system-x86")  # without it nothing of it can be shown
    project = Project(tmp_path_factory.mktemp("loader"), shared_cache).write({"SConstruct": SCONSTRUCT})
    project.build()
    return loader_of(project)


@pytest.fixture(scope="session")
def compile_crate(loader_files: LoaderFiles) -> Callable[..., bytes]:
    """Compiles SOURCE to OUT for the loader's target, with more FLAGS for rustc; what it wrote."""
    rustc = find_rustc(loader_files.project, os.environ).rustc
    assert rustc is not None
    assert rustc.linker is not None
    linker = rustc.linker

    def compile_source(source: Path, out: Path, *flags: str) -> bytes:
        command = [rustc.path, "--target=build/x86_64-hello.json", "-Zunstable-options", "--sysroot=build/sysroot",
                   "-Cpanic=abort", "-Copt-level=1", "-Awarnings", f"-Clinker={linker.path}", *flags, str(source),
                   "-o", str(out)]  # fmt: skip
        done = subprocess.run(command, cwd=loader_files.project, env=dict(os.environ, RUSTC_BOOTSTRAP="1"),
                              capture_output=True, text=True, check=False)  # fmt: skip
        assert done.returncode == 0, done.stderr
        return out.read_bytes()

    return compile_source


@pytest.fixture(scope="session")
def compiled(compile_crate: Callable[..., bytes], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., bytes]:
    """Compiles `kernels/NAME.rs` with more FLAGS for rustc: `compiled("report")` is the bytes of its ELF file."""
    folder = tmp_path_factory.mktemp("kernels")

    def compile_kernel(name: str, *flags: str) -> bytes:
        out = folder / f"{name}-{hashlib.sha256(repr(flags).encode()).hexdigest()[:8]}.elf"
        return compile_crate(KERNELS / f"{name}.rs", out, "--edition=2024", "--crate-type=bin",
                             "--extern=osimage_boot_info=build/bios/libosimage_boot_info.rlib", *flags)  # fmt: skip

    return compile_kernel


@pytest.fixture
def disk(loader_files: LoaderFiles, tmp_path: Path) -> Callable[..., Path]:
    """Writes an image: `disk(kernel)`, or with what `bound` takes."""

    def write(kernel: bytes, **binding: Any) -> Path:
        path = tmp_path / "disk.img"
        path.write_bytes(bound(loader_files, kernel, **binding))
        return path

    return write
