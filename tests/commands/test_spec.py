"""`scons spec`: what the compiler in use wants changed in a person's target spec, and the file changed on demand."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from project import Project

SOURCE = "x86_64-old.json"
RIGHT = {
    "llvm-target": "x86_64-unknown-none",
    "data-layout": "e-m:e-p270:32:32-p271:32:32-p272:64:64-i64:64-i128:128-f80:128-n8:16:32:64-S128",
    "arch": "x86_64",
    "target-pointer-width": 64,
    "os": "none",
    "executables": True,
    "linker-flavor": "ld.lld",
    "linker": "rust-lld",
    "panic-strategy": "abort",
    "disable-redzone": True,
    "features": "-mmx,-sse,+soft-float",
    "rustc-abi": "softfloat",
}
OLD = {**RIGHT, "target-pointer-width": "64"}


@pytest.fixture
def old(new_project: Callable[..., Project]) -> Project:
    sconstruct = f'env = Environment(tools=["osimage"])\nenv.TargetSpec("{SOURCE}")\n'
    return new_project(files={"SConstruct": sconstruct, SOURCE: json.dumps(OLD, indent=4)})


def test_a_spec_is_changed_only_when_asked(old: Project) -> None:
    change = f'{SOURCE}: target-pointer-width: "64" became 64 (rustc 1.96.0 wants a number)\n'
    before = old.read(SOURCE)
    assert old.build("spec").stdout == f"{change}`scons spec --write` changes {SOURCE}.\n"
    assert old.read(SOURCE) == before
    assert old.build("spec", "--write").stdout.endswith(f"{SOURCE} is changed.\n")
    assert old.read(SOURCE).decode() == json.dumps(RIGHT, indent=4) + "\n"
    assert old.build("spec").stdout == f"{SOURCE} is right for rustc 1.96.0.\n"


def test_a_file_that_cannot_be_written(old: Project) -> None:
    long = "x" * 245 + ".json"  # the temporary name beside it is too long
    (old.root / SOURCE).rename(old.root / long)
    old.replace("SConstruct", SOURCE, long)
    before = old.read(long)
    said = old.fails("spec", "--write").stderr
    assert said.startswith(f"scons: *** [spec] {long} cannot be written: File name too long.\n")
    assert old.read(long) == before
