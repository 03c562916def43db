"""The steps of a sysroot as data."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from osimage.action import Action, Input, Plan
from osimage.errors import DeclarationError, Where
from osimage.sysroot.plan import Sysroot, SysrootDeclaration, plan
from osimage.sysroot.source import enabled
from osimage.target.spec import Target, TargetSpec
from osimage.target.spec import plan as plan_target
from osimage.toolchain.rustc import Rustc

WHERE = Where("SConstruct", 4, 'env.Sysroot("sysroot")')
SOURCE = "build/external/rust-src"
LIB = "build/sysroot/lib/rustlib/x86_64-hello/lib"


def target_of(rustc: Rustc) -> Target:
    return plan_target(TargetSpec("x86_64-hello", None, None, {}, WHERE), rustc, Path("/nonexistent"))[1]


def planned(rustc: Rustc, *rustflags: str) -> tuple[Plan, Sysroot]:
    return plan(SysrootDeclaration("sysroot", rustflags, WHERE), target_of(rustc), rustc)


def steps(rustc: Rustc, *rustflags: str) -> dict[str, Action]:
    return {action.step: action for action in planned(rustc, *rustflags)[0].actions}


def test_the_steps(rustc: Rustc) -> None:
    stage, _ = planned(rustc)
    assert [(action.step, action.label) for action in stage.actions] == [
        ("core", "core 1.96.0 for x86_64-hello"),
        ("build-script", "build script of compiler_builtins 1.96.0"),
        ("configure", "configuration of compiler_builtins for x86_64-hello"),
        ("builtins", "compiler_builtins 1.96.0 for x86_64-hello"),
        ("alloc", "alloc 1.96.0 for x86_64-hello"),
    ]
    assert stage.links == (("rust-src", rustc.rust_src),)
    assert stage.consulted == (
        f"{rustc.rust_src}/core/Cargo.toml",
        f"{rustc.rust_src}/compiler-builtins/compiler-builtins/Cargo.toml",
        f"{rustc.rust_src}/alloc/Cargo.toml",
        f"{rustc.rust_src}/compiler-builtins/compiler-builtins/",
    )


def test_core(rustc: Rustc) -> None:
    core = steps(rustc)["core"]
    assert core.argv == (
        "rustc", "--crate-name=core", "--edition=2024", "--crate-type=rlib", "--emit=link,metadata,dep-info",
        "--out-dir={out}", "--error-format=json", "--json=diagnostic-rendered-ansi", "--cap-lints=allow",
        f"--remap-path-prefix={SOURCE}=/rustc/library", "-Zremap-cwd-prefix=.", "--json=artifacts",
        "--target", "build/x86_64-hello.json", "-Zunstable-options",
        "-Copt-level=3", "-Ccodegen-units=1", "-Cembed-bitcode=yes", "-Cmetadata=sysroot",
        "-Zforce-unstable-if-unmarked",
        "-Zbinary-dep-depinfo", "-Zembed-metadata=no", "-Zthreads=2", f"{SOURCE}/core/src/lib.rs",
    )  # fmt: skip
    assert core.inputs == (
        Input("build/x86_64-hello.json"),
        Input(f"{SOURCE}/core/src", "tree"),
        Input(f"{SOURCE}/stdarch/crates/core_arch/src", "tree"),
    )
    assert core.outputs == (f"{LIB}/libcore.rlib", f"{LIB}/libcore.rmeta", "build/sysroot/core.d")
    assert core.dep_info == "build/sysroot/core.d"
    assert core.toolchain == rustc.identity
    assert core.env == (("RUSTC_BOOTSTRAP", "1"),)


@pytest.mark.parametrize(
    ("lto", "rustflags", "bitcode"),
    [(True, (), True), (False, (), False), (False, ("-C", "lto=thin"), True), (False, ("-Clinker-plugin-lto",), True)],
)
def test_bitcode_where_link_time_optimisation_wants_it(
    lto: bool, rustflags: tuple[str, ...], bitcode: bool, rustc: Rustc
) -> None:
    stage, sysroot = plan(SysrootDeclaration("sysroot", rustflags, WHERE, lto), target_of(rustc), rustc)
    made = [action for action in stage.actions if action.step in ("core", "builtins", "alloc")]
    assert {f"-Cembed-bitcode={'yes' if bitcode else 'no'}" in action.argv for action in made} == {True}
    assert sysroot.lto is bitcode


def test_compiler_builtins_and_its_build_script(rustc: Rustc) -> None:
    by_step = steps(rustc)
    package = f"{SOURCE}/compiler-builtins/compiler-builtins"
    arguments = "build/sysroot/compiler_builtins/rustc.args"
    script = by_step["build-script"]
    assert "--target" not in script.argv
    assert script.argv[-1] == f"{package}/build.rs"
    assert script.inputs == (Input(f"{package}/build.rs"), Input(f"{package}/configure.rs"))
    configure = by_step["configure"]
    assert configure.argv[:4] == (
        "osimage.sysroot.build_script", "build/sysroot/compiler_builtins/build_script", package, arguments,
    )  # fmt: skip
    assert {"TARGET=x86_64-hello", "OPT_LEVEL=3", "CARGO_CFG_TARGET_HAS_RELIABLE_F128=", "CARGO_FEATURE_MEM=1"} <= {
        *configure.argv
    }
    assert not any(word.startswith("CARGO_CFG_DEBUG_ASSERTIONS") for word in configure.argv)
    assert configure.inputs == (Input("build/sysroot/compiler_builtins/build_script"),)
    builtins = by_step["builtins"]
    assert builtins.argv[-4:] == (
        '--cfg=feature="compiler-builtins"', '--cfg=feature="mem"', f"@{arguments}", f"{package}/src/lib.rs",
    )  # fmt: skip
    assert "--edition=2021" in builtins.argv
    assert {Input(arguments), Input(f"{LIB}/libcore.rmeta")} <= {*builtins.inputs}
    assert Input(f"{LIB}/libcore.rlib") not in builtins.inputs


def test_alloc_lies_apart_and_nothing_waits_for_it(rustc: Rustc) -> None:
    stage, sysroot = planned(rustc)
    alloc = stage.actions[-1]
    assert alloc.outputs == (
        "build/sysroot/alloc/liballoc.rlib",
        "build/sysroot/alloc/liballoc.rmeta",
        "build/sysroot/alloc.d",
    )
    read = {entry.path for action in stage.actions for entry in action.inputs}
    assert not read & {*alloc.outputs}
    assert sysroot.arguments() == (
        "--target", "build/x86_64-hello.json", "-Zunstable-options", "--sysroot", "build/sysroot",
    )  # fmt: skip
    assert sysroot.arguments(alloc=True) == (*sysroot.arguments(), "-L", "build/sysroot/alloc")
    assert {entry.path for entry in sysroot.inputs_of_alloc()} == {
        "build/sysroot/alloc/liballoc.rlib",
        "build/sysroot/alloc/liballoc.rmeta",
    }


def test_every_input_is_made_before_or_is_source(rustc: Rustc) -> None:
    made = {"build/x86_64-hello.json"}
    for action in planned(rustc)[0].actions:
        assert all(entry.path in made or entry.path.startswith(f"{SOURCE}/") for entry in action.inputs)
        assert len({path.rpartition("/")[2] for path in action.outputs}) == len(action.outputs)
        made |= {*action.outputs}


def test_no_step_names_a_place_of_this_machine(rustc: Rustc) -> None:
    for action in planned(rustc, "-C", "code-model=kernel")[0].actions:
        words = [*action.argv, *action.outputs, *(entry.path for entry in action.inputs)]
        assert not [
            word for word in words if word.startswith("/") or str(rustc.rust_src) in word or rustc.sysroot == word
        ]


def test_flags_reach_every_crate_and_the_build_script(rustc: Rustc) -> None:
    flags = ("-C", "opt-level=s", "-Ctarget-feature=+avx512f", "-Clink-arg=-Tx.ld")
    stage, sysroot = planned(rustc, *flags)
    assert sysroot.rustflags == ("-Copt-level=s", "-Ctarget-feature=+avx512f")
    by_step = {action.step: action.argv for action in stage.actions}
    for step in ("core", "builtins", "alloc"):
        assert by_step[step][-3:-1] == sysroot.rustflags
    assert "OPT_LEVEL=s" in by_step["configure"]
    assert not {*sysroot.rustflags} & {*by_step["build-script"]}


def test_a_linker_script_makes_no_other_sysroot(rustc: Rustc) -> None:
    assert planned(rustc, "-C", "link-arg=-Tkernel.ld", "-Dwarnings") == planned(rustc)


def test_a_compiler_without_the_newer_options(rustc: Rustc) -> None:
    def ask(question: tuple[tuple[str, ...], tuple[tuple[str, str], ...]]) -> tuple[int, str, str]:
        return (0, "    -Z  remap-cwd-prefix=val -- x\n", "") if question[0] == ("-Zhelp",) else rustc.ask(question)

    core = steps(dataclasses.replace(rustc, ask=ask))["core"]
    assert not [word for word in core.argv if word.startswith(("-Zembed-metadata", "-Zthreads"))]


def fault(rustc: Rustc, *rustflags: str) -> str:
    target = target_of(rustc)
    with pytest.raises(DeclarationError) as told:
        plan(SysrootDeclaration("sysroot", rustflags, WHERE), target, rustc)
    (only,) = told.value.faults
    return only


def test_no_source(rustc: Rustc) -> None:
    assert fault(dataclasses.replace(rustc, rust_src=None)) == (
        "rustc 1.96.0 has no source of the standard library to compile (rustup: `rustup component add rust-src`; "
        "Debian: the package rust-web-src or rust-src)."
    )


@pytest.mark.parametrize(
    ("rustflag", "says"),
    [
        ("-Ccode-modle=kernel", "rustc 1.96.0 refuses the rustflags: unknown codegen option: `code-modle`"),
        ("--quux", "rustc 1.96.0 refuses the rustflags: Unrecognized option: 'quux'"),
        (
            "-Ccode-model=quux",
            "rustc 1.96.0 refuses the rustflags: incorrect value `quux` for codegen option `code-model` - "
            "one of supported code models (`rustc --print code-models`) was expected",
        ),
    ],
)
def test_flags_that_rustc_refuses(rustflag: str, says: str, rustc: Rustc) -> None:
    assert fault(rustc, rustflag) == says


AGE = "this library is too old or too new."


@pytest.mark.parametrize(
    ("file", "text", "says"),
    [
        (
            "core/Cargo.toml",
            None,
            "core/Cargo.toml in rust-src cannot be read: No such file or directory. Install rust-src again.",
        ),
        (
            "alloc/Cargo.toml",
            "[package\n",
            "alloc/Cargo.toml in rust-src is damaged: Expected ']' at the end of a table declaration "
            "(at line 1, column 9). Install rust-src again.",
        ),
        ("core/Cargo.toml", '[package]\nversion = "0"\n', f"core/Cargo.toml in rust-src has no edition: {AGE}"),
        (
            "alloc/Cargo.toml",
            '[package]\nversion = "0"\nedition = "2024"\n'
            '[dependencies]\ncore = { path = "../core" }\ncompiler_builtins = "0.1"\n',
            f"alloc/Cargo.toml in rust-src names no path to compiler_builtins: {AGE}",
        ),
        (
            "compiler-builtins/compiler-builtins/Cargo.toml",
            '[package]\nversion = "0"\nedition = "2024"\n[features]\ncompiler-builtins = []\n',
            f"compiler_builtins in rust-src has no feature 'mem': {AGE}",
        ),
    ],
)
def test_libraries_that_do_not_fit(file: str, text: str | None, says: str, rustc: Rustc, library: Path) -> None:
    (library / file).unlink()
    if text is not None:
        (library / file).write_text(text)
    assert fault(rustc) == says


@pytest.mark.parametrize(
    ("declared", "wanted", "found"),
    [
        ({"a": [], "b": [], "c": []}, ("a",), ("a",)),
        ({"default": ["arch"], "arch": [], "a": ["dep:core", "names"], "names": []}, ("a",), ("a", "arch", "names")),
        ({"a": ["b"], "b": ["a", "core/x", "core?/y"]}, ("a",), ("a", "b")),
    ],
    ids=["itself", "default ones and those it switches on", "in a circle, and of other crates"],
)
def test_features_are_those_that_cargo_would_switch_on(
    declared: dict[str, list[str]], wanted: tuple[str, ...], found: tuple[str, ...]
) -> None:
    assert enabled(declared, wanted) == found
