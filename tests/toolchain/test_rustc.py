"""What a compiler says about targets."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from osimage.errors import ToolchainError
from osimage.toolchain.rustc import Rustc, complaint
from osimage.toolchain.rustdoc import find_rustdoc

LAYOUT = "e-m:e-p270:32:32-p271:32:32-p272:64:64-i64:64-i128:128-f80:128-n8:16:32:64-S128"


def spec(rustc: Rustc, **overrides: object) -> str:
    described = rustc.target_spec("x86_64-unknown-none")
    del described["metadata"]
    return json.dumps(described | {key.replace("_", "-"): value for key, value in overrides.items()})


def test_what_it_knows(rustc_1_96: Rustc) -> None:
    assert rustc_1_96.target_spec("x86_64-unknown-none")["data-layout"] == LAYOUT
    assert "target-pointer-width" in rustc_1_96.target_spec_schema()["required"]
    assert {"embed-metadata", "threads", "remap-cwd-prefix"} <= rustc_1_96.unstable_options()
    assert "x86_64-unknown-none" in rustc_1_96.target_list()


def test_an_answer_is_the_callers_own(rustc_1_96: Rustc) -> None:
    rustc_1_96.target_spec("x86_64-unknown-none").clear()
    assert rustc_1_96.target_spec("x86_64-unknown-none")


def test_an_unknown_base_is_told(rustc_1_96: Rustc) -> None:
    with pytest.raises(ToolchainError) as told:
        rustc_1_96.target_spec("x86_64-unknown-nome")
    assert str(told.value) == (
        "rustc 1.96.0 has no built-in target 'x86_64-unknown-nome'. Did you mean 'x86_64-unknown-none'?"
    )


def test_cfg_with_flags(rustc_1_96: Rustc) -> None:
    plain = rustc_1_96.cfg(spec(rustc_1_96), "hello")
    assert 'target_os="none"' in plain
    assert "debug_assertions" in plain
    assert "debug_assertions" not in rustc_1_96.cfg(spec(rustc_1_96), "hello", ("-Cdebug-assertions=no",))


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        ({}, None),
        (
            {"target_pointer_width": "64"},
            'error loading target specification: target-pointer-width: invalid type: string "64", expected u16 '
            "at line 1 column 723",
        ),
        (
            {"data_layout": LAYOUT.replace("p270:32:32-", "")},  # rustc sees this one only while generating code
            f"data-layout for target `hello`, `{LAYOUT.replace('p270:32:32-', '')}`, differs from LLVM target's "
            f"`x86_64-unknown-none-elf` default layout, `{LAYOUT}`",
        ),
        ({"llvm_target": "zork"}, "could not create LLVM TargetMachine for triple: zork"),
    ],
)
def test_a_spec_is_tried(overrides: dict[str, object], says: str | None, rustc_1_96: Rustc) -> None:
    assert rustc_1_96.check_spec(spec(rustc_1_96, **overrides), "hello") == says


def test_llvms_own_data_layout(rustc_1_96: Rustc) -> None:
    assert rustc_1_96.data_layout(spec(rustc_1_96, data_layout="e"), "hello") == LAYOUT
    assert rustc_1_96.data_layout(spec(rustc_1_96, llvm_target="zork"), "hello") is None


@pytest.mark.parametrize(
    ("errors", "line"),
    [
        ("error: no\n\n  = help: yes\n", "no"),
        ("warning: x\n\nerror[E0461]: couldn't find crate\n  |\n", "couldn't find crate"),
        ("error: in `hello-123` of hello-99x\n", "in `hello` of hello-99x"),
        ("Segmentation fault\n", "Segmentation fault"),
        ("", "it failed and said nothing"),
    ],
)
def test_the_first_error_is_the_complaint(errors: str, line: str) -> None:
    assert complaint(errors, "hello") == line


def test_a_compiler_without_rustdoc_is_told(tmp_path: Path, rustc_1_96: Rustc) -> None:
    lonely = dataclasses.replace(rustc_1_96, path=f"{tmp_path}/bin/rustc", sysroot=str(tmp_path))
    with pytest.raises(ToolchainError) as told:
        find_rustdoc(lonely, {"HOME": str(tmp_path)})
    assert str(told.value) == (
        f"rustc 1.96.0 has no rustdoc beside it ({tmp_path}/bin/rustc), which finds the examples in documentation. "
        "Install the package that has it (Debian: rustc or rustc-web, as the compiler is; rustup: the component "
        "rustc), or leave DOCTESTS out."
    )
    beside = tmp_path / "bin" / "rustdoc"
    beside.parent.mkdir()
    beside.touch()
    beside.chmod(0o755)
    before = find_rustdoc(lonely, {"HOME": str(tmp_path)})
    assert before.path == str(beside)
    beside.write_text("another")
    assert find_rustdoc(lonely, {"HOME": str(tmp_path)}).identity != before.identity
