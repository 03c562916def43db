"""A machine that lacks something: which compilers were passed over and why, and what to do; QEMU missing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from fake_toolchain import HOST, FakeMachine
from osimage.toolchain.find import find_rustc
from project import FILES, HELLO, Project

# Without this the system's own programs would be found, whatever PATH says.
ALONE = HELLO.replace("\n", "; import osimage.toolchain.process as p; p.SYSTEM_FOLDER = '/nowhere'\n", 1)
STABLE = f"home/.rustup/toolchains/stable-{HOST}/bin/rustc"

NEEDED = "No Rust compiler here has all that is needed: rustc 1.95 or newer, rust-src, an LLVM linker, cargo."
INSTALL = (
    "Install rustup (https://rustup.rs), then run "
    "`rustup toolchain install nightly --profile minimal --component rust-src`."
)
FOUND = "Leave RUSTC out to have one found."
ANOTHER = "Leave RUSTC out to have another one found."

Setup = Callable[[FakeMachine], object]


@pytest.fixture
def machine(tmp_path: Path) -> FakeMachine:
    """A machine with nothing on it."""
    return FakeMachine(tmp_path / "machine")


@pytest.fixture
def alone(new_project: Callable[..., Project], machine: FakeMachine) -> Project:
    """The example on that machine."""
    project = new_project(files={**FILES, "SConstruct": ALONE})
    project.environ |= machine.environ
    return project


def nothing(_machine: FakeMachine) -> None:
    pass


def passed_over(path: str, why: str) -> str:
    return f"{NEEDED}\n  passed over {path}: {why}\n{INSTALL}"


@pytest.mark.parametrize(
    ("setup", "rustc", "says"),
    [
        (nothing, "", f"{NEEDED}\n{INSTALL}"),
        (lambda machine: machine.proxy(), "",
         passed_over("bin/rustc", "rustup's proxy, with no toolchain behind it "
                     "(`rustup toolchain install nightly --component rust-src` installs one)")),
        (lambda machine: machine.compiler(machine.folder, "1.63.0"), "",
         passed_over("bin/rustc 1.63.0", "too old: rustc 1.95 or newer is needed")),
        (lambda machine: machine.toolchain(f"stable-{HOST}", lacks="src"), "",
         passed_over(f"{STABLE} 1.96.0",
                     f"no rust-src (`rustup component add rust-src --toolchain stable-{HOST}` adds it)")),
        (lambda machine: machine.toolchain(f"stable-{HOST}", lacks="lld cargo"), "",
         passed_over(f"{STABLE} 1.96.0", "no linker: rust-lld, ld.lld or ld.lld-NN (a package `lld` has one); no cargo "
                     f"beside it (`rustup component add cargo --toolchain stable-{HOST}` adds it)")),
        (lambda machine: machine.program(machine.bin / "rustc", "echo hello"), "",
         passed_over("bin/rustc", "it does not answer `rustc -vV` as a compiler does")),
        (nothing, "/nowhere/rustc", f"RUSTC=/nowhere/rustc: there is no such program. {FOUND}"),
        (nothing, "rustc-9", f"RUSTC=rustc-9: there is no such program on PATH. {FOUND}"),
        (lambda machine: machine.proxy(), "rustc",
         "RUSTC asks for bin/rustc: rustup's proxy, with no toolchain behind it (`rustup toolchain install nightly "
         f"--component rust-src` installs one). {ANOTHER}"),
        (lambda machine: machine.compiler(machine.folder, "1.63.0"), "rustc",
         f"RUSTC asks for bin/rustc 1.63.0: too old: rustc 1.95 or newer is needed. {ANOTHER}"),
        (lambda machine: machine.compiler(machine.folder, lacks="src"), "rustc",
         f"RUSTC asks for bin/rustc 1.96.0: no rust-src. {ANOTHER}"),
    ],
)  # fmt: skip
def test_no_compiler_will_do(setup: Setup, rustc: str, says: str, alone: Project, machine: FakeMachine) -> None:
    setup(machine)
    result = alone.fails(*([f"RUSTC={rustc}"] if rustc else []))
    assert result.stderr.replace(f"{machine.folder}/", "") == f"osimage: {says}\n"
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("rust-toolchain.toml", '[toolchain]\nchannel = "nightly-2025-01-01"\n',
         "rust-toolchain.toml asks for the toolchain 'nightly-2025-01-01', which rustup has not installed (installed: "
         f"stable-{HOST}). Run `rustup toolchain install nightly-2025-01-01 --component rust-src`."),
        ("rust-toolchain.toml", "[toolchain]\nchannel nightly\n",
         "rust-toolchain.toml: not TOML: expected '=' after a key in a key/value pair (at line 2, column 9)."),
        ("rust-toolchain", "",
         'rust-toolchain: it names no toolchain. Write `channel = "nightly"` below `[toolchain]`.'),
    ],
)  # fmt: skip
def test_a_toolchain_file_that_cannot_be_followed(
    name: str, text: str, says: str, alone: Project, machine: FakeMachine
) -> None:
    machine.toolchain(f"stable-{HOST}")
    alone.write({name: text})
    assert alone.fails().stderr == f"osimage: {says}\n"


def test_a_compiler_that_only_says_that_it_is_one(alone: Project, machine: FakeMachine) -> None:
    machine.compiler(machine.folder)
    result = alone.fails()
    assert result.stderr.replace(f"{machine.folder}/", "").splitlines() == [
        'osimage: SConstruct:2: env.TargetSpec("x86_64-hello.json"): bin/rustc --print target-spec-json-schema prints '
        "no JSON, as a compiler would. Take another: RUSTC=…",
        'osimage: SConstruct:4: env.Kernel("hello.elf"): `cargo metadata` printed no JSON, as cargo would. Use another '
        "compiler: RUSTC=…",
    ]


def test_what_works_without_a_compiler(alone: Project) -> None:
    assert "\n  run           boot hello.img in QEMU (128M, virtio)\n" in alone.build("-h").stdout
    assert alone.build("-c").stdout == ""
    report = alone.build("doctor").stdout.splitlines()
    assert report[:3] == ["compiler  missing", f"          {NEEDED}", f"          {INSTALL}"]
    assert "The SConstruct has faults:" not in report  # that there is no compiler is none of its own


def test_without_qemu_nothing_is_built_to_run(alone: Project, machine: FakeMachine) -> None:
    found = find_rustc(alone.root, {"PATH": "/usr/bin:/bin"}).need_rustc()
    assert found.linker is not None
    (machine.bin / found.linker.name).symlink_to(found.linker.path)
    alone.environ["RUSTC"] = found.path
    result = alone.fails("run")
    missing = "qemu-system-x86_64 is not on PATH. Install your distribution's package of QEMU for x86-64."
    assert (result.stdout, result.stderr) == ("", f"osimage: {missing}\n")
    assert f"The SConstruct has faults:\n  {missing}" not in alone.build("doctor").stdout
