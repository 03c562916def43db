"""Loaders from other sources and for other targets; and what is told when the loader itself fails."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from boards import ENDED_BY_KERNEL, boot, ended, halted
from elf_maker import Elf
from loader_files import LoaderFiles, bound, loader_of
from osimage.boot.plan import own_source
from project import Project

SCONSTRUCT = """\
env = Environment(tools=["osimage"])
target = env.TargetSpec("TARGET.json", overrides=OVERRIDES)
sysroot = env.Sysroot("sysroot", target, rustflags=RUSTFLAGS)
Default(env.Bootloader("bios", sysroot=sysroot, source=SOURCE))
"""

MISHAPS = """\
    let parameters = parameters::read();
    match parameters.command_line {
        b"ud2" => unsafe { core::arch::asm!("ud2") },
        b"wild" => unsafe { core::arch::asm!("mov {0}, [{0}]", in(reg) 0x1234_5678_9000usize) },
        b"panic" => panic!("told by the panic handler"),
        _ => {}
    }
"""


def built(
    project: Project, target: str, overrides: str = "None", rustflags: str = "[]", source: str = "None"
) -> LoaderFiles:
    text = SCONSTRUCT.replace("TARGET", target).replace("OVERRIDES", overrides)
    project.write({"SConstruct": text.replace("RUSTFLAGS", rustflags).replace("SOURCE", source)}).build()
    return loader_of(project)


@pytest.fixture(scope="module")
def clumsy(loader_files: LoaderFiles, tmp_path_factory: pytest.TempPathFactory, shared_cache: Path) -> LoaderFiles:
    """A loader that has a mishap when the command line names it."""
    project = Project(tmp_path_factory.mktemp("clumsy"), shared_cache)
    shutil.copytree(own_source(), project.root / "loader")
    project.replace("loader/stage2/main.rs", "    let parameters = parameters::read();\n", MISHAPS)
    return built(project, "x86_64-hello", source='"loader"')


@pytest.mark.parametrize(("mishap", "says"), [
    ("ud2", ["osimage: the loader failed: invalid opcode (vector 6, error code 0x0)"]),
    ("wild", ["osimage: the loader failed: page fault (vector 14, error code 0x0)",
              "osimage: it read 0x123456789000, which is not mapped"]),
    ("panic", ["osimage: the loader has a bug: told by the panic handler"]),
])  # fmt: skip
def test_a_loader_that_fails_says_so(clumsy: LoaderFiles, tmp_path: Path, mishap: str, says: list[str]) -> None:
    image = tmp_path / "disk.img"
    image.write_bytes(bound(clumsy, Elf().build(), command_line=mishap))
    seen = boot(image, halted())
    assert all(seen.said(words) for words in says), seen.serial


def test_a_loader_of_ones_own_boots(clumsy: LoaderFiles, tmp_path: Path) -> None:
    image = tmp_path / "disk.img"
    image.write_bytes(bound(clumsy, Elf().build()))
    assert boot(image, ended).status == ENDED_BY_KERNEL


ODD = """{"features": "+sse,+sse2,+avx2", "rustc-abi": None, "disable-redzone": False, "relocation-model": "pic",
          "code-model": "kernel", "position-independent-executables": True,
          "pre-link-args": {"gnu-lld": ["--script=kernel.ld"]}}"""


@pytest.mark.slow
def test_an_odd_target_makes_a_loader_that_works(new_project: Callable[..., Project], tmp_path: Path) -> None:
    odd = built(new_project("odd", {}), "odd", ODD, '["-Zretpoline", "-Ctarget-cpu=x86-64-v3", "-Clink-arg=-Tx.ld"]')
    image = tmp_path / "disk.img"
    image.write_bytes(bound(odd, Elf().build()))
    assert boot(image, ended, "virtio", "-cpu", "max").status == ENDED_BY_KERNEL
    image.write_bytes(bound(odd, Elf(entry=0).build()))
    seen = boot(image, halted(), "virtio", "-cpu", "max")
    assert seen.said("osimage: the kernel cannot be loaded: its entry 0x0 lies in no segment")


def test_the_same_loader_in_two_places(loader_files: LoaderFiles, new_project: Callable[..., Project]) -> None:
    project = new_project("other place", {})
    built(project, "x86_64-hello")
    shutil.rmtree(project.root / "build/bios")
    project.environ["OSIMAGE_CACHE"] = str(project.root / "empty cache")
    other = built(project, "x86_64-hello")
    assert (other.stage1, other.stage2) == (loader_files.stage1, loader_files.stage2)
    for stage in (other.stage1, other.stage2):
        assert str(project.root).encode() not in stage
        assert str(own_source()).encode() not in stage


def test_what_a_loader_of_ones_own_reads_elsewhere_is_told(new_project: Callable[..., Project]) -> None:
    project = new_project(files={"elsewhere.ld": "elsewhere = 1;\n"})
    shutil.copytree(own_source(), project.root / "loader")
    script = "loader/stage1/link.ld"
    project.write({script: b"INPUT(elsewhere.ld)\n" + project.read(script)})
    text = SCONSTRUCT.replace("TARGET", "x86_64-hello").replace("OVERRIDES", "None").replace("RUSTFLAGS", "[]")
    result = project.write({"SConstruct": text.replace("SOURCE", '"loader"')}).fails()
    assert "linked stage 1 of bios reads elsewhere.ld, which is no input of it." in result.stderr
