"""Target specs that people have, from compilers of 2018 to today, brought to the one in use."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from osimage.errors import DeclarationError, Where
from osimage.target.migrate import migrate
from osimage.target.schema import Checker
from osimage.target.spec import Target, TargetSpec, plan, rewritten
from osimage.toolchain.rustc import Rustc

SOURCE = "x86_64-blog_os.json"
WHERE = Where("SConstruct", 3, f'env.TargetSpec("{SOURCE}")')

# data-layout as LLVM had it: at first, with address spaces (2020), with 128-bit integers aligned to 16 bytes (2024).
LAYOUT_2018 = "e-m:e-i64:64-f80:128-n8:16:32:64-S128"
LAYOUT_2020 = "e-m:e-p270:32:32-p271:32:32-p272:64:64-i64:64-f80:128-n8:16:32:64-S128"
LAYOUT = "e-m:e-p270:32:32-p271:32:32-p272:64:64-i64:64-i128:128-f80:128-n8:16:32:64-S128"

TODAY = {
    "llvm-target": "x86_64-unknown-none",
    "data-layout": LAYOUT,
    "arch": "x86_64",
    "target-endian": "little",
    "target-pointer-width": 64,
    "target-c-int-width": 32,
    "os": "none",
    "executables": True,
    "linker-flavor": "ld.lld",
    "linker": "rust-lld",
    "panic-strategy": "abort",
    "disable-redzone": True,
    "features": "-mmx,-sse,+soft-float",
    "rustc-abi": "softfloat",
}
STRINGS = {"target-pointer-width": "64", "target-c-int-width": "32"}


def without(spec: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in spec.items() if key not in keys}


def migrated(rustc: Rustc, root: Path, text: str, overrides: dict[str, Any] | None = None) -> tuple[Target, list[str]]:
    (root / SOURCE).write_text(text)
    stage, target = plan(TargetSpec("x86_64-blog_os", None, SOURCE, overrides or {}, WHERE), rustc, root)
    assert (root / SOURCE).read_text() == text
    assert stage.consulted == (SOURCE,)
    *notes, last = stage.notes or ("",)
    assert last == (f"{SOURCE}: the file itself stays as it is; `scons spec --write` changes it." if notes else "")
    assert all(note.startswith(f"{SOURCE}: ") for note in notes)
    return target, [note.removeprefix(f"{SOURCE}: ") for note in notes]


def fault(rustc: Rustc, root: Path, text: str | bytes, source: str = SOURCE, base: str | None = None) -> str:
    (root / SOURCE).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DeclarationError) as told:
        plan(TargetSpec("x86_64-blog_os", base, source, {}, WHERE), rustc, root)
    (only,) = told.value.faults
    return only


def layout_note(old: str) -> str:
    return f'data-layout: "{old}" became "{LAYOUT}" (LLVM 22.1.8 has it for x86_64-unknown-none)'


POINTER = 'target-pointer-width: "64" became 64 (rustc 1.96.0 wants a number)'
C_INT = 'target-c-int-width: "32" became 32 (rustc 1.96.0 wants a number)'
ABI = 'rustc-abi: added "softfloat" (rustc 1.96.0 wants it with the feature +soft-float)'


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        pytest.param(TODAY, [], id="today"),
        pytest.param(
            TODAY | {"rustc-abi": "x86-softfloat"},
            ['rustc-abi: "x86-softfloat" became "softfloat" (rustc 1.96.0 spells it so)'],
            id="2025, since soft-float needs an ABI",
        ),
        pytest.param(TODAY | STRINGS, [POINTER, C_INT], id="2025, widths as strings"),
        pytest.param(without(TODAY | STRINGS, "rustc-abi"), [POINTER, C_INT, ABI], id="2024"),
        pytest.param(
            without(TODAY | STRINGS | {"data-layout": LAYOUT_2020}, "rustc-abi"),
            [POINTER, C_INT, ABI, layout_note(LAYOUT_2020)],
            id="2023",
        ),
        pytest.param(
            without(TODAY | STRINGS | {"data-layout": LAYOUT_2018}, "rustc-abi"),
            [POINTER, C_INT, ABI, layout_note(LAYOUT_2018)],
            id="2018",
        ),
    ],
)
def test_every_age_becomes_todays(spec: dict[str, Any], told: list[str], tmp_path: Path, rustc_1_96: Rustc) -> None:
    target, notes = migrated(rustc_1_96, tmp_path, json.dumps(spec, indent=2))
    assert target.described == TODAY
    assert notes == told
    assert json.loads(target.json) == TODAY


GONE = "(rustc 1.96.0 has no such key)"


@pytest.mark.parametrize(
    ("more", "becomes", "told"),
    [
        (
            {"eliminate-frame-pointer": False},
            {"frame-pointer": "always"},
            f'eliminate-frame-pointer: became frame-pointer: "always" {GONE}',
        ),
        (
            {"eliminate-frame-pointer": True},
            {"frame-pointer": "may-omit"},
            f'eliminate-frame-pointer: became frame-pointer: "may-omit" {GONE}',
        ),
        (
            {"eliminate-frame-pointer": True, "frame-pointer": "always"},
            {"frame-pointer": "always"},
            f"eliminate-frame-pointer: left out {GONE}",
        ),
        ({"has-elf-tls": True}, {"has-thread-local": True}, f"has-elf-tls: became has-thread-local: true {GONE}"),
        ({"needs-plt": True}, {"plt-by-default": True}, f"needs-plt: became plt-by-default: true {GONE}"),
        ({"dwarf-version": 4}, {"default-dwarf-version": 4}, f"dwarf-version: became default-dwarf-version: 4 {GONE}"),
        (
            {"default-hidden-visibility": True},
            {"default-visibility": "hidden"},
            f'default-hidden-visibility: became default-visibility: "hidden" {GONE}',
        ),
        ({"default-hidden-visibility": False}, {}, f"default-hidden-visibility: left out {GONE}"),
        ({"is-builtin": False}, {}, f"is-builtin: left out {GONE}"),
        ({"no-compiler-rt": True}, {}, f"no-compiler-rt: left out {GONE}"),
        ({"abi-blacklist": ["stdcall"]}, {}, f"abi-blacklist: left out {GONE}"),
        (
            {"code-model": "default"},
            {},
            'code-model: "default" left out (rustc 1.96.0 takes the default without it)',
        ),
        (
            {"stack-probes": True},
            {"stack-probes": {"kind": "inline"}},
            'stack-probes: true became {"kind": "inline"} (rustc 1.96.0 wants a kind)',
        ),
        (
            {"stack-probes": False},
            {"stack-probes": {"kind": "none"}},
            'stack-probes: false became {"kind": "none"} (rustc 1.96.0 wants a kind)',
        ),
        (
            {"max-atomic-width": "64"},
            {"max-atomic-width": 64},
            'max-atomic-width: "64" became 64 (rustc 1.96.0 wants a number)',
        ),
        (
            {"disable-redzone": "true"},
            {"disable-redzone": True},
            'disable-redzone: "true" became true (rustc 1.96.0 wants a truth value)',
        ),
        (
            {"features": "-mmx, -sse, +soft-float,"},
            {},
            'features: "-mmx, -sse, +soft-float," became "-mmx,-sse,+soft-float" '
            "(rustc 1.96.0 wants nothing between the commas)",
        ),
    ],
)
def test_each_change(
    more: dict[str, Any], becomes: dict[str, Any], told: str, tmp_path: Path, rustc_1_96: Rustc
) -> None:
    target, notes = migrated(rustc_1_96, tmp_path, json.dumps(TODAY | more))
    assert target.described == TODAY | becomes
    assert notes == [told]


def test_a_missing_layout_is_filled_in(tmp_path: Path, rustc_1_96: Rustc) -> None:
    target, notes = migrated(rustc_1_96, tmp_path, json.dumps(without(TODAY, "data-layout")))
    assert target.described == TODAY
    assert notes == [f'data-layout: added "{LAYOUT}" (LLVM 22.1.8 has it for x86_64-unknown-none)']


def test_nulls_and_a_byte_order_mark_are_nothing(tmp_path: Path, rustc_1_96: Rustc) -> None:
    target, notes = migrated(rustc_1_96, tmp_path, "\ufeff" + json.dumps(TODAY | {"metadata": None}))
    assert (target.described, notes) == (TODAY, [])


def test_overrides_come_after(tmp_path: Path, rustc_1_96: Rustc) -> None:
    spec = json.dumps(TODAY | {"target-pointer-width": "64"})
    target, notes = migrated(rustc_1_96, tmp_path, spec, {"code-model": "kernel", "executables": None})
    assert target.described == without(TODAY, "executables") | {"code-model": "kernel"}
    assert notes == [POINTER]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            '{\n  "arch": "x86_64",\n}\n',
            f"{SOURCE}:3:1: this is not JSON: expecting property name enclosed in double quotes.",
        ),
        ('{\n  "arch" "x86_64"\n}\n', f"{SOURCE}:2:10: this is not JSON: expecting ':' delimiter."),
        ("", f"{SOURCE}:1:1: this is not JSON: expecting value."),
        ('{"arch": "x86_64', f"{SOURCE}:1:10: this is not JSON: unterminated string starting at."),
        ('{"arch": "x86_64", "os": 1, "arch": "x86"}', f"{SOURCE}: the key 'arch' is there twice."),
        ('{"arch": NaN}', f"{SOURCE}: NaN is not JSON."),
        ("[" * 100_000, f"{SOURCE} is nested too deeply to be a target spec."),
        ("[]", f'{SOURCE} is not a target spec, which is one JSON object: {{"llvm-target": ...}}.'),
        (b'{"arch": "\xff"}', f"{SOURCE} is not text: byte 10 is not UTF-8."),
        (
            json.dumps(TODAY | {"panic-stratgy": "abort"}),
            f"{SOURCE}: rustc 1.96.0 knows no key 'panic-stratgy'. Did you mean 'panic-strategy'?",
        ),
        (json.dumps(TODAY | {"os": 3}), f"{SOURCE}: os is 3, but rustc 1.96.0 wants a string."),
        (
            json.dumps(TODAY | {"default-hidden-visibility": "yes", "frame-pointer": "Always"}),
            f'{SOURCE}: frame-pointer is "Always", but rustc 1.96.0 wants "always", "non-leaf" or "may-omit". '
            "Did you mean 'always'?",
        ),
        (
            json.dumps(TODAY | {"linker-flavor": []}),
            f"{SOURCE}: linker-flavor is [], but rustc 1.96.0 wants "
            '"gnu", "gnu-lld", "gnu-cc", "gnu-lld-cc", "darwin", "darwin-lld", "darwin-cc", "darwin-lld-cc", '
            '"wasm-lld", "wasm-lld-cc", "unix", "unix-cc", "msvc-lld", "msvc", "em-cc", "bpf", "llbc", "ptx", "gcc", '
            '"ld", "ld.lld", "ld64.lld", "lld-link", "wasm-ld" or "em".',
        ),
    ],
)
def test_files_that_are_no_spec(text: str | bytes, says: str, tmp_path: Path, rustc_1_96: Rustc) -> None:
    assert fault(rustc_1_96, tmp_path, text) == says


def test_a_file_that_is_not_there(tmp_path: Path, rustc_1_96: Rustc) -> None:
    assert fault(rustc_1_96, tmp_path, "", "x86_64-blogos.json") == (
        f"there is no file x86_64-blogos.json. Did you mean '{SOURCE}'?"
    )


def test_a_file_and_a_base(tmp_path: Path, rustc_1_96: Rustc) -> None:
    assert fault(rustc_1_96, tmp_path, "{}", base="x86_64-unknown-none") == (
        f"base= and the file {SOURCE} exclude each other: a spec has one origin."
    )


def allowing(schema: dict[str, Any], key: str, *words: str) -> Checker:
    """A compiler whose schema has these values for KEY."""
    changed = copy.deepcopy(schema)
    changed["properties"][key] = {"type": "string", "enum": list(words)}
    return Checker(changed, "rustc 1.94.0")


def test_the_abi_for_a_compiler_that_knows_the_older_name(rustc_1_96: Rustc) -> None:
    older = allowing(rustc_1_96.target_spec_schema(), "rustc-abi", "x86-sse2", "x86-softfloat")
    assert migrate(TODAY, older) == (
        TODAY | {"rustc-abi": "x86-softfloat"},
        ['rustc-abi: "softfloat" became "x86-softfloat" (rustc 1.94.0 spells it so)'],
    )
    assert migrate(without(TODAY, "rustc-abi"), older)[0]["rustc-abi"] == "x86-softfloat"


def test_widths_for_a_compiler_that_wants_strings(rustc_1_96: Rustc) -> None:
    schema = rustc_1_96.target_spec_schema()
    schema["properties"] |= {key: {"type": "string"} for key in STRINGS}
    described, notes = migrate(TODAY, Checker(schema, "rustc 1.90.0"))
    assert described == TODAY | STRINGS
    assert notes[0] == 'target-pointer-width: 64 became "64" (rustc 1.90.0 wants a string)'


def test_flavors_for_a_compiler_without_the_older_names(rustc_1_96: Rustc) -> None:
    schema = rustc_1_96.target_spec_schema()
    schema["properties"]["linker-flavor"] = {"type": "string", "enum": ["gnu", "gnu-lld"]}
    del schema["properties"]["pre-link-args"]["properties"]["ld.lld"]
    spec = TODAY | {"pre-link-args": {"ld.lld": ["--script=linker.ld"]}}
    described, notes = migrate(spec, Checker(schema, "rustc 2.0.0"))
    assert described == TODAY | {"linker-flavor": "gnu-lld", "pre-link-args": {"gnu-lld": ["--script=linker.ld"]}}
    assert notes == [
        'linker-flavor: "ld.lld" became "gnu-lld" (rustc 2.0.0 spells it so)',
        'pre-link-args: "ld.lld" became "gnu-lld" (rustc 2.0.0 spells it so)',
    ]


@pytest.mark.parametrize("indent", [2, 4])
def test_a_file_written_anew_keeps_its_order(indent: int, tmp_path: Path, rustc_1_96: Rustc) -> None:
    old = {**TODAY, **STRINGS, "rustc-abi": "x86-softfloat"}
    (tmp_path / SOURCE).write_text(json.dumps(old, indent=indent))
    text, changes = rewritten(SOURCE, rustc_1_96, tmp_path, WHERE)
    assert text == json.dumps(TODAY, indent=indent) + "\n"
    assert len(changes) == 3
    (tmp_path / SOURCE).write_text(text)
    assert rewritten(SOURCE, rustc_1_96, tmp_path, WHERE) == (text, [])
