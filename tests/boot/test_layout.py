"""The layout: one place for all addresses, and what is bound into the stages."""

from __future__ import annotations

import hashlib
import struct
from itertools import pairwise
from typing import Any

import pytest
import stages
from osimage.boot import layout
from osimage.boot.handover import Bootloader09
from osimage.boot.layout import (
    COMMAND_LINE_CAPACITY,
    SECTOR_SIZE,
    STAGE2_FIRST_SECTORS,
    STAGE2_MAX_SECTORS,
    STAGE2_READ_SECTORS,
    bind_stage1,
    bind_stage2,
    mapping_fault,
    rust_source,
    stack_size_fault,
    stage2_checksum,
    stage2_on_disk,
)
from osimage.errors import StepError

DIGEST = hashlib.sha256(b"kernel").digest()
KERNEL: dict[str, Any] = {"stage2_sector": 1, "kernel_sector": 128, "kernel_size": 1, "kernel_sha256": DIGEST}
ANY = layout.ANY_ADDRESS
WINDOW = "0x7fff00000000..0x800000000000"


def test_every_number_reaches_rust() -> None:
    lines = rust_source().splitlines()
    for name, value in vars(layout).items():
        if name.isupper() and isinstance(value, int):
            assert f"pub const {name}: u64 = {value:#x};" in lines
    assert f'pub const LOADER_NAME: &str = "{layout.LOADER_NAME}";' in lines


def test_nothing_lies_over_another() -> None:
    first_end = layout.STAGE2_ADDRESS + STAGE2_FIRST_SECTORS * SECTOR_SIZE
    rest_size = (STAGE2_MAX_SECTORS - STAGE2_FIRST_SECTORS) * SECTOR_SIZE
    low = [
        (layout.BOOT_TABLES_ADDRESS, layout.BOOT_TABLES_ADDRESS + layout.BOOT_TABLES_SIZE),
        (layout.BOOT_TABLES_ADDRESS + layout.BOOT_TABLES_SIZE, layout.REAL_STACK_TOP),
        (layout.STAGE1_ADDRESS, layout.STAGE1_ADDRESS + SECTOR_SIZE),
        (layout.STAGE2_ADDRESS, first_end),
        (layout.BOUNCE_ADDRESS, layout.BOUNCE_ADDRESS + layout.BOUNCE_SECTORS * SECTOR_SIZE),
        (layout.STAGE2_REST_ADDRESS, layout.STAGE2_REST_ADDRESS + rest_size),
        (layout.LOADER_DATA_ADDRESS, layout.LOADER_DATA_END),
        (layout.VGA_ADDRESS, layout.VGA_END),
    ]
    assert all(before[1] <= after[0] for before, after in pairwise(low))
    assert first_end <= 0x1_0000, "real mode reaches it with 16-bit offsets"
    assert all(start // 0x1_0000 == (end - 1) // 0x1_0000 for start, end in low[3:6]), "reads stay within 64 KiB"
    assert STAGE2_FIRST_SECTORS <= STAGE2_READ_SECTORS, "stage 1 reads it in one call"
    assert layout.BOOTLOADER_09_LOW_END <= layout.STAGE2_REST_ADDRESS, "what a kernel overwrites is of no use any more"
    stack_bottom = layout.KERNEL_STACK_TOP - layout.MAX_STACK_SIZE
    assert stack_bottom - layout.PAGE_SIZE > layout.LOADER_WINDOW, "the guard page of the largest stack"
    assert layout.KERNEL_STACK_TOP < layout.BOOT_INFO_ADDRESS < layout.LOADER_WINDOW_END


@pytest.mark.parametrize(("start", "end", "says"), [
    (0x10_0000, 0x7FFF_0000_0000, None),
    (0xFFFF_8000_0000_0000, 0xFFFF_FFFF_FFFF_F000, None),
    (0x20_0000, 0x20_0000, None),
    (0, 0x1000, "0x0..0x1000 begins below 0x100000 (1 MiB), where loader and text screen are"),
    (0xF_FFFF, 0x20_0000, "0xfffff..0x200000 begins below 0x100000 (1 MiB), where loader and text screen are"),
    (0x7FFE_FFFF_FFFF, 0x7FFF_0000_0001,
     f"0x7ffeffffffff..0x7fff00000001 reaches into {WINDOW}, where the loader puts the kernel's stack"),
    (0x7FFF_FFFF_F000, 0x8000_0000_0000,
     f"0x7ffffffff000..0x800000000000 reaches into {WINDOW}, where the loader puts the kernel's stack"),
    (0x8000_0000_0000, 0x8000_0000_1000, "0x800000000000..0x800000001000 is not canonical: the processor has no "
     "addresses in 0x800000000000..0xffff800000000000"),
    (0xFFFF_FFFF_FFFF_F000, 0xFFFF_FFFF_FFFF_F001,
     "0xfffffffffffff000..0xfffffffffffff001 reaches into the last page of the address space"),
    (1 << 63, (1 << 64) + 1, "0x8000000000000000..0x10000000000000001 wraps around the end of the address space"),
])  # fmt: skip
def test_where_a_kernel_may_be_mapped(start: int, end: int, says: str | None) -> None:
    assert mapping_fault(start, end) == says


@pytest.mark.parametrize("size", [0, 1, 4095, 4097, -4096, layout.MAX_STACK_SIZE + 4096])
def test_stack_sizes_that_cannot_be(size: int) -> None:
    assert stack_size_fault(size) == (
        f"a kernel stack of {size} bytes: it must be a multiple of 4096, at most {layout.MAX_STACK_SIZE}"
    )


def test_stage_2_is_bound_to_a_kernel() -> None:
    code = stages.stage2(3000)
    bound = bind_stage2(code, **KERNEL | {"kernel_size": 12345, "command_line": "größe=1"})
    assert len(bound) == 6 * SECTOR_SIZE
    fields = struct.unpack_from("<QQ32s5Q", bound, layout.KERNEL_SECTOR_OFFSET)
    assert fields == (128, 12345, DIGEST, layout.DEFAULT_STACK_SIZE, 0, *[layout.ANY_ADDRESS] * 3)
    assert struct.unpack_from("<QIIQ", bound, layout.REST_SECTOR_OFFSET) == (9, 0, 0, 9)
    assert bound[layout.COMMAND_LINE_OFFSET :].startswith("größe=1".encode())
    assert bound[layout.STAGE2_PARAMETERS_END : 3000] == code[layout.STAGE2_PARAMETERS_END :]
    assert not any(bound[3000:])


def test_stage_1_is_bound_to_stage_2() -> None:
    stage2 = bind_stage2(stages.stage2(), **KERNEL)
    code = stages.stage1()
    bound = bind_stage1(code, stage2, 1)
    assert len(bound) == 440
    assert bound[: layout.STAGE1_SECTOR_OFFSET] == code[: layout.STAGE1_SECTOR_OFFSET]
    assert struct.unpack_from("<QHI", bound, layout.STAGE1_SECTOR_OFFSET) == (1, 6, stage2_checksum(stage2))


def test_on_disk_the_parts_of_stage_2_follow_each_other() -> None:
    first = stages.stage2(STAGE2_FIRST_SECTORS * SECTOR_SIZE)
    apart = layout.STAGE2_REST_ADDRESS - layout.STAGE2_ADDRESS
    assert stage2_on_disk(first.ljust(apart, b"\0") + b"rest") == first + b"rest"
    assert stage2_on_disk(first[:3000].ljust(apart, b"\0") + b"rest") == first[:3000].ljust(len(first), b"\0") + b"rest"
    assert stage2_on_disk(first[:3000]) == first[:3000]


@pytest.mark.parametrize("size", [0x1001, 0x18000])
def test_nothing_may_lie_where_stage_2_is_not_loaded(size: int) -> None:
    with pytest.raises(StepError) as caught:
        stage2_on_disk(stages.stage2(0x1000).ljust(size - 1, b"\0") + b"x")
    assert str(caught.value) == (
        "stage 2 of the loader has something between 0x9000 and 0x20000, from where nothing is loaded; a loader source "
        "of one's own must have its parts where stage2/link.ld of osimage's own puts them"
    )


def test_the_rest_of_stage_2_is_bound_to_what_begins_it() -> None:
    bound = bind_stage2(stages.stage2(100 * SECTOR_SIZE), **KERNEL)
    first, rest = bound[: 8 * SECTOR_SIZE], bound[8 * SECTOR_SIZE :]
    assert struct.unpack_from("<QII", bound, layout.REST_SECTOR_OFFSET) == (9, 92, stage2_checksum(rest))
    fields = struct.unpack_from("<QHI", bind_stage1(stages.stage1(), bound, 1), layout.STAGE1_SECTOR_OFFSET)
    assert fields == (1, 8, stage2_checksum(first))


@pytest.mark.parametrize(("handover", "fields"), [
    (Bootloader09(), (512 * 4096, 0b1, ANY, ANY, ANY)),
    (Bootloader09(True, False, True, False, 1), (4096, 0b1011, ANY, ANY, ANY)),
    (Bootloader09(False, True, False, True, 20, 0x1000, 0x2000, 0x3000), (20 * 4096, 0b10101, 0x1000, 0x2000, 0x3000)),
])  # fmt: skip
def test_what_a_kernel_of_the_crate_expects_is_bound(handover: Bootloader09, fields: tuple[int, ...]) -> None:
    bound = bind_stage2(stages.stage2(), **KERNEL, handover=handover)
    assert struct.unpack_from("<5Q", bound, layout.STACK_SIZE_OFFSET) == fields


def test_the_checksum_notices_a_bit_and_an_exchange() -> None:
    content = bytes(range(256)) * 4
    expected = stage2_checksum(content)
    assert stage2_checksum(content[4:8] + content[:4] + content[8:]) != expected
    for bit in range(len(content) * 8):
        changed = bytearray(content)
        changed[bit // 8] ^= 1 << bit % 8
        assert stage2_checksum(changed) != expected
    assert stage2_checksum(struct.pack("<III", 1 << 31, 5, 7)) == ((1 + 5) << 1) + 7


BOUND = bind_stage2(stages.stage2(), **KERNEL)
OURS = "a loader source of one's own must begin with the layout of osimage's own"


def not_ours(stage: int, offset: int, found: bytes) -> str:
    return (
        f"this is not stage {stage} of osimage's loader: at offset {offset} it has {found!r} instead of "
        f"b'OSIMAGE{stage}'; {OURS}"
    )


@pytest.mark.parametrize(("code", "binding", "says"), [
    (bytes(600), KERNEL, not_ours(2, 8, bytes(8))),
    (b"", KERNEL, not_ours(2, 8, b"")),
    (stages.stage2(STAGE2_MAX_SECTORS * SECTOR_SIZE + 1), KERNEL,
     "stage 2 of the loader has 65025 bytes: at most 65024 fit"),
    (stages.stage2(), KERNEL | {"kernel_sha256": b"short"}, "the kernel's SHA-256 has 5 bytes instead of 32"),
    (stages.stage2(), KERNEL | {"stack_size": 100},
     "a kernel stack of 100 bytes: it must be a multiple of 4096, at most 67108864"),
    (stages.stage2(), KERNEL | {"command_line": "ä" * 89},
     f"a command line of 178 bytes: the loader has room for {COMMAND_LINE_CAPACITY}"),
])  # fmt: skip
def test_what_cannot_be_bound_to_a_kernel(code: bytes, binding: dict[str, object], says: str) -> None:
    with pytest.raises(StepError) as caught:
        bind_stage2(code, **binding)  # type: ignore[arg-type]
    assert str(caught.value) == says


@pytest.mark.parametrize(("code", "stage2", "says"), [
    (bytes(440), BOUND, not_ours(1, 410, bytes(8))),
    (stages.stage1() + b"\0", BOUND, "stage 1 of the loader has 441 bytes instead of 440"),
    (stages.stage1(), BOUND[:-1], "stage 2 of the loader has 3071 bytes: not 1 to 127 whole sectors"),
    (stages.stage1(), bytes(512), not_ours(2, 8, bytes(8))),
])  # fmt: skip
def test_what_cannot_be_bound_to_stage_2(code: bytes, stage2: bytes, says: str) -> None:
    with pytest.raises(StepError) as caught:
        bind_stage1(code, stage2, 1)
    assert str(caught.value) == says
