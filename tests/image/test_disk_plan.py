"""A disk image as steps: two, so that a kernel's change leaves the loader alone, and the other way round."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from osimage.action import Action, Input
from osimage.errors import DeclarationError, Where
from osimage.image.plan import Disk, DiskDeclaration, plan
from osimage.own import code_identity

WHERE = Where("SConstruct", 7, 'env.DiskImage("hello.img")')


@dataclass(frozen=True)
class Kernel:
    elf: str = "build/hello.elf"


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
            argv=("osimage.boot.strip", "build/hello.elf", "build/hello.stripped.elf"),
            inputs=(Input("build/hello.elf"),),
            outputs=("build/hello.stripped.elf",),
            toolchain=code_identity("osimage.boot.strip"),
            where=WHERE,
        ),
        Action(
            step="image",
            label="hello.img",
            argv=("osimage.image.assemble", "build/hello.img", "67108864", *parts),
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
