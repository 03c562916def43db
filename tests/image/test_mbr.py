"""The master boot record, byte by byte and as other programs read it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from optional import program
from osimage.image.mbr import Partition, chs, master_boot_record

KERNEL = Partition(64, 6, 0xDA, active=True)


def test_every_byte_is_where_it_belongs() -> None:
    code = bytes(range(220)) * 2
    record = master_boot_record(code, 0x12345678, [KERNEL])
    assert len(record) == 512
    assert record[:440] == code
    assert record[440:446].hex(" ") == "78 56 34 12 00 00"
    assert record[446:462].hex(" ") == "80 01 02 00 da 01 07 00 40 00 00 00 06 00 00 00"
    assert record[462:510] == bytes(48)
    assert record[510:].hex(" ") == "55 aa"


@pytest.mark.parametrize(
    ("lba", "place"),
    [
        (0, (0, 0, 1)),
        (62, (0, 0, 63)),
        (63, (0, 1, 1)),
        (64, (0, 1, 2)),
        (255 * 63 - 1, (0, 254, 63)),
        (255 * 63, (1, 0, 1)),
        (1024 * 255 * 63 - 1, (1023, 254, 63)),
        (1024 * 255 * 63, (1023, 254, 63)),
        (0xFFFF_FFFF, (1023, 254, 63)),
    ],
)
def test_cylinder_head_and_sector(lba: int, place: tuple[int, int, int]) -> None:
    assert chs(lba) == place


def test_a_high_cylinder_is_packed_into_the_sector_byte() -> None:
    record = master_boot_record(b"", 1, [Partition(1000 * 255 * 63, 255 * 63, 0xDA, active=False)])
    assert record[446:454].hex(" ") == "00 00 c1 e8 da fe ff e8"  # cylinder 0x3e8


@pytest.mark.parametrize(("code", "partitions"), [(bytes(441), []), (b"", [KERNEL] * 5)])
def test_what_does_not_fit_is_refused(code: bytes, partitions: list[Partition]) -> None:
    with pytest.raises(ValueError, match="do not fit into an MBR"):
        master_boot_record(code, 1, partitions)


def disk(folder: Path) -> str:
    image = folder / "disk.img"
    partitions = [KERNEL, Partition(2048, 40000, 0x83, active=False)]
    image.write_bytes(master_boot_record(b"\xeb\xfe", 0xC4C76A8A, partitions))
    os.truncate(image, 64 << 20)
    return str(image)


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (
            ["partx", "--raw", "--noheadings", "-o", "NR,START,SECTORS,TYPE,FLAGS,UUID"],
            "1 64 6 0xda 0x80 c4c76a8a-01\n2 2048 40000 0x83 0x0 c4c76a8a-02\n",
        ),
        (["blkid", "-p", "-o", "value", "-s", "PTTYPE", "-s", "PTUUID"], "c4c76a8a\ndos\n"),
        (["sfdisk", "--verify"], "{0}:\nNo errors detected.\nRemaining 91002 unallocated 512-byte sectors.\n"),
        (
            ["sfdisk", "-d"],
            "label: dos\nlabel-id: 0xc4c76a8a\ndevice: {0}\nunit: sectors\nsector-size: 512\n\n"
            "{0}1 : start=          64, size=           6, type=da, bootable\n"
            "{0}2 : start=        2048, size=       40000, type=83\n",
        ),
    ],
)
def test_other_programs_read_the_same(command: list[str], says: str, tmp_path: Path) -> None:
    image = disk(tmp_path)
    done = subprocess.run(
        [program(command[0], "fdisk"), *command[1:], image], capture_output=True, text=True, check=True
    )
    assert done.stdout == says.format(image)
    assert done.stderr == ""
