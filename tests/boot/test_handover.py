"""`[package.metadata.bootloader]`: what each key means, what the features add, and the words for each fault."""

from __future__ import annotations

import tomllib

import pytest
from osimage.boot.handover import FEATURES, Bootloader09, from_text, read, to_text, warnings

KEYS = "kernel-stack-size, kernel-stack-address, physical-memory-offset, boot-info-address"
MAP = {"map_physical_memory"}


def test_the_defaults_are_those_of_the_crate() -> None:
    assert read({}, ()) == (Bootloader09(False, False, False, False, 512, None, None, None), [])


@pytest.mark.parametrize("feature", FEATURES)
def test_each_feature_is_a_field(feature: str) -> None:
    handover, faults = read({}, {feature, "binary", "x86_64"})
    assert (handover, faults) == (Bootloader09()._replace(**{feature: True}), [])


@pytest.mark.parametrize(("said", "means"), [
    ("kernel-stack-size = 1", {"kernel_stack_size": 1}),
    ("kernel-stack-address = '0xFFFFFF8000000000'", {"kernel_stack_address": 0xFFFFFF8000000000}),
    ("kernel-stack-address = '4096'", {"kernel_stack_address": 4096}),
    ("boot-info-address = '0x0000777770000000'", {"boot_info_address": 0x777770000000}),
    ("physical-memory-offset = '0x18000000000'", {"physical_memory_offset": 0x18000000000}),
    ("physical-memory-offset = '0x+18000000000'", {"physical_memory_offset": 0x18000000000}),
    ("physical-memory-offset = '+00'", {"physical_memory_offset": 0}),
])  # fmt: skip
def test_each_key_means_what_it_means_to_the_crate(said: str, means: dict[str, int]) -> None:
    assert read(tomllib.loads(said), MAP) == (Bootloader09(map_physical_memory=True)._replace(**means), [])


@pytest.mark.parametrize(("said", "fault"), [
    ("kernel-stak-size = 1", f"no such key 'kernel-stak-size' (there are: {KEYS}). Did you mean 'kernel-stack-size'?"),
    ("package = 'x'", f"no such key 'package' (there are: {KEYS})."),
    ("kernel-stack-size = '16'", "kernel-stack-size wants a number of pages of 4096 bytes, not '16'."),
    ("kernel-stack-size = true", "kernel-stack-size wants a number of pages of 4096 bytes, not true."),
    ("kernel-stack-size = 0", "kernel-stack-size is 0: a stack has 1 to 34359738368 pages of 4096 bytes."),
    ("kernel-stack-size = -1", "kernel-stack-size is -1: a stack has 1 to 34359738368 pages of 4096 bytes."),
    ("boot-info-address = 0x1000", "boot-info-address wants a text, since TOML has no numbers of 64 bits without a "
     'sign. Write boot-info-address = "0x1000".'),
    ("boot-info-address = ['0x1000']", 'boot-info-address wants an address as a text, such as "0x18000000000", '
     "not a list."),
    ("boot-info-address = '0X1000'", 'boot-info-address is "0X1000", no number of 64 bits: write it in hexadecimal '
     '("0x18000000000") or decimal.'),
    ("boot-info-address = '0x1_0000'", 'boot-info-address is "0x1_0000", no number of 64 bits: write it in hexadecimal '
     '("0x18000000000") or decimal.'),
    ("boot-info-address = '0x10000000000000000'", 'boot-info-address is "0x10000000000000000", no number of 64 bits: '
     'write it in hexadecimal ("0x18000000000") or decimal.'),
    ("kernel-stack-address = '0x8000000100'", 'kernel-stack-address is "0x8000000100", which is no multiple of 0x1000, '
     'a page. Take "0x8000000000".'),
    ("kernel-stack-address = '0x800000000000'", 'kernel-stack-address is "0x800000000000", and the processor has no '
     "addresses in 0x800000000000..0xffff800000000000. Take one outside."),
])  # fmt: skip
def test_what_the_crate_panics_at_is_told(said: str, fault: str) -> None:
    assert read(tomllib.loads(said), MAP) == (
        Bootloader09(map_physical_memory=True), [f"[package.metadata.bootloader]: {fault}"]
    )  # fmt: skip


def test_an_offset_wants_its_feature() -> None:
    said = {"physical-memory-offset": "0x18000000000", "kernel-stack-size": 20}
    assert read(said, {"sse"}) == (Bootloader09(sse=True, kernel_stack_size=20), [
        "[package.metadata.bootloader]: physical-memory-offset is for kernels whose dependency `bootloader` has the "
        "feature 'map_physical_memory'. Add it."
    ])  # fmt: skip


def test_an_offset_within_a_large_page_is_warned_of() -> None:
    assert warnings(Bootloader09(physical_memory_offset=0x18000000000)) == []
    assert warnings(Bootloader09(physical_memory_offset=0x18000201000)) == [
        "physical-memory-offset is 0x18000201000, no multiple of 0x200000 (2 MiB): physical memory is mapped in pages "
        "of that size, from 0x18000200000 on, so that physical address 0 is not at the offset. Take 0x18000200000."
    ]


@pytest.mark.parametrize(
    "handover", [None, Bootloader09(), Bootloader09(True, False, True, False, 7, 1 << 63, None, 0)]
)
def test_it_goes_through_a_steps_arguments(handover: Bootloader09 | None) -> None:
    assert from_text(to_text(handover)) == handover
