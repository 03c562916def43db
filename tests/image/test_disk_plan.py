"""A disk image as steps: two, so that a kernel's change leaves the loader alone, and the other way round."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from osimage.action import Action, Input
from osimage.boot.crate_loader import CrateLoader
from osimage.boot.handover import Bootloader09
from osimage.errors import DeclarationError, Where
from osimage.image.plan import Disk, DiskDeclaration, plan
from osimage.own import code_identity

WHERE = Where("SConstruct", 7, 'env.DiskImage("hello.img")')


@dataclass(frozen=True)
class Kernel:
    elf: str = "build/hello.elf"
    handover: Bootloader09 | None = None


@dataclass(frozen=True)
class Loader:
    stage1: str = "build/bios/stage1.bin"
    stage2: str = "build/bios/stage2.bin"


def test_the_steps_of_an_image() -> None:
    made, disk = plan(DiskDeclaration("hello.img", "64M", WHERE), Kernel(), Loader())
    assert disk == Disk("hello.img", "build/hello.img", "build/hello.stripped.elf", "build/hello.elf")
    parts = ("build/hello.stripped.elf", "build/bios/stage1.bin", "build/bios/stage2.bin")
    assert made.actions == (
        Action(
            step="strip",
            label="hello.stripped.elf",
            argv=("osimage.boot.strip", "build/hello.elf", "build/hello.stripped.elf", ""),
            inputs=(Input("build/hello.elf"),),
            outputs=("build/hello.stripped.elf",),
            toolchain=code_identity("osimage.boot.strip"),
            where=WHERE,
            local=True,
        ),
        Action(
            step="image",
            label="hello.img",
            argv=("osimage.image.assemble", "build/hello.img", "67108864", "", *parts),
            inputs=tuple(Input(part) for part in parts),
            outputs=("build/hello.img",),
            toolchain=code_identity("osimage.image.assemble"),
            where=WHERE,
        ),
    )
    assert (made.links, made.consulted, made.notes) == ((), (), ())


def test_an_image_as_small_as_it_can_be() -> None:
    made, _ = plan(DiskDeclaration("hello.img", None, WHERE), Kernel(), Loader())
    assert made.actions[1].argv[2] == ""


def test_what_a_kernel_is_handed_goes_with_both_steps() -> None:
    kernel = Kernel(handover=Bootloader09(sse=True, boot_info_address=0x8000))
    made, _ = plan(DiskDeclaration("hello.img", None, WHERE), kernel, Loader())
    text = "[false, false, false, true, 512, null, null, 32768]"
    assert made.actions[0].argv[3] == text
    assert made.actions[1].argv[3] == text


def test_another_build_folder() -> None:
    _, disk = plan(DiskDeclaration("disks/a.img", None, WHERE), Kernel("out/k.elf"), Loader(), "out")
    assert disk == Disk("disks/a.img", "out/disks/a.img", "out/k.stripped.elf", "out/k.elf")


def test_two_images_of_a_kernel_strip_it_alike() -> None:
    one, _ = plan(DiskDeclaration("a.img", None, WHERE), Kernel(), Loader())
    two, _ = plan(DiskDeclaration("b.img", "64M", WHERE), Kernel(), Loader())
    assert one.actions[0] == two.actions[0]


@pytest.mark.parametrize(
    ("name", "size", "told"),
    [
        (
            "hello.img",
            "64MB",
            ["size= is '64MB', which may mean powers of 1000 or of 1024. Write '64M' for 67108864 bytes."],
        ),
        (
            "hello.img",
            "32K",
            ["size= is 32768 bytes (32 KiB): a BIOS starts no disk of less than 516096 bytes (504 KiB), one cylinder."],
        ),
        (
            "hello.elf",
            0,
            [
                "size= is 0: a disk has at least one sector of 512 bytes. "
                'Write a number of bytes or a text such as "64M".',
                "'hello.elf' is the name of a file that goes into the image. Give the image another, such as "
                "'hello.img'.",
            ],
        ),
        (
            "bios/stage2.bin",
            None,
            [
                "'bios/stage2.bin' is the name of a file that goes into the image. Give the image another, such as "
                "'hello.img'."
            ],
        ),
    ],
)
def test_what_cannot_be_declared(name: str, size: int | str | None, told: list[str]) -> None:
    with pytest.raises(DeclarationError) as error:
        plan(DiskDeclaration(name, size, WHERE), Kernel(), Loader())
    assert str(error.value) == "\n".join(f'SConstruct:7: env.DiskImage("hello.img"): {fault}' for fault in told)


CRATE = CrateLoader("crate", "build/crate/objects", "build/crate/objects.args", "linker.ld", (), (),
                    Bootloader09(sse=True), "ld.lld", "compiler")  # fmt: skip


@pytest.mark.parametrize(("size", "bytes_"), [(None, ""), ("64M", "67108864")])
def test_an_image_with_the_crates_own_loader(size: str | None, bytes_: str) -> None:
    kernel = Kernel(handover=Bootloader09(sse=True))
    made, disk = plan(DiskDeclaration("hello.img", size, WHERE), kernel, CRATE)
    assert disk == Disk("hello.img", "build/hello.img", "build/hello.kernel.o", "build/hello.elf")
    assert [action.outputs for action in made.actions] == [
        ("build/hello.kernel.o",), ("build/hello.flat",), ("build/hello.img",)]  # fmt: skip
    assert made.actions[2].argv == ("osimage.image.pad", "build/hello.img", bytes_, "build/hello.flat")


def test_the_crates_own_loader_is_for_one_kernel() -> None:
    with pytest.raises(DeclarationError) as error:
        plan(DiskDeclaration("hello.flat", 0, WHERE), Kernel(handover=Bootloader09()), CRATE)
    assert str(error.value).splitlines() == [f'SConstruct:7: env.DiskImage("hello.img"): {fault}' for fault in (
        'size= is 0: a disk has at least one sector of 512 bytes. Write a number of bytes or a text such as "64M".',
        "the loader 'crate' was made for a kernel that expects something else of it. Declare one for this kernel: "
        'env.Bootloader("…", kernel=…).',
        "'hello.flat' is the name of a file that goes into the image. Give the image another, such as 'hello.img'.",
    )]  # fmt: skip
