"""Small projects that between them use what cargo has, and what cargo itself makes of them: the measure of our argv."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from osimage.action import Plan
from osimage.crates.given import Given
from osimage.crates.kernel import KernelDeclaration
from osimage.crates.place import Place
from osimage.crates.plan import plan, plan_tests
from osimage.errors import Where
from osimage.sysroot.plan import Sysroot
from osimage.sysroot.steps import CrateFiles
from osimage.target.spec import Target
from osimage.toolchain.cargo import Cargo
from osimage.toolchain.rustc import Rustc

HERE = Path(__file__).parent
PROJECTS = HERE.parent / "crates" / "projects"
RECORDED = HERE.parent / "data" / "cargo-argv.json"
CARGO = "/usr/bin/cargo"
RUSTC = "/usr/bin/rustc"
VERSION = "cargo 1.96.0"  # whose words and argv were recorded

SPEC = {
    "arch": "x86_64",
    "cpu": "x86-64",
    "data-layout": "e-m:e-p270:32:32-p271:32:32-p272:64:64-i64:64-i128:128-f80:128-n8:16:32:64-S128",
    "disable-redzone": True,
    "features": "-mmx,-sse,+soft-float",
    "linker": "rust-lld",
    "linker-flavor": "gnu-lld",
    "llvm-target": "x86_64-unknown-none-elf",
    "max-atomic-width": 64,
    "os": "none",
    "panic-strategy": "abort",
    "plt-by-default": False,
    "position-independent-executables": False,
    "rustc-abi": "softfloat",
    "stack-probes": {"kind": "inline"},
    "static-position-independent-executables": False,
    "target-pointer-width": 64,
}


WHERE = Where("SConstruct", 4, 'env.Kernel("hello.elf")')


def declaration(**said: Any) -> KernelDeclaration:
    """`env.Kernel("hello.elf", "kernel/Cargo.toml", sysroot=…)` with what is SAID otherwise."""
    default: dict[str, Any] = {
        "name": "hello.elf",
        "manifest": "kernel/Cargo.toml",
        "bin": None,
        "features": (),
        "default_features": True,
        "profile": "dev",
        "rustflags": (),
        "alloc": False,
        "where": WHERE,
        "tests": False,
        "incremental": None,
        "not_deterministic": (),
        "inputs": (),
        "doctests": False,
    }
    assert said.keys() <= default.keys()
    return KernelDeclaration(**{**default, **said})


def sysroot_of(spec: Mapping[str, Any] = SPEC, rustflags: tuple[str, ...] = ()) -> Sysroot:
    """The sysroot `sysroot` for a target of SPEC."""
    target = Target("x86_64-hello", "build/x86_64-hello.json", json.dumps(spec), spec)
    folder = "build/sysroot/lib/rustlib/x86_64-hello/lib"

    def files(name: str, where: str) -> CrateFiles:
        return CrateFiles(name, f"{where}/lib{name}.rlib", f"{where}/lib{name}.rmeta")

    crates = (files("core", folder), files("compiler_builtins", folder))
    alloc = "build/sysroot/alloc"
    return Sysroot("sysroot", target, "build/sysroot", crates, files("alloc", alloc), alloc, rustflags, True)


def write(root: Path, files: Mapping[str, str]) -> Path:
    """ROOT with FILES (path to text) in it."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


@dataclass(frozen=True)
class Case:
    """One build: a project of `projects/`, its manifest, and what a declaration and the environment say."""

    name: str
    project: str
    manifest: str = "Cargo.toml"
    bin: str | None = None
    features: tuple[str, ...] = ()
    default_features: bool = True
    profile: str = "dev"
    environ: Mapping[str, str] = field(default_factory=dict)
    tests: bool = False

    def __str__(self) -> str:
        return self.name


CASES = (
    Case("configured", "configured", environ={"TAKEN": "really", "FORCED": "no"}),
    Case("configured, release", "configured", profile="release"),
    Case("configured, profile", "configured", profile="release", environ={"CARGO_PROFILE_RELEASE_OPT_LEVEL": "3"}),
    Case("configured, RUSTFLAGS", "configured", environ={"RUSTFLAGS": "--cfg=from_variable  -C codegen_units=2"}),
    Case("configured, CARGO_TARGET", "configured", environ={"CARGO_TARGET_X86_64_HELLO_RUSTFLAGS": "--cfg=more"}),
    Case(
        "configured, encoded",
        "configured",
        environ={"CARGO_ENCODED_RUSTFLAGS": "--cfg\x1fone=\"a b\"", "RUSTFLAGS": "--cfg=never"},
    ),
    Case("unusual", "unusual", bin="found"),
    Case("unusual, release", "unusual", bin="found", profile="release"),
    Case("workspace, default-run", "workspace", "kernel/Cargo.toml"),
    Case("workspace, features", "workspace", "kernel/Cargo.toml", "my-kernel", ("y",), default_features=False),
    Case("workspace, both", "workspace", "kernel/Cargo.toml", "my-kernel", ("y", "x")),
    Case("workspace, release", "workspace", "kernel/Cargo.toml", "my-kernel", profile="release"),
    Case("workspace, tiny", "workspace", "kernel/Cargo.toml", "my-kernel", profile="tiny"),
    Case("workspace, odd", "workspace", "kernel/Cargo.toml", "my-kernel", profile="odd"),
    Case("workspace, build.rustflags", "workspace", "kernel/Cargo.toml", environ={"CARGO_BUILD_RUSTFLAGS": "--cfg=b"}),
    Case("graph", "graph", "kernel/Cargo.toml", environ={"BOARD": "mine"}),
    Case("graph, release", "graph", "kernel/Cargo.toml", profile="release"),
    Case("graph, quick", "graph", "kernel/Cargo.toml", profile="quick", default_features=False),
    Case("graph, tests", "graph", "kernel/Cargo.toml", tests=True),
)  # fmt: skip


def copied(project: str, to: Path) -> Path:
    """A copy of PROJECT in the folder TO."""
    return Path(shutil.copytree(PROJECTS / project, to / project))


def environment(home: Path, more: Mapping[str, str]) -> dict[str, str]:
    """The environment of a person with an empty home, and MORE in it."""
    return {"PATH": "/usr/bin:/bin", "HOME": str(home), "LC_ALL": "C.UTF-8", **more}


class LiveCargo(Cargo):
    """The cargo of this machine, with a record of what it was asked and said; the folder ROOT is {root} in it."""

    def __init__(self, root: Path) -> None:
        super().__init__(CARGO, VERSION)
        self.root = str(root)
        self.said: list[list[Any]] = []

    def run(
        self, arguments: tuple[str, ...], files: tuple[tuple[str, str], ...], environ: Mapping[str, str]
    ) -> tuple[int, str, str]:
        status, output, errors = super().run(arguments, files, environ)
        question = question_of(arguments, files, environ, self.root)
        shown = (re.sub(r"[^\s\"]*/osimage-[a-z0-9_]{8}", "/scratch", said) for said in (output, errors))
        self.said.append([question, status, *(_placeless(said, self.root) for said in shown)])
        return status, output, errors


def _placeless(said: str, root: str) -> str:
    """What cargo SAID, without the place of the project's ROOT and of the registry."""
    return re.sub(r"registry\+https://[^#\s\"]+", "registry+https://index", said.replace(root, "{root}"))


class RecordedCargo:
    """Says what a LiveCargo said of the same project in another folder, ROOT."""

    def __init__(self, said: Sequence[Sequence[Any]], root: Path) -> None:
        self._said = {question: (status, output, errors) for question, status, output, errors in said}
        self._root = str(root)

    def run(
        self, arguments: tuple[str, ...], files: tuple[tuple[str, str], ...], environ: Mapping[str, str]
    ) -> tuple[int, str, str]:
        status, output, errors = self._said[question_of(arguments, files, environ, self._root)]
        return status, output.replace("{root}", self._root), errors.replace("{root}", self._root)


def question_of(
    arguments: Sequence[str], files: Sequence[tuple[str, str]], environ: Mapping[str, str], root: str
) -> str:
    """What cargo is asked, in one text without the ROOT of the project."""
    steering = {name: value for name, value in environ.items() if name.startswith("CARGO_")}
    return json.dumps([*arguments, dict(files).get(".cargo/config.toml"), steering]).replace(root, "{root}")


def cargo_is_here() -> bool:
    """Whether this machine's cargo is the one that was recorded."""
    try:
        said = subprocess.run([CARGO, "--version"], capture_output=True, text=True, check=False).stdout
    except OSError:
        return False
    return said.startswith(f"{VERSION} ")


def given_in(root: Path, rustc: Rustc, environ: Mapping[str, str] | None = None) -> Given:
    """What planning the project in ROOT is given with RUSTC and the real cargo, and ENVIRON in the environment."""
    return Given(rustc, LiveCargo(root), environment(root.parent / "home", environ or {}), Place(str(root), "build"))


def plan_of(case: Case, root: Path, rustc: Rustc, cargo: LiveCargo | RecordedCargo) -> Plan:
    """Our plan of CASE, whose project lies in ROOT."""
    said = declaration(
        manifest=case.manifest,
        bin=case.bin,
        features=case.features,
        default_features=case.default_features,
        profile=case.profile,
        tests=case.tests,
    )
    stage = plan_tests if case.tests else plan
    return stage(said, sysroot_of(), given_in(root, rustc, case.environ)._replace(cargo=cargo))[0]


class Built(NamedTuple):
    """What cargo did: the rustc calls, comparable, and of each run of a build script its environment and output.

    Runs are called by their package's name. OUT_DIR is {out_dir} and the project's root is {root}.
    """

    calls: list[dict[str, Any]]
    runs: dict[str, dict[str, Any]]


def built_by_cargo(case: Case, scratch: Path) -> Built:
    """What cargo does when it builds CASE; for the target nothing is compiled."""
    scratch.mkdir(parents=True, exist_ok=True)
    root = copied(case.project, scratch)
    spec = scratch / "x86_64-hello.json"
    spec.write_text(json.dumps(SPEC))
    record, rustc = scratch / "record", scratch / "rustc"
    rustc.write_text(
        f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -S {shlex.quote(str(HERE / "rustc_recorder.py"))} "$@"\n'
    )
    rustc.chmod(0o755)
    ours = {"RUSTC": str(rustc), "RUSTC_BOOTSTRAP": "1", "OSIMAGE_RECORD": str(record), "OSIMAGE_RECORDED_RUSTC": RUSTC}
    given = environment(scratch / "home", case.environ) | ours
    command = [CARGO, *(("test", "--no-run") if case.tests else ("build",)), "--locked", "--quiet"]
    command += ["--target", str(spec), "--target-dir", str(scratch / "target")]
    command += ["-Zunstable-options", "-Zjson-target-spec"]
    command += ["--profile", "test" if case.tests and case.profile == "dev" else case.profile]
    command += ["--features", ",".join(case.features)] if case.features else []
    command += [] if case.default_features else ["--no-default-features"]
    default = {"workspace": "other", "configured": "configured", "graph": "kernel"}.get(case.project, "")
    command += [] if case.tests else ["--bin", case.bin or default]
    command += ["--package", "unusual"] if case.project == "unusual" else []  # no default member
    subprocess.run(command, cwd=(root / case.manifest).parent, env=given, check=True, stderr=subprocess.PIPE)
    calls = [json.loads(line) for line in record.read_text().splitlines()]
    return Built(
        sorted((comparable(c["argv"], _changed(c["env"], given), str(root), str(root)) for c in calls), key=str),
        dict(sorted(_runs(scratch / "target", root, given))),
    )


def _runs(target: Path, root: Path, given: Mapping[str, str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The runs of build scripts whose results lie below TARGET; their environment where they noted it."""
    for out_dir in target.rglob("build/*/out"):
        run: dict[str, Any] = {"output": _placed((out_dir.parent / "output").read_text(), str(root))}
        if (noted := out_dir / "environment").exists():
            env = dict(record.split("=", 1) for record in noted.read_text().split("\0"))
            run["env"] = of_script(_changed(env, given), str(root))
        yield out_dir.parent.name.rpartition("-")[0], run


def of_script(env: Mapping[str, str], root: str) -> dict[str, str]:
    """The environment of a build script without what differs from machine to machine."""
    own = {"NUM_JOBS", "RUSTC", "RUSTDOC", "RUSTC_BOOTSTRAP", "LD_LIBRARY_PATH"}
    return {name: _placed(value, root) for name, value in sorted(env.items()) if name not in own}


def comparable(argv: Sequence[str], env: Mapping[str, str], root: str, shown: str) -> dict[str, Any]:
    """A rustc call without what may differ: folders, hashes, incremental, how diagnostics are printed, our additions,
    and the target's linker, which is always ours.

    ROOT and SHOWN are what the project's root is called in the call.
    """
    left_out = (*_LEFT_OUT, *(("-Clinker=",) if "--target" in argv else ()))
    words = list(_kept((_placed(word, root).replace("{root}/", "") for word in _joined(argv)), left_out))
    placed = {name: _placed(value, shown) for name, value in sorted(env.items())}
    programs = {name: value.rpartition("/")[2] for name, value in placed.items() if name.startswith("CARGO_BIN_EXE_")}
    return {"argv": words, "env": placed | programs}


# OUT_DIR as cargo names it, and as we do.
_OUT_DIR = re.compile(
    r"/[^\s=]*/target(?:/x86_64-hello)?/\w+/build/[\w.-]+-[0-9a-f]{16}/out"
    r"|(?:/[^\s=]*/)?build/crates/\w+/build/[\w.+-]+-[0-9a-f]{16}/out"
)


def _placed(text: str, root: str) -> str:
    """TEXT without folders of this machine, with the placeholders that are the same everywhere."""
    return re.sub(rf"{re.escape(root)}(?=/|$)", "{root}", _OUT_DIR.sub("{out_dir}", text), flags=re.MULTILINE)


def _changed(env: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """What cargo set for a call, apart from what is its own business."""
    own = {"CARGO", "CARGO_MAKEFLAGS", "LD_LIBRARY_PATH", "PWD", "OLDPWD", "SHLVL", "_"}
    own |= {"CARGO_TARGET_TMPDIR"}  # a folder below ours
    # cargo tells a child by these that it was started by cargo
    own |= {name for name in env if name.startswith(("RUSTUP_", "RUST_", "SSL_"))}
    return {name: value for name, value in env.items() if given.get(name) != value and name not in own}


def _joined(argv: Sequence[str]) -> Iterator[str]:
    words = iter(argv)
    for word in words:
        if word == "-L":
            yield f"-L{next(words)}"
        elif word in ("-C", "-Z"):
            option, equals, value = next(words).partition("=")
            yield f"{word}{option.replace('_', '-')}{equals}{value}"
        elif word in (
            "--crate-name",
            "--crate-type",
            "--cfg",
            "--check-cfg",
            "--extern",
            "--target",
            "--out-dir",
            "--sysroot",
        ):
            yield f"{word}={next(words)}"
        else:
            yield word


_LEFT_OUT = (
    "--error-format=", "--json=", "--out-dir=", "--target=", "--sysroot=", "-Zunstable-options", "-Cmetadata=",
    "-Cextra-filename=", "-Cincremental=", "-Ldependency=", "-Lbuild/", "-Zremap-cwd-prefix=",
    "--remap-path-prefix=", "--remap-path-scope=", "-Zbinary-dep-depinfo", "-Clink-arg=--dependency-file=",
)  # fmt: skip


def _kept(words: Iterator[str], left_out: tuple[str, ...]) -> Iterator[str]:
    for word in words:
        if word.startswith("--extern="):
            name, _, file = word.rpartition("=")
            yield f"{name}={re.sub(r'-[0-9a-f]{16}', '', file.rpartition('/')[2])}"
        elif word.startswith("--emit="):
            yield "--emit=" + ",".join(sorted(kind.partition("=")[0] for kind in word[7:].split(",")))
        elif not word.startswith(left_out):
            yield word
