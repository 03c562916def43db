"""What else a machine has: QEMU, programs and their PATH, rows for `doctor`, lines for `dev`, what apt offers."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_toolchain import FakeMachine
from osimage.errors import ToolchainError
from osimage.toolchain import advice, needs, probe, report
from osimage.toolchain.advice import Apt
from osimage.toolchain.cargo import Cargo
from osimage.toolchain.find import find_rustc
from osimage.toolchain.programs import Programs, programs_for
from osimage.toolchain.qemu import find_qemu

NONE_FITS = "No Rust compiler here has all that is needed: rustc 1.95 or newer, rust-src, an LLVM linker, cargo."
DEBIAN = {"rustc-web": "1.96.0+dfsg1", "cargo-web": "1.96.0", "rust-web-src": "1.96.0", "lld": "14.0.6", "gcc": "12.2",
          "libc6-dev": "2.36", "qemu-system-x86": "7.2", "libmimalloc2.0": "2.0.9"}  # fmt: skip


@pytest.fixture(autouse=True)
def only_this_machine(machine: FakeMachine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "_ALLOCATORS", (f"{machine.system}/libmimalloc.so.2",))
    monkeypatch.setattr(advice, "ask_apt", lambda: Apt(True, DEBIAN))
    monkeypatch.setattr(needs, "find_spec", lambda name: name)


def qemu(machine: FakeMachine, version: str = "7.2.22") -> Path:
    answer = f"echo 'QEMU emulator version {version} (Debian)'"
    listing = f'case "$*" in "-L help") echo "{machine.folder}/share/seabios"; exit;; esac'
    return machine.program(machine.bin / "qemu-system-x86_64", f"{listing}\n{answer}")


def complete(machine: FakeMachine) -> None:
    machine.compiler(machine.folder)
    machine.program(machine.bin / "cc", "exit 0")
    (machine.system / "libmimalloc.so.2").touch()
    qemu(machine)


def test_qemu_is_asked_once(machine: FakeMachine) -> None:
    path = qemu(machine)
    found = find_qemu(machine.environ)
    assert (found.path, found.version) == (str(path), "7.2.22")
    machine.started()
    assert find_qemu(machine.environ) == found
    assert machine.started() == []
    qemu(machine, "9.0.0")
    assert find_qemu(machine.environ).identity != found.identity


def test_the_firmware_is_part_of_qemu(machine: FakeMachine) -> None:
    qemu(machine)
    first = find_qemu(machine.environ).identity
    firmware = machine.folder / "share/seabios/bios-256k.bin"
    firmware.parent.mkdir(parents=True)
    firmware.write_bytes(b"SeaBIOS")
    assert find_qemu(machine.environ).identity != first


def test_no_qemu(machine: FakeMachine) -> None:
    with pytest.raises(ToolchainError) as told:
        find_qemu(machine.environ)
    assert str(told.value) == "qemu-system-x86_64 is not on PATH. As root: `apt-get install qemu-system-x86`."


def test_how_programs_are_run(machine: FakeMachine) -> None:
    complete(machine)
    found = find_rustc(machine.root, machine.environ)
    linker = f"{machine.folder}/lib/rustlib/x86_64-unknown-linux-gnu/bin"
    programs = {name: f"{machine.bin}/{name}" for name in ("rustc", "cargo")}
    programs |= dict.fromkeys(("rust-lld", "linker"), f"{linker}/rust-lld")
    assert programs_for(found) == Programs(
        programs,
        f"{linker}:{machine.bin}:/usr/bin:/bin",  # rust-lld, then cc
        {"rustc": f"{machine.system}/libmimalloc.so.2"},
    )
    beside = machine.program(machine.bin / "rustdoc", "")
    assert programs_for(found).paths == programs | {"rustdoc": str(beside)}


def test_a_compiler_with_an_allocator_gets_no_other(machine: FakeMachine) -> None:
    complete(machine)
    with (machine.bin / "rustc").open("a") as script:
        script.write("# jemalloc\n")
    found = find_rustc(machine.root, machine.environ)
    assert (found.allocator, found.own_allocator, programs_for(found).preload) == ("", True, {})


def test_cargo_runs_where_no_project_is(machine: FakeMachine) -> None:
    program = machine.program(machine.bin / "cargo", 'ls -A; cat .cargo/config.toml; echo "$1 $A"; echo no >&2; exit 9')
    done = Cargo(str(program), "1.96.0").run(("hello",), ((".cargo/config.toml", "text\n"),), {"A": "B"})
    assert done == (9, ".cargo\ntarget\ntext\nhello B\n", "no\n")


def test_what_cargo_learned_of_a_compiler_is_there_the_next_time(machine: FakeMachine) -> None:
    words = '{"rustc_fingerprint": %s, "outputs": {%s}}'
    program = machine.program(
        machine.bin / "cargo",
        'cd target; cat .rustc_info.json 2>/dev/null; [ -z "$SAYS" ] || echo "$SAYS" > .rustc_info.json',
    )
    cargo = Cargo(str(program), "1.96.0")

    def run(rustc: str, says: str = "") -> str:
        return cargo.run((), (), {"RUSTC": rustc, "SAYS": says, "HOME": str(machine.root)})[1]

    first, grown, other = words % (1, ""), words % (1, '"a": 0'), words % (2, "")
    assert run("/usr/bin/rustc", first) == ""
    assert run("/usr/bin/rustc", grown) == f"{first}\n"
    assert run("/usr/bin/rustc", other) == f"{first}\n"
    assert run("/usr/bin/rustc", "no json") == f"{other}\n"
    assert run("/usr/bin/rustc") == f"{other}\n"
    assert run("/opt/rustc") == ""


def test_cargo_that_cannot_be_started(machine: FakeMachine) -> None:
    with pytest.raises(ToolchainError) as told:
        Cargo("/nowhere/cargo", "1.96.0").run((), (), {})
    assert str(told.value) == "/nowhere/cargo cannot be started: No such file or directory."


def test_rows_of_a_good_machine(machine: FakeMachine) -> None:
    complete(machine)
    rows = report.examine(machine.root, machine.environ | {"DISPLAY": ":0"})
    assert [(row.name, row.found.replace(f"{machine.folder}/", ""), row.version, row.advice) for row in rows] == [
        ("compiler", "bin/rustc", "1.96.0", "chosen by PATH"),
        ("rust-src", "lib/rustlib/src/rust/library", "1.96.0", ""),
        ("linker", "lib/rustlib/x86_64-unknown-linux-gnu/bin/rust-lld", "22.1.8", ""),
        ("cargo", "bin/cargo", "1.96.0", ""),
        ("cc", "bin/cc", "", ""),
        ("QEMU", "bin/qemu-system-x86_64", "7.2.22", ""),
        ("mimalloc", "system/libmimalloc.so.2", "", ""),
        ("display", "DISPLAY=:0", "", ""),
    ]
    assert {row.verdict for row in rows} == {"good"}


def test_rows_of_an_empty_machine(machine: FakeMachine) -> None:
    assert report.examine(machine.root, machine.environ) == (
        ("compiler", "", "", "missing",
         f"{NONE_FITS}\nAs root: `apt-get install rustc-web cargo-web rust-web-src lld`."),
        ("cc", "", "", "missing", "As root: `apt-get install gcc libc6-dev`."),
        ("QEMU", "", "", "missing", "As root: `apt-get install qemu-system-x86`."),
        ("mimalloc", "", "", "worse", "As root: `apt-get install libmimalloc2.0`."),
        ("display", "none: `scons run` prints the text screen", "", "good", ""),
    )  # fmt: skip


def test_lines_for_dev_on_a_good_machine(machine: FakeMachine) -> None:
    complete(machine)
    words = [line.partition(" ")[0] for line in needs.lines(machine.root, machine.environ)]
    assert words == ["rely"] * 7


def test_lines_for_dev_on_an_empty_machine(machine: FakeMachine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(needs, "find_spec", lambda _name: None)
    machine.compiler(machine.folder, "1.63.0")
    assert list(needs.lines(machine.root, machine.environ)) == [
        "lack venv: Python's module ensurepip",
        f"lack compiler: {NONE_FITS}",
        f"over {machine.bin}/rustc 1.63.0: too old: rustc 1.95 or newer is needed",
        "lack cc",
        "lack QEMU",
        "apt python3-venv rustc-web cargo-web rust-web-src lld gcc libc6-dev qemu-system-x86",
        "also libmimalloc2.0",
    ]


def test_what_is_demanded_no_package_brings(machine: FakeMachine) -> None:
    complete(machine)
    lines = list(needs.lines(machine.root, machine.environ | {"RUSTC": "/nowhere"}))
    assert lines[:2] == [
        "lack compiler",
        "way RUSTC=/nowhere: there is no such program. Leave RUSTC out to have one found.",
    ]


RUSTUP = (
    "Install rustup (https://rustup.rs), then run "
    "`rustup toolchain install nightly --profile minimal --component rust-src`."
)
NOT_FITTING = "apt has no fitting packages (`apt-get update` may bring them). "


@pytest.mark.parametrize(
    ("apt", "says"),
    [
        (Apt(True, DEBIAN | {"lld-22": "22.1.8"}),
         "As root: `apt-get install rustc-web cargo-web rust-web-src lld-22`."),
        (Apt(True, None), "As root: `apt-get install rustc-web cargo-web rust-web-src lld-22`."),
        (Apt(True, DEBIAN | {"rustc-web": "1.85.0"}), NOT_FITTING + RUSTUP),
        (Apt(True, {"gcc": "12"}), NOT_FITTING + RUSTUP),
        (Apt(False, None), RUSTUP),
    ],
)  # fmt: skip
def test_how_to_get_a_compiler(apt: Apt, says: str) -> None:
    assert advice.compiler_advice(apt) == says


def test_what_apt_says() -> None:
    policy = """\
rustc-web:
  Installed: (none)
  Candidate: 1.96.0+dfsg1-1~deb12u2
  Version table:
     1.96.0+dfsg1-1~deb12u2 500
lld-22:
  Installed: 1:22.1.8-1
  Candidate: 1:22.1.8-1
lld:
  Installed: (none)
  Candidate: (none)
"""
    assert advice.candidates(policy) == {"rustc-web": "1.96.0+dfsg1-1~deb12u2", "lld-22": "22.1.8-1"}
