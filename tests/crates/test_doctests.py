"""The step for the examples in documentation: it tells rustdoc what cargo tells it, and rustc what rustdoc would."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from cargo_cases import CARGO, HERE, RUSTC, SPEC, declaration, environment, given_in, sysroot_of, write
from osimage.action import Action
from osimage.crates import plan as stage
from osimage.crates.doctests import flags_of
from osimage.crates.fault import FaultError
from osimage.crates.run_doctests import Doctests
from osimage.errors import DeclarationError
from osimage.toolchain.rustc import Rustc
from osimage.toolchain.rustdoc import Rustdoc

FILES = {
    "Cargo.toml": """\
[workspace]
members = ["other", "helper"]
[package]
name = "doc-kernel"
version = "0.1.0"
edition = "2024"
[features]
default = ["fast"]
fast = []
slow = []
[dependencies]
other = { path = "other" }
[dev-dependencies]
aid = { path = "helper", package = "helper" }
[profile.dev]
panic = "abort"
lto = "thin"
[lints.rust]
unused_variables = "deny"
unexpected_cfgs = { level = "warn", check-cfg = ["cfg(given)"] }
[lints.rustdoc]
broken_intra_doc_links = "deny"
""",
    "other/Cargo.toml": '[package]\nname = "other"\nversion = "0.1.0"\nedition = "2021"\n',
    "helper/Cargo.toml": '[package]\nname = "helper"\nversion = "0.1.0"\nedition = "2021"\n',
    "src/lib.rs": "#![no_std]\n",
    "other/src/lib.rs": "#![no_std]\n",
    "helper/src/lib.rs": "#![no_std]\n",
    ".cargo/config.toml": """\
[build]
rustflags = ["--cfg", "given"]
rustdocflags = ["--cfg", "documented", "-Clink-arg=--no-relax", "--document-private-items"]
[env]
FROM_CONFIG = "yes"
""",
}
RECORDER = """\
import json, os, sys
with open(os.environ["OSIMAGE_RECORD"] + "-doc", "w") as record:
    json.dump([sys.argv[1:], dict(os.environ)], record)
"""


@pytest.fixture
def documented(
    rustc_1_96: Rustc, needs_cargo: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., Action]:
    """The step that is planned for FILES and others, with an identity of rustdoc."""

    def make(files: dict[str, str] | None = None, identity: str = "2" * 64) -> Action:
        monkeypatch.setattr(stage, "find_rustdoc", lambda *_: Rustdoc("/usr/bin/rustdoc", identity))
        root = write(tmp_path / "p", FILES | (files or {}))
        said = declaration(name="tests", manifest="Cargo.toml", tests=True, doctests=True)
        made, tests = stage.plan_tests(said, sysroot_of(), given_in(root, rustc_1_96))
        assert tests.documented == "build/tests/doctests.json"
        assert "/usr/bin/rustdoc" in made.consulted
        return next(action for action in made.actions if action.step == "doctests")

    return make


def test_the_step(documented: Callable[..., Action]) -> None:
    step = documented()
    assert step.outputs == ("build/tests/doctests.json", "build/tests/doctests.json.d", "build/tests/doctests/")
    assert step.label == "examples in the documentation of doc_kernel"
    assert (step.dep_info, step.link_info) == ("build/tests/doctests.json.d", "link.d")
    assert (step.user_env, step.local, step.shared, step.incremental) == (True, True, True, None)
    assert step.argv[:4] == ("osimage.crates.run_doctests", "{rustc}", "{rustdoc}", "{linker}")
    inputs = [entry.path for entry in step.inputs]
    assert inputs[:2] == [".", "build/x86_64-hello.json"]
    crates = {path.rpartition("/")[2].rpartition("-")[0] for path in inputs if path.startswith("build/crates/")}
    assert crates == {"libdoc_kernel", "libother", "libhelper"}
    assert documented(identity="3" * 64).toolchain != step.toolchain  # another rustdoc is another step
    example = Doctests.of(step.argv[4]).example
    assert {"-Ccodegen-units=1", "-Clto=thin", "-Clink-arg=--no-relax", "documented"} <= {*example}
    assert not {"given", "--document-private-items", "--deny=unused_variables"} & {*example}
    # Rustc says what rustdoc reads only where it gets the same.
    assert Doctests.of(step.argv[4]).library == ("--cfg", "documented", "-Clink-arg=--no-relax")


def test_a_library_may_have_no_doctests(rustc_1_96: Rustc, needs_cargo: None, tmp_path: Path) -> None:
    manifest = FILES["Cargo.toml"] + "[lib]\ndoctest = false\n"
    root = write(tmp_path / "p", FILES | {"Cargo.toml": manifest})
    said = declaration(name="tests", manifest="Cargo.toml", tests=True, doctests=True)
    _, tests = stage.plan_tests(said, sysroot_of(), given_in(root, rustc_1_96))
    assert tests.documented == ""
    assert [executable.kind for executable in tests.executables] == ["lib"]


def test_rustdoc_is_told_what_cargo_tells_it(documented: Callable[..., Action], tmp_path: Path) -> None:
    step = documented()
    doctests = Doctests.of(step.argv[4])
    words, env = told_by_cargo(tmp_path / "p", tmp_path / "cargo")
    assert sorted(compared([*doctests.crate, *doctests.listing])) == sorted(compared(words))
    ours = dict(variable.split("=", 1) for variable in step.argv[5:])
    own = {"CARGO", "CARGO_MAKEFLAGS", "CARGO_NET_OFFLINE"}
    cargos = {name: value for name, value in env.items() if name.startswith(("CARGO_", "FROM_")) and name not in own}
    assert {
        name: value.replace("{root}", str(tmp_path / "p")) for name, value in ours.items() if name in cargos
    } == cargos
    assert ours.keys() - cargos.keys() == {"CARGO", "RUSTC_BOOTSTRAP"}


def told_by_cargo(root: Path, scratch: Path) -> tuple[list[str], dict[str, str]]:
    """The arguments and the environment that cargo gives rustdoc for the doctests of the project in ROOT."""
    scratch.mkdir()
    (scratch / "recorder.py").write_text(RECORDER)
    for name, script in (("rustc", HERE / "rustc_recorder.py"), ("rustdoc", scratch / "recorder.py")):
        call = shlex.join([sys.executable, "-S", str(script)])
        (scratch / name).write_text(f'#!/bin/sh\nexec {call} "$@"\n')
        (scratch / name).chmod(0o755)
    (scratch / "x86_64-hello.json").write_text(json.dumps(SPEC))
    ours = {"RUSTC": f"{scratch}/rustc", "RUSTDOC": f"{scratch}/rustdoc", "RUSTC_BOOTSTRAP": "1",
            "OSIMAGE_RECORD": f"{scratch}/record", "OSIMAGE_RECORDED_RUSTC": RUSTC}  # fmt: skip
    command = [CARGO, "test", "--doc", "--offline", "--quiet", "--target", f"{scratch}/x86_64-hello.json",
               "--target-dir", f"{scratch}/target", "-Zunstable-options", "-Zjson-target-spec"]  # fmt: skip
    subprocess.run(command, cwd=root, env=environment(scratch / "home", ours), check=True, capture_output=True)
    argv, env = json.loads((scratch / "record-doc").read_text())
    return argv, env


def compared(argv: Sequence[str]) -> Iterator[str]:
    """ARGV without folders, hashes, what is ours, and how rustdoc starts and tells."""
    left_out = ("--color", "--test-args", "--test-run-directory", "--target", "--error-format", "--sysroot", "-L")
    words = iter(argv)
    for word in words:
        if word in left_out:
            next(words)
        elif word == "--extern":
            name, _, file = next(words).partition("=")
            yield f"--extern {name}={os.path.basename(file).rpartition('-')[0]}"
        elif word in ("-C", "--crate-name", "--crate-type", "--cfg", "--check-cfg"):
            yield f"{word if word != '-C' else ''}{'-C' if word == '-C' else ' '}{next(words)}"
        elif word not in ("--test", "--quiet", "-Zunstable-options", "src/lib.rs"):
            yield word


@pytest.mark.parametrize(("said", "listing", "example"), [
    ("", "", ""),
    ("--cfg x -Copt-level=1 -C lto", "--cfg x -Copt-level=1 -Clto", "--cfg x -Copt-level=1 -Clto"),
    ("--cfg=x --check-cfg=cfg(x) -Lfolder", "--cfg=x --check-cfg=cfg(x) -Lfolder", "--cfg=x --check-cfg=cfg(x) -Lfolder"),
    ("-L folder --extern a=b", "-L folder --extern a=b", "-L folder --extern a=b"),
    ("--document-private-items -Dwarnings", "--document-private-items -Dwarnings", ""),
    ("--doctest-build-arg -O", "--doctest-build-arg -O", "-O"),
    ("--doctest-build-arg=-O", "--doctest-build-arg=-O", "-O"),
    ("--html-in-header x.html -Zthreads=2", "--html-in-header x.html -Zthreads=2", "-Zthreads=2"),
])  # fmt: skip
def test_what_rustdoc_hands_on(said: str, listing: str, example: str) -> None:
    found = flags_of(said.split())
    assert (found.listing, found.example) == (tuple(listing.split()), tuple(example.split()))
    assert found.library == (() if "doctest-build-arg" in said else found.example)


@pytest.mark.parametrize("flag", ["--test-builder", "--test-runtool=x", "--no-run", "--persist-doctests=x"])
def test_flags_that_would_have_rustdoc_do_it(flag: str, documented: Callable[..., Action]) -> None:
    says = (
        f"the flags for rustdoc have {flag.partition('=')[0]}, which is not supported: osimage compiles and boots the "
        "examples itself. Take it away."
    )
    with pytest.raises(FaultError) as told:
        flags_of([flag, "value"])
    assert str(told.value) == says
    with pytest.raises(DeclarationError, match="which is not supported: osimage compiles and boots"):
        documented({".cargo/config.toml": f'[build]\nrustdocflags = ["{flag}"]\n'})
