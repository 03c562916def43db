"""What was found is remembered until something that was looked at changes, and nothing runs meanwhile."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_toolchain import HOST, FakeMachine
from osimage.toolchain import facts, find, memo
from osimage.toolchain.find import Found, find_rustc


def look(machine: FakeMachine, **environ: str) -> Found:
    return find_rustc(machine.root, machine.environ | environ)


@pytest.fixture
def ready(machine: FakeMachine) -> FakeMachine:
    """A machine with two toolchains, where the default one was found already."""
    machine.proxy("stable")
    machine.toolchain(f"stable-{HOST}")
    machine.toolchain(f"nightly-{HOST}")
    assert look(machine).identity
    assert "rustc" in machine.started()
    assert look(machine).identity
    assert machine.started() == []
    return machine


def stable(machine: FakeMachine) -> Path:
    return machine.home / f".rustup/toolchains/stable-{HOST}"


CHANGES: dict[str, Callable[[FakeMachine], object]] = {
    "a new compiler in its place": lambda m: m.compiler(stable(m), "1.96.1", lacks="src"),
    "rust-src goes": lambda m: (stable(m) / "lib/rustlib/src/rust/library/core/src/lib.rs").unlink(),
    "the linker is another": lambda m: m.linker(stable(m) / f"lib/rustlib/{HOST}/bin/rust-lld", "23.1.0"),
    "cargo is another": lambda m: m.program(stable(m) / "bin/cargo", "echo 'cargo 1.96.2'"),
    "a compiler comes up earlier on PATH": lambda m: m.environ.update(PATH=f"{m.folder}/first:{m.bin}"),
    "the default is another": lambda m: (m.home / ".rustup/settings.toml").write_text('default_toolchain = "nightly"'),
    "a toolchain file appears": lambda m: (m.root / "rust-toolchain").write_text("nightly"),
    "a toolchain file appears above": lambda m: (m.folder / "rust-toolchain.toml").write_text("[toolchain]"),
    "RUSTC is said": lambda m: m.environ.update(RUSTC=str(m.bin / "rustc")),
    "RUSTUP_TOOLCHAIN is said": lambda m: m.environ.update(RUSTUP_TOOLCHAIN="nightly"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_change_is_seen(change: Callable[[FakeMachine], object], ready: FakeMachine) -> None:
    name = memo.key(str(ready.root), *(ready.environ.get(variable, "") for variable in find.READ))
    before = memo.read(memo.folder(ready.environ), f"found-{name}")
    change(ready)
    look(ready)
    name = memo.key(str(ready.root), *(ready.environ.get(variable, "") for variable in find.READ))
    assert memo.read(memo.folder(ready.environ), f"found-{name}") not in (None, before)
    ready.started()
    look(ready)
    assert ready.started() == []


@pytest.mark.parametrize("change", ["compiler", "linker"])
def test_the_identity_is_that_of_the_contents(change: str, ready: FakeMachine) -> None:
    first = look(ready).identity
    path = stable(ready) / ("bin/rustc" if change == "compiler" else f"lib/rustlib/{HOST}/bin/rust-lld")
    script = path.read_text()
    path.write_text(script + "# new\n")
    assert look(ready).identity != first
    path.write_text(script)
    assert look(ready).identity == first


def test_a_copy_elsewhere_has_the_same_identity(machine: FakeMachine) -> None:
    machine.compiler(machine.folder / "one")
    two = machine.folder / "two"
    two.mkdir()
    first = look(machine, PATH=str(machine.folder / "one/bin")).identity
    (machine.folder / "one/bin").rename(two / "bin")  # its files say /one/ still: only their place changes
    assert look(machine, PATH=str(two / "bin")).identity == first


@pytest.mark.parametrize("damage", [b"", b"x", b"\0" * 100])
def test_a_damaged_memory_is_as_if_absent(damage: bytes, ready: FakeMachine) -> None:
    folder = Path(memo.folder(ready.environ))
    identity = look(ready).identity
    for file in folder.iterdir():
        file.write_bytes(file.read_bytes()[: len(file.read_bytes()) // 2] + damage)
    assert look(ready).identity == identity
    assert ready.started()
    assert look(ready).identity == identity
    assert ready.started() == []
    assert not [file for file in folder.iterdir() if file.name.startswith(".")]


def test_where_nothing_can_be_written_it_still_works(machine: FakeMachine) -> None:
    machine.compiler(machine.folder)
    (machine.home / ".cache").touch()
    assert look(machine).identity == look(machine).identity != ""


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"HOME": "/h"}, "/h/.cache/osimage/toolchain"),
        ({"HOME": "/h", "XDG_CACHE_HOME": "/c"}, "/c/osimage/toolchain"),
        ({"HOME": "/h", "XDG_CACHE_HOME": "c"}, "/h/.cache/osimage/toolchain"),
    ],
)
def test_the_users_cache_directory(environ: dict[str, str], folder: str) -> None:
    assert memo.folder(environ) == folder


def test_an_answer_is_asked_for_once_per_compiler(machine: FakeMachine) -> None:
    path = machine.program(machine.bin / "rustc", "cat spec.json; echo no >&2; exit 3")
    question: facts.Question = (("--print", "cfg"), (("spec.json", "{}"),))
    for identity, runs in (("a", ["rustc"]), ("a", []), ("b", ["rustc"])):
        assert facts.remembering(str(path), identity, str(machine.folder / "memory"))(question) == (3, "{}", "no\n")
        assert machine.started() == runs


def test_the_unchanged_case_imports_nothing_heavy(ready: FakeMachine) -> None:
    program = (
        "import sys, os; from pathlib import Path; from osimage.toolchain import find, process;"
        f"process.SYSTEM_FOLDER = {str(ready.system)!r};"
        f"found = find.find_rustc(Path({str(ready.root)!r}), os.environ); assert found.identity;"
        "print(*sorted(m for m in sys.modules if m in {'subprocess', 'tempfile', 'tomllib', 'dataclasses', 'json'}"
        " or m.startswith('osimage.')))"
    )
    environ = ready.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=True)
    modules = ("", ".find", ".memo", ".process", ".trail")
    assert done.stdout.split() == [f"osimage.toolchain{name}" for name in modules]
    assert ready.started() == []
