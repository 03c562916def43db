"""Which compiler is taken, why the others are not, and what is said where none will do."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_toolchain import HOST, FakeMachine
from osimage.errors import ToolchainError
from osimage.toolchain import advice, probe
from osimage.toolchain.find import Found, find_rustc

Setup = Callable[[FakeMachine], object]


def find(machine: FakeMachine, **environ: str) -> Found:
    return find_rustc(machine.root, machine.environ | environ)


def shown(machine: FakeMachine, text: str) -> str:
    return text.replace(f"{machine.folder}/", "")


def path_and_rustup_default(machine: FakeMachine) -> None:
    machine.proxy(default="stable")
    machine.toolchain(f"stable-{HOST}")
    machine.toolchain(f"nightly-{HOST}")


def stable_without_source(machine: FakeMachine) -> None:
    machine.proxy(default="stable")
    machine.toolchain(f"stable-{HOST}", "1.95.0", lacks="src")
    machine.compiler(machine.folder / "usr")
    (machine.system / "rustc").symlink_to(machine.folder / "usr/bin/rustc")


def toolchain_file(name: str, text: str) -> Setup:
    def make(machine: FakeMachine) -> None:
        path_and_rustup_default(machine)
        (machine.root / name).write_text(text)

    return make


def override(machine: FakeMachine) -> None:
    path_and_rustup_default(machine)
    settings = machine.home / ".rustup/settings.toml"
    settings.write_text(settings.read_text() + f'[overrides]\n"{machine.folder}" = "nightly-{HOST}"\n"/x" = "no"\n')


def several_on_path(machine: FakeMachine) -> None:
    machine.compiler(machine.folder / "old", "1.63.0")
    machine.compiler(machine.folder / "new", "1.97.0-nightly")
    machine.environ["PATH"] = f"{machine.folder}/old/bin:{machine.folder}/new/bin:relative"


def no_linker_on_path(machine: FakeMachine) -> None:
    machine.compiler(machine.folder / "one", lacks="lld cargo")
    machine.environ["PATH"] = f"{machine.folder}/one/bin"
    machine.toolchain("mine")


def unreadable_settings(machine: FakeMachine) -> None:
    path_and_rustup_default(machine)
    (machine.home / ".rustup/settings.toml").write_text("not = = TOML")


STABLE, NIGHTLY = (f"home/.rustup/toolchains/{name}-{HOST}/bin/rustc" for name in ("stable", "nightly"))


@pytest.mark.parametrize(
    ("setup", "taken", "origin", "passed"),
    [
        (path_and_rustup_default, STABLE, "rustup default", []),
        (lambda machine: machine.proxy("stable", hard=True) and machine.toolchain(f"stable-{HOST}"),
         STABLE, "rustup default", []),
        (override, NIGHTLY, "rustup override", []),
        (stable_without_source, "system/rustc", "system",
         [(f"{STABLE} 1.95.0", f"no rust-src (`rustup component add rust-src --toolchain stable-{HOST}` adds it)")]),
        (several_on_path, "new/bin/rustc", "PATH",
         [("old/bin/rustc 1.63.0", "too old: rustc 1.95 or newer is needed")]),
        (no_linker_on_path, "home/.rustup/toolchains/mine/bin/rustc", "rustup",
         [("one/bin/rustc 1.96.0", "no linker: rust-lld, ld.lld or ld.lld-NN (a package `lld` has one); "
                                   "no cargo beside it")]),
        (unreadable_settings, STABLE, "rustup",
         [("bin/rustc", probe.PROXY)]),
        (toolchain_file("rust-toolchain.toml", '[toolchain]\nchannel = "nightly"\n'), NIGHTLY,
         "rust-toolchain.toml", []),
        (toolchain_file("rust-toolchain", "nightly\n"), NIGHTLY, "rust-toolchain", []),
        (toolchain_file("../rust-toolchain.toml", '[toolchain]\nchannel = "nightly"\n'), NIGHTLY,
         "../rust-toolchain.toml", []),
        (toolchain_file("rust-toolchain.toml", f'[toolchain]\npath = "../home/.rustup/toolchains/nightly-{HOST}"\n'),
         NIGHTLY, "rust-toolchain.toml", []),
    ],
)  # fmt: skip
def test_the_first_that_has_all_it_needs_is_taken(
    setup: Setup, taken: str, origin: str, passed: list[tuple[str, str]], machine: FakeMachine
) -> None:
    setup(machine)
    found = find(machine)
    assert shown(machine, found.need_rustc().path) == taken
    assert shown(machine, found.origin) == origin
    assert [(shown(machine, path), why) for path, why in found.passed] == passed


@pytest.mark.parametrize(
    ("environ", "taken", "origin"),
    [
        ({"RUSTUP_TOOLCHAIN": "nightly"}, NIGHTLY, "RUSTUP_TOOLCHAIN"),
        ({"RUSTC": f"../{NIGHTLY}"}, NIGHTLY, "RUSTC"),
        ({"RUSTC": f"~/{NIGHTLY.removeprefix('home/')}"}, NIGHTLY, "RUSTC"),
        ({"RUSTC": "rustc"}, STABLE, "RUSTC, rustup default"),
    ],
)
def test_the_environment_decides(
    environ: dict[str, str], taken: str, origin: str, machine: FakeMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    path_and_rustup_default(machine)
    monkeypatch.setenv("HOME", str(machine.home))
    found = find(machine, **environ)
    assert (shown(machine, found.need_rustc().path), found.origin) == (taken, origin)


def test_a_toolchain_file_goes_before_rustc_in_the_environment(machine: FakeMachine) -> None:
    toolchain_file("rust-toolchain", "nightly\n")(machine)
    assert shown(machine, find(machine, RUSTC=str(machine.folder / STABLE)).need_rustc().path) == NIGHTLY


def test_the_command_line_goes_before_a_toolchain_file(machine: FakeMachine) -> None:
    toolchain_file("rust-toolchain", "nightly\n")(machine)
    found = find(machine, OSIMAGE_RUSTC=str(machine.folder / STABLE), RUSTC="/nowhere/rustc")
    assert (shown(machine, found.need_rustc().path), found.origin) == (STABLE, "RUSTC")


def toolchain_file_without_source(machine: FakeMachine) -> None:
    machine.toolchain("beta", lacks="src")
    (machine.root / "../rust-toolchain").write_text("beta\n")


def nothing(machine: FakeMachine) -> None:
    machine.folder.joinpath("empty").touch()


@pytest.mark.parametrize(
    ("setup", "environ", "says"),
    [
        (nothing, {}, "No Rust compiler here has all that is needed: rustc 1.95 or newer, rust-src, an LLVM linker, "
                      "cargo.\nADVICE"),
        (lambda machine: machine.proxy(), {},
         "No Rust compiler here has all that is needed: rustc 1.95 or newer, rust-src, an LLVM linker, cargo.\n"
         "  passed over bin/rustc: rustup's proxy, with no toolchain behind it (`rustup toolchain install nightly "
         "--component rust-src` installs one)\nADVICE"),
        (lambda machine: machine.program(machine.bin / "rustc", "echo hello"), {"RUSTC": "rustc"},
         "RUSTC asks for bin/rustc: it does not answer `rustc -vV` as a compiler does. Leave RUSTC out to have another "
         "one found."),
        (lambda machine: machine.compiler(machine.folder, "1.63.0", lacks="src"), {},
         "No Rust compiler here has all that is needed: rustc 1.95 or newer, rust-src, an LLVM linker, cargo.\n"
         "  passed over bin/rustc 1.63.0: too old: rustc 1.95 or newer is needed\nADVICE"),
        (toolchain_file("rust-toolchain", "nightly-2025-01-01"), {},
         f"rust-toolchain asks for the toolchain 'nightly-2025-01-01', which rustup has not installed (installed: "
         f"nightly-{HOST}, stable-{HOST}). Run `rustup toolchain install nightly-2025-01-01 --component rust-src`."),
        (toolchain_file("rust-toolchain.toml", '[toolchain]\npath = "../there"'), {},
         "rust-toolchain.toml asks for the toolchain in there, and there/bin/rustc is not there."),
        (toolchain_file("rust-toolchain.toml", "[toolchain]\nchannel nightly"), {},
         "rust-toolchain.toml: not TOML: expected '=' after a key in a key/value pair (at line 2, column 9)."),
        (toolchain_file("rust-toolchain.toml", 'channel = "nightly"'), {},
         'rust-toolchain.toml: it names no toolchain. Write `channel = "nightly"` below `[toolchain]`.'),
        (toolchain_file("rust-toolchain", ""), {},
         'rust-toolchain: it names no toolchain. Write `channel = "nightly"` below `[toolchain]`.'),
        (path_and_rustup_default, {"RUSTC": "/nowhere/rustc"},
         "RUSTC=/nowhere/rustc: there is no such program. Leave RUSTC out to have one found."),
        (path_and_rustup_default, {"RUSTC": "rusct"},
         "RUSTC=rusct: there is no such program on PATH. Leave RUSTC out to have one found."),
        (toolchain_file("rust-toolchain", "beta"), {"RUSTC": "/my rust/rustc"},
         f"rust-toolchain asks for the toolchain 'beta', which rustup has not installed (installed: nightly-{HOST}, "
         f"stable-{HOST}). Run `rustup toolchain install beta --component rust-src`. The file goes before the "
         "environment's RUSTC=/my rust/rustc; on the command line, `scons 'RUSTC=/my rust/rustc'` goes before the file."),
        (toolchain_file_without_source, {"RUSTC": "rustc"},
         "../rust-toolchain asks for home/.rustup/toolchains/beta/bin/rustc 1.96.0: no rust-src (`rustup component add "
         "rust-src --toolchain beta` adds it). The file goes before the environment's RUSTC=rustc; on the command "
         "line, `scons RUSTC=rustc` goes before the file."),
        (toolchain_file_without_source, {},
         "../rust-toolchain asks for home/.rustup/toolchains/beta/bin/rustc 1.96.0: no rust-src (`rustup component add "
         "rust-src --toolchain beta` adds it)."),
        (toolchain_file_without_source, {"RUSTC": "rustc", "OSIMAGE_RUSTC": "/nowhere/rustc"},
         "RUSTC=/nowhere/rustc: there is no such program. Leave RUSTC out to have one found."),
        (lambda machine: machine.toolchain("beta", lacks="src"), {"RUSTC": "../home/.rustup/toolchains/beta/bin/rustc"},
         "RUSTC asks for home/.rustup/toolchains/beta/bin/rustc 1.96.0: no rust-src (`rustup component add rust-src "
         "--toolchain beta` adds it). Leave RUSTC out to have another one found."),
    ],
)  # fmt: skip
def test_what_is_said_where_none_will_do(
    setup: Setup, environ: dict[str, str], says: str, machine: FakeMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(advice, "compiler_advice", lambda: "ADVICE")
    setup(machine)
    found = find(machine, **environ)
    assert (found.rustc, found.cargo, found.identity) == (None, None, "")
    for need in (found.need_rustc, found.need_cargo):
        with pytest.raises(ToolchainError) as told:
            need()
        assert shown(machine, str(told.value)) == says


def test_a_wrapper_is_not_the_compiler(machine: FakeMachine) -> None:
    real = machine.compiler(machine.folder / "real")
    machine.program(machine.bin / "rustc", f'exec {real} "$@"')
    assert find(machine).need_rustc().path == str(real)


def test_a_proxy_of_another_make_is_asked(machine: FakeMachine) -> None:
    """rustup under a name and with settings that tell nothing: what it starts is found by its sysroot."""
    real = machine.toolchain("odd")
    machine.proxy()
    machine.program(machine.bin / "rustup", f'exec {real} "$@"')
    assert find(machine).need_rustc().path == str(real)


@pytest.mark.parametrize(
    ("linkers", "taken"),
    [
        (["rust-lld", "ld.lld-22", "ld.lld"], "rust-lld"),
        (["ld.lld-22", "ld.lld", "ld.lld-23"], "ld.lld-22"),
        (["ld.lld", "ld.lld-23"], "ld.lld"),
        (["ld.lld-15", "ld.lld-16"], "ld.lld-16"),
    ],
)
def test_the_linker_nearest_to_the_compiler(linkers: list[str], taken: str, machine: FakeMachine) -> None:
    machine.compiler(machine.folder, lacks="lld")
    for name in linkers:
        machine.linker(machine.bin / name, "19.1.7")
    linker = find(machine).need_rustc().linker
    assert linker == (taken, str(machine.bin / taken), "19.1.7")


def test_a_linker_that_is_too_old_is_none(machine: FakeMachine) -> None:
    machine.compiler(machine.folder, lacks="lld")
    machine.linker(machine.bin / "ld.lld", "13.0.1")
    assert "no linker" in find(machine).passed[0][1]


def test_cargo_of_path_where_there_is_none_beside_the_compiler(machine: FakeMachine) -> None:
    machine.compiler(machine.folder / "stage1", lacks="cargo")
    machine.environ["PATH"] = f"{machine.folder}/stage1/bin:{machine.bin}"
    machine.proxy()
    (machine.bin / "cargo").symlink_to("rustup")  # a proxy is no cargo either
    assert "no cargo" in find(machine).passed[0][1]
    machine.program(machine.system / "cargo", "echo 'cargo 1.96.0 (abc)'")
    cargo = find(machine).need_cargo()
    assert (cargo.path, cargo.version) == (str(machine.system / "cargo"), "1.96.0")


@pytest.mark.skipif(not Path("/usr/bin/rustc").exists(), reason="needs Debian's compiler")
def test_the_systems_own_compiler(tmp_path: Path) -> None:
    found = find_rustc(tmp_path, {"RUSTC": "/usr/bin/rustc", "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"})
    rustc = found.need_rustc()
    assert (rustc.path, rustc.sysroot) == ("/usr/bin/rustc", "/usr")
    assert rustc.version >= (1, 95, 0)
    assert "x86_64-unknown-none" in rustc.target_list()
    assert rustc.linker is not None
    assert os.access(rustc.linker.path, os.X_OK)
    assert len(rustc.identity) == 64


def test_what_links_programs_for_this_machine_is_told_by_its_content(machine: FakeMachine) -> None:
    machine.compiler(machine.folder)
    without = find_rustc(machine.root, machine.environ).need_rustc()
    machine.program(machine.bin / "ld", "true")
    compiler = machine.program(machine.bin / "cc", "echo ld")
    found = find_rustc(machine.root, machine.environ).need_rustc()
    assert without.host_linker is None
    assert found.host_linker is not None
    assert found.host_linker.path == str(compiler)
    assert found.identity == without.identity
    machine.program(machine.bin / "ld", "true # another")
    other = find_rustc(machine.root, machine.environ).need_rustc()
    assert other.host_linker is not None
    assert other.host_linker.identity != found.host_linker.identity
    assert other.identity == found.identity
