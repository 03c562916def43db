"""Running the build script of the standard library, and what it says as arguments for rustc."""

from __future__ import annotations

from pathlib import Path

import pytest
from osimage.errors import StepError
from osimage.sysroot.build_script import arguments, run
from osimage.sysroot.script_env import script_env
from osimage.sysroot.source import LibraryCrate

CFG = (
    "debug_assertions",
    'panic="abort"',
    'target_feature="fxsr"',
    'target_feature="x87"',
    "target_has_atomic",
    'target_has_atomic="64"',
    'target_has_atomic="ptr"',
    "target_has_reliable_f16",
    'target_env=""',
)
CRATE = LibraryCrate(
    "compiler_builtins", "cb", "0.1.160", "2024", ("compiler-builtins", "mem"), "compiler-rt", (), ("build.rs",)
)


def test_the_variables() -> None:
    assert script_env(CRATE, "x86_64-hello", "x86_64-unknown-linux-gnu", CFG, "3") == (
        ("CARGO_CFG_DEBUG_ASSERTIONS", ""),
        ("CARGO_CFG_FEATURE", "compiler-builtins,mem"),
        ("CARGO_CFG_PANIC", "abort"),
        ("CARGO_CFG_TARGET_ENV", ""),
        ("CARGO_CFG_TARGET_FEATURE", "fxsr,x87"),
        ("CARGO_CFG_TARGET_HAS_ATOMIC", "64,ptr"),
        ("CARGO_CFG_TARGET_HAS_RELIABLE_F16", ""),
        ("CARGO_FEATURE_COMPILER_BUILTINS", "1"),
        ("CARGO_FEATURE_MEM", "1"),
        ("CARGO_MANIFEST_LINKS", "compiler-rt"),
        ("CARGO_PKG_NAME", "compiler_builtins"),
        ("CARGO_PKG_VERSION", "0.1.160"),
        ("DEBUG", "false"),
        ("HOST", "x86_64-unknown-linux-gnu"),
        ("NUM_JOBS", "1"),
        ("OPT_LEVEL", "3"),
        ("PROFILE", "release"),
        ("TARGET", "x86_64-hello"),
    )


@pytest.mark.parametrize(
    ("said", "becomes"),
    [
        ("cargo:rustc-cfg=thumb", ["--cfg=thumb"]),
        ('cargo::rustc-cfg=feature="mem"', ['--cfg=feature="mem"']),
        ('cargo:rustc-env=FEATURES=["mem", "a=b"]', ['--env-set=FEATURES=["mem", "a=b"]']),
        ("cargo::rustc-check-cfg=cfg(x)", []),
        ("cargo::rerun-if-changed=build.rs\ncargo:rerun-if-env-changed=X", []),
        ("cargo:compiler-rt=/somewhere\ncargo::metadata=root=/x\ncargo:warning=slow", []),
        ("cargo:rustc-link-search=native=/usr/lib", []),
        ("some words\ncargo:rustc-cfg=a\n\ncargo:rustc-cfg=b", ["--cfg=a", "--cfg=b"]),
    ],
)
def test_what_it_says(said: str, becomes: list[str]) -> None:
    assert list(arguments(said)) == becomes


@pytest.mark.parametrize(
    "line",
    ["cargo:rustc-link-lib=compiler_rt", "cargo::rustc-link-arg=-x", "cargo:rustc-flags=-l x", "cargo::error=no cc"],
)
def test_what_it_may_not_say(line: str) -> None:
    with pytest.raises(StepError) as told:
        list(arguments(f"cargo:rustc-cfg=a\n{line}\n"))
    assert str(told.value) == f"the build script says '{line}', which is not supported for the standard library."


def script(folder: Path, text: str) -> str:
    path = folder / "script"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    (folder / "out").mkdir()
    return str(path)


def test_it_sees_its_variables_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "x")
    (tmp_path / "package").mkdir()
    program = script(
        tmp_path, 'echo "cargo:rustc-env=A=$A $SECRET$PATHS"; echo "cargo:rustc-cfg=$(pwd)"; : > "$OUT_DIR/x"'
    )
    run([program, str(tmp_path / "package"), "build/rustc.args", "A=b=c", "PATHS="], tmp_path / "out")
    assert (tmp_path / "out/rustc.args").read_text() == f"--env-set=A=b=c \n--cfg={tmp_path / 'package'}\n"


def test_it_fails(tmp_path: Path) -> None:
    program = script(tmp_path, "echo panicked >&2; exit 101")
    with pytest.raises(StepError) as told:
        run([program, str(tmp_path), "rustc.args"], tmp_path / "out")
    assert str(told.value) == f"the build script {program} ended with 101:\npanicked"
    assert not (tmp_path / "out/rustc.args").exists()


def test_it_cannot_be_started(tmp_path: Path) -> None:
    program = script(tmp_path, "")
    Path(program).chmod(0o644)
    with pytest.raises(StepError) as told:
        run([program, str(tmp_path), "rustc.args"], tmp_path / "out")
    assert str(told.value) == f"the build script {program} cannot be started: Permission denied."
