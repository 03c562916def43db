"""Target specs made from a built-in target of the compiler."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from osimage.action import Action
from osimage.errors import DeclarationError, Where
from osimage.target.spec import Target, TargetSpec, plan
from osimage.toolchain.rustc import Rustc

WHERE = Where("SConstruct", 3, 'env.TargetSpec("x86_64-hello.json")')
LAYOUT = "e-m:e-p270:32:32-p271:32:32-p272:64:64-i64:64-i128:128-f80:128-n8:16:32:64-S128"

HELLO = """\
{
  "arch": "x86_64",
  "cpu": "x86-64",
  "data-layout": "e-m:e-p270:32:32-p271:32:32-p272:64:64-i64:64-i128:128-f80:128-n8:16:32:64-S128",
  "disable-redzone": true,
  "features": "-mmx,-sse,+soft-float",
  "linker": "rust-lld",
  "linker-flavor": "gnu-lld",
  "llvm-target": "x86_64-unknown-none-elf",
  "max-atomic-width": 64,
  "os": "none",
  "panic-strategy": "abort",
  "plt-by-default": false,
  "position-independent-executables": false,
  "rustc-abi": "softfloat",
  "stack-probes": {
    "kind": "inline"
  },
  "static-position-independent-executables": false,
  "supported-sanitizers": [
    "kcfi",
    "kernel-address"
  ],
  "target-pointer-width": 64
}
"""


def planned(
    rustc: Rustc, overrides: Mapping[str, Any] | None = None, base: str | None = None, name: str = "x86_64-hello"
) -> tuple[Action, Target]:
    stage, target = plan(TargetSpec(name, base, None, overrides or {}, WHERE), rustc, Path("/nonexistent"))
    (action,) = stage.actions
    return action, target


def faults(
    rustc: Rustc, overrides: Mapping[str, Any], base: str | None = None, name: str = "x86_64-hello"
) -> list[str]:
    with pytest.raises(DeclarationError) as told:
        planned(rustc, overrides, base, name)
    assert str(told.value).splitlines() == [f"{WHERE}: {fault}" for fault in told.value.faults]
    return list(told.value.faults)


def test_the_default(rustc_1_96: Rustc) -> None:
    action, target = planned(rustc_1_96)
    assert target.json == HELLO
    assert target.described == json.loads(HELLO)
    assert (target.name, target.path) == ("x86_64-hello", "build/x86_64-hello.json")
    assert (action.step, action.label) == ("spec", "target spec x86_64-hello")
    assert action.argv == ("osimage.text", "build/x86_64-hello.json", HELLO)
    assert action.inputs == ()


def test_a_file_of_that_name_would_change_the_plan(rustc_1_96: Rustc) -> None:
    stage, _ = plan(TargetSpec("x86_64-hello", None, None, {}, WHERE), rustc_1_96, Path("/nonexistent"))
    assert stage.consulted == ("x86_64-hello.json",)


@pytest.mark.parametrize(
    ("base", "has", "has_not"),
    [
        ("x86_64-unknown-linux-gnu", {"os": "none", "rustc-abi": "softfloat"}, {"env", "target-family", "relro-level"}),
        ("i686-unknown-linux-gnu", {"target-pointer-width": 32, "rustc-abi": "softfloat"}, {"pre-link-args", "env"}),
        ("aarch64-unknown-none-softfloat", {"features": "+v8a,+strict-align,-neon", "os": "none"}, {"metadata"}),
        ("riscv64gc-unknown-none-elf", {"code-model": "medium", "llvm-abiname": "lp64d"}, {"rustc-abi", "metadata"}),
    ],
)
def test_other_bases(base: str, has: dict[str, Any], has_not: set[str], rustc_1_96: Rustc) -> None:
    described = planned(rustc_1_96, base=base)[1].described
    assert described | has == described
    assert not has_not & described.keys()
    assert described["panic-strategy"] == "abort"
    assert described["linker-flavor"] == "gnu-lld"


@pytest.mark.parametrize(
    ("overrides", "has", "has_not"),
    [
        ({"code-model": "kernel"}, {"code-model": "kernel"}, set()),
        ({"stack-probes": None}, {}, {"stack-probes"}),
        ({"features": "+sse2,+avx2"}, {"features": "+sse2,+avx2"}, {"rustc-abi"}),
        ({"features": "-mmx,-sse,+soft-float,+rdrnd"}, {"rustc-abi": "softfloat"}, set()),
        ({"linker-flavor": "ld.lld", "os": "hello"}, {"linker-flavor": "ld.lld", "os": "hello"}, set()),
        (
            {"llvm-target": "x86_64-unknown-windows-gnu"},  # another mangling, so another layout
            {"data-layout": LAYOUT.replace("m:e", "m:w")},
            set(),
        ),
    ],
)
def test_overrides(overrides: dict[str, Any], has: dict[str, Any], has_not: set[str], rustc_1_96: Rustc) -> None:
    described = planned(rustc_1_96, overrides)[1].described
    assert described | has == described
    assert not has_not & described.keys()


@pytest.mark.parametrize(
    ("base", "says"),
    [
        (
            "x86_64-unknwon-none",
            "rustc 1.96.0 has no built-in target 'x86_64-unknwon-none'. "
            "The nearest are x86_64-unknown-none, x86_64-unknown-linux-none, x86_64-unknown-netbsd.",
        ),
        ("z80", "rustc 1.96.0 has no built-in target 'z80'. `rustc --print target-list` lists them."),
        (
            "x86_64-unknown-uefi",
            "base 'x86_64-unknown-uefi' does not make ELF files, and a kernel is one. "
            "The default is x86_64-unknown-none.",
        ),
        (
            "wasm32-unknown-unknown",
            "base 'wasm32-unknown-unknown' does not make ELF files, and a kernel is one. "
            "The default is x86_64-unknown-none.",
        ),
    ],
)
def test_bases_that_do_not_fit(base: str, says: str, rustc_1_96: Rustc) -> None:
    assert faults(rustc_1_96, {}, base=base) == [says]


def test_a_base_as_it_is(rustc_1_96: Rustc) -> None:
    name = "x86_64-unknown-none"
    spec = TargetSpec(name, name, None, {}, WHERE, freestanding=False)
    target = plan(spec, rustc_1_96, Path("/nonexistent"))[1]
    built_in = rustc_1_96.target_spec(name)
    del built_in["metadata"]
    assert target.described == built_in
    assert target.described["position-independent-executables"] is True


@pytest.mark.parametrize("name", ["", "-x", "a b", "ü"])
@pytest.mark.parametrize("folder", ["", "a/"])
def test_names_that_do_not_fit(folder: str, name: str, rustc_1_96: Rustc) -> None:
    assert faults(rustc_1_96, {}, name=f"{folder}{name}") == [
        f"a target's name has letters, digits, '_', '-' and '.': not '{name}'."
    ]


def test_the_folder_is_no_part_of_the_name(rustc_1_96: Rustc) -> None:
    action, target = planned(rustc_1_96, name="a/x86_64-hello")
    assert (target.name, target.path, target.json) == ("x86_64-hello", "build/a/x86_64-hello.json", HELLO)
    assert action.outputs == (target.path,)


PROBES = (
    '{"kind": "none"}, {"kind": "inline"}, {"kind": "call"} or '
    '{"kind": "inline-or-call", "min-llvm-version-for-inline": a list of 3}'
)
COMPILER = "but rustc 1.96.0 wants"


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        ({"target-pointer-width": "64"}, f'target-pointer-width is "64", {COMPILER} a whole number from 0 to 65535.'),
        ({"max-atomic-width": -1}, f"max-atomic-width is -1, {COMPILER} a whole number from 0."),
        ({"max-atomic-width": True}, f"max-atomic-width is true, {COMPILER} a whole number from 0."),
        ({"max-atomic-width": 64.0}, f"max-atomic-width is 64.0, {COMPILER} a whole number from 0."),
        ({"disable-redzone": "yes"}, f'disable-redzone is "yes", {COMPILER} true or false.'),
        ({"os": 3}, f"os is 3, {COMPILER} a string."),
        ({"max-atomic-widht": 64}, "rustc 1.96.0 knows no key 'max-atomic-widht'. Did you mean 'max-atomic-width'?"),
        ({"quux": 64}, "rustc 1.96.0 knows no key 'quux'."),
        ({"arch": None}, "rustc 1.96.0 wants the key 'arch', which is missing."),
        (
            {"panic-strategy": "Abort"},
            f'panic-strategy is "Abort", {COMPILER} "unwind", "abort" or "immediate-abort". Did you mean \'abort\'?',
        ),
        (
            {"rustc-abi": "x86-softfloat"},
            f'rustc-abi is "x86-softfloat", {COMPILER} "x86-sse2" or "softfloat". Did you mean \'softfloat\'?',
        ),
        ({"target-endian": "small"}, f'target-endian is "small", {COMPILER} "big" or "little".'),
        ({"stack-probes": True}, f"stack-probes is true, {COMPILER} {PROBES}."),
        ({"stack-probes": {"kind": "inlin"}}, f'stack-probes is {{"kind": "inlin"}}, {COMPILER} {PROBES}.'),
        (
            {"stack-probes": {"kind": "inline-or-call", "min-llvm-version-for-inline": [1, 2]}},
            f'stack-probes["min-llvm-version-for-inline"] is [1, 2], {COMPILER} a list of 3.',
        ),
        (
            {"stack-probes": {"kind": "inline-or-call"}},
            "rustc 1.96.0 wants the key 'min-llvm-version-for-inline' in stack-probes, which is missing.",
        ),
        ({"pre-link-args": {"gnu": ["-T", 3]}}, f'pre-link-args["gnu"][1] is 3, {COMPILER} a string.'),
        (
            {"pre-link-args": {"gnuu": ["-T"]}},
            "rustc 1.96.0 knows no key 'gnuu' in pre-link-args. Did you mean 'gnu'?",
        ),
        ({"pre-link-args": ["-T"]}, f'pre-link-args is ["-T"], {COMPILER} an object.'),
        ({"link-env": "A=b"}, f'link-env is "A=b", {COMPILER} a list with a string in each place.'),
        ({"target-family": [3]}, f"target-family is [3], {COMPILER} a list with a string in each place or a string."),
        (
            {"link-self-contained": {"components": ["linkerx"]}},
            f'link-self-contained["components"][0] is "linkerx", {COMPILER} "crto", "libc", "unwind", "linker", '
            '"sanitizers" or "mingw". Did you mean \'linker\'?',
        ),
    ],
)
def test_what_the_schema_refuses(overrides: dict[str, Any], says: str, rustc_1_96: Rustc) -> None:
    assert faults(rustc_1_96, overrides) == [says]


def test_all_faults_at_once(rustc_1_96: Rustc) -> None:
    assert faults(rustc_1_96, {"target-pointer-width": "64", "os": 3, "foo": 1}) == [
        f'target-pointer-width is "64", {COMPILER} a whole number from 0 to 65535.',
        f"os is 3, {COMPILER} a string.",
        "rustc 1.96.0 knows no key 'foo'.",
    ]


ELF = "x86_64-unknown-none-elf"


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (
            {"features": "-mmx,-sse,+soft-flot"},
            [f"features: LLVM 22.1.8 knows no feature 'soft-flot' for {ELF}. Did you mean 'soft-float'?"],
        ),
        (
            {"features": "-mmx,-sse,+soft-float,+quux", "cpu": "x86-65"},
            [
                f"cpu: LLVM 22.1.8 knows no processor 'x86-65' for {ELF}. Did you mean 'x86-64'?",
                f"features: LLVM 22.1.8 knows no feature 'quux' for {ELF}.",
            ],
        ),
        (
            {"features": "-mmx, -sse,+soft-float,soft"},
            [
                "features: ' -sse' neither adds nor takes away a feature: write '+sse' or '-sse'.",
                "features: 'soft' neither adds nor takes away a feature: write '+soft' or '-soft'.",
            ],
        ),
        (
            {"features": "-mmx,,+soft-float,-soft-float"},
            [
                'features is "-mmx,,+soft-float,-soft-float": there is nothing between two commas.',
                "features: 'soft-float' is both added and taken away.",
            ],
        ),
        ({"rustc-abi": None}, ['features has +soft-float, which needs rustc-abi "softfloat".']),
        (
            {"rustc-abi": "softfloat", "features": "+sse2"},
            ['rustc-abi is "softfloat", which needs +soft-float in features.'],
        ),
        (
            {"data-layout": LAYOUT.replace("i128:128-", "")},  # rustc would say so only while generating code
            [
                f'data-layout is "{LAYOUT.replace("i128:128-", "")}", but LLVM 22.1.8 has "{LAYOUT}" for {ELF}. '
                "Leave the key out and it is filled in."
            ],
        ),
        ({"llvm-target": "quux"}, ["rustc 1.96.0 refuses it: could not create LLVM TargetMachine for triple: quux"]),
        (
            {"llvm-target": "aarch64-unknown-none"},
            ['arch is "x86_64", but LLVM takes the llvm-target "aarch64-unknown-none" for another architecture.'],
        ),
        ({"llvm-abiname": "lp64"}, ["rustc 1.96.0 refuses it: `llvm_abiname` is unused on x86-64"]),
        (
            {"target-pointer-width": 32},
            [
                'rustc 1.96.0 refuses it: inconsistent target specification: "data-layout" claims pointers are 64-bit, '
                'while "target-pointer-width" is `32`'
            ],
        ),
    ],
)
def test_what_the_compiler_refuses(overrides: dict[str, Any], says: list[str], rustc_1_96: Rustc) -> None:
    assert faults(rustc_1_96, overrides) == says
