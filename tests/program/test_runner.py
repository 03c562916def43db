"""`osimage runner` without a machine: which executables are tests, QEMU's command line, exit statuses, what is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from osimage import program
from osimage.crates.bootimage import Bootimage
from osimage.program import executable, runner
from osimage.toolchain import advice
from osimage.toolchain.find import find_rustc

TARGET = "/p/target/x86_64-hello/debug"
PLAIN = Bootimage(run_args=("-m", "1G"), test_args=("-display", "none"))
ELF = b"\x7fELF and more"


@pytest.mark.parametrize(
    ("path", "is_test"),
    [
        (f"{TARGET}/hello", False),
        (f"{TARGET}/examples/hello", False),
        (f"{TARGET}/deps/hello-0123456789abcdef", True),
        (f"{TARGET}/build/hello/0123456789abcdef/out/hello-0123456789abcdef", True),
        (f"{TARGET}/other/hello/0123456789abcdef/out/hello", False),
        ("/p/out/hello", False),
        ("/out/hello", False),
        ("/tmp/rustdoctestA1b2C3/rust_out", True),
    ],
)
def test_which_executables_are_tests(path: str, is_test: bool) -> None:
    assert executable.is_test(Path(path)) == is_test


@pytest.mark.parametrize(
    ("settings", "is_test", "means"),
    [
        (Bootimage(), False, "qemu-system-x86_64 -drive format=raw,file=a.img -s"),
        (Bootimage(), True, "qemu-system-x86_64 -drive format=raw,file=a.img -no-reboot -s"),
        (PLAIN, False, "qemu-system-x86_64 -drive format=raw,file=a.img -m 1G -s"),
        (PLAIN, True, "qemu-system-x86_64 -drive format=raw,file=a.img -no-reboot -display none -s"),
        (
            PLAIN._replace(test_no_reboot=False),
            True,
            "qemu-system-x86_64 -drive format=raw,file=a.img -display none -s",
        ),
        (Bootimage(run_command=("./boot.sh", "{}", "--log={}.log")), False, "./boot.sh a.img --log=a.img.log -s"),
    ],
)
def test_the_command_line_is_bootimages(settings: Bootimage, is_test: bool, means: str) -> None:
    assert " ".join(runner.command_line(settings, "a.img", ["-s"], is_test=is_test)) == means


TOOK = "osimage: the test took longer than 300 s (test-timeout).\n"
KILLED = "osimage: QEMU was ended by signal 9 (Killed).\n"


@pytest.mark.parametrize(
    ("code", "wanted", "is_test", "status", "says"),
    [
        (33, 33, True, 0, ""),
        (35, 33, True, 35, ""),
        (0, 33, True, 1, ""),  # a reset, or a window that was closed
        (0, 0, True, 0, ""),
        (1, 0, True, 1, ""),
        (0, None, True, 0, ""),
        (33, None, True, 33, ""),
        (33, 33, False, 33, ""),
        (0, 33, False, 0, ""),
        (None, 33, True, 1, TOOK),
        (-9, 33, True, 1, KILLED),
        (-9, None, False, 1, KILLED),
    ],
)
def test_the_exit_status_is_bootimages(
    code: int | None, wanted: int | None, is_test: bool, status: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert runner.status(Bootimage(test_success_exit_code=wanted), code, is_test=is_test) == status
    assert capsys.readouterr() == ("", says)


@pytest.mark.parametrize(
    ("words", "means"),
    [
        (["hello"], runner.Call("hello", (), False)),
        (["--quiet", "hello", "-s", "-S"], runner.Call("hello", ("-s", "-S"), True)),
        (["hello", "--help"], runner.Call("hello", ("--help",), False)),
        (["hello", "-s", "--quiet"], runner.Call("hello", ("-s",), True)),  # as `cargo test --quiet` calls it
    ],
)
def test_what_follows_the_executable_is_for_qemu(words: list[str], means: runner.Call) -> None:
    assert runner.parse(words) == means


@pytest.mark.parametrize(
    ("words", "manifest", "says"),
    [
        ([], "", "no executable is named. usage: osimage runner [--quiet] EXECUTABLE [ARGUMENT]..."),
        (["--quite", "hello"], "", "the runner knows no option '--quite'. Did you mean '--quiet'?"),
        (["-s", "hello"], "", "the runner knows no option '-s'. Arguments for QEMU come after the executable."),
        (["absent"], "", "absent cannot be read: No such file or directory. Cargo names the kernel that it built."),
        (["."], "", ". cannot be read: Is a directory. Cargo names the kernel that it built."),
        (["Cargo.toml"], "", "Cargo.toml is no ELF file. The runner starts kernels that cargo has built."),
        (
            ["hello"],
            "[package.metadata.bootimage]\ntest-timout = 3\nrun-args = 'x'",
            "Cargo.toml: [package.metadata.bootimage] has no key 'test-timout' (it has: build-command, run-command, "
            "run-args, test-args, test-timeout, test-success-exit-code, test-no-reboot). Did you mean 'test-timeout'?\n"
            "Cargo.toml: [package.metadata.bootimage]: run-args wants a list of texts, not 'x'.",
        ),
        (["hello"], "[package\n", "Cargo.toml:1:9: Expected ']' at the end of a table declaration."),
        (
            ["hello"],
            "[package.metadata.bootimage]\nrun-command = ['no-such-qemu', '{}']",
            "no-such-qemu is not on PATH. It is the first word of run-command in Cargo.toml.",
        ),
        (
            ["hello"],
            "[package.metadata.bootimage]\nrun-command = ['./Cargo.toml', '{}']",
            "./Cargo.toml is no program. It is the first word of run-command in Cargo.toml.",
        ),
    ],
)
def test_what_is_refused(
    words: list[str],
    manifest: str,
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "Cargo.toml").write_text(manifest)
    (tmp_path / "hello").write_bytes(ELF)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CARGO_MANIFEST_DIR", str(tmp_path))
    assert program.main(["runner", *words]) == 2
    assert capsys.readouterr() == ("", f"osimage: {says}\n")


@pytest.mark.parametrize(
    ("folder", "says"),
    [
        (
            None,
            "CARGO_MANIFEST_DIR is not set: cargo sets it for a runner. Use `cargo run`, or set it to the folder of the "
            "kernel's Cargo.toml.",
        ),
        ("elsewhere", "CARGO_MANIFEST_DIR is elsewhere, which has no Cargo.toml."),
    ],
)
def test_a_package_must_be_known(
    folder: str | None, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "hello").write_bytes(ELF)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CARGO_MANIFEST_DIR", raising=False)
    if folder:
        monkeypatch.setenv("CARGO_MANIFEST_DIR", folder)
    assert program.main(["runner", "hello"]) == 2
    assert capsys.readouterr() == ("", f"osimage: {says}\n")


def test_without_qemu_it_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "hello").write_bytes(ELF)
    (tmp_path / "Cargo.toml").write_text("[package]\nname = 'hello'\n")
    monkeypatch.setenv("CARGO_MANIFEST_DIR", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(advice, "ask_apt", lambda: advice.Apt(True, None))
    assert program.main(["runner", str(tmp_path / "hello")]) == 2
    says = "osimage: qemu-system-x86_64 is not on PATH. As root: `apt-get install qemu-system-x86`.\n"
    assert capsys.readouterr() == ("", says)


@pytest.mark.parametrize(
    ("files", "lies", "root", "path"),
    [
        (["target/CACHEDIR.TAG"], "target/t/debug/hello", "target", "t/debug/hello"),
        (["target/CACHEDIR.TAG", "target/t/CACHEDIR.TAG"], "target/t/debug/deps/hello", "target/t", "debug/deps/hello"),
        ([], "somewhere/hello", "somewhere", "hello"),
    ],
)
def test_the_image_goes_to_cargos_target_folder(
    files: list[str], lies: str, root: str, path: str, tmp_path: Path
) -> None:
    for name in (*files, lies, "Cargo.toml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(ELF)
    found = executable.find(str(tmp_path / lies), {"CARGO_MANIFEST_DIR": str(tmp_path)})
    assert (found.root, found.path) == (tmp_path / root, path)


@pytest.mark.parametrize(
    ("version", "table", "says"),
    [
        (
            "0.11.16",
            "",
            "{manifest} depends on bootloader 0.11.16, and osimage hands over as bootloader 0.9 does, or by its own boot "
            "information record.",
        ),
        (
            "0.9.35",
            "physical-memory-ofset = '0x1000'\nkernel-stack-address = 4096",
            "{manifest}: [package.metadata.bootloader]: no such key 'physical-memory-ofset' (there are: "
            "kernel-stack-size, kernel-stack-address, physical-memory-offset, boot-info-address). Did you mean "
            "'physical-memory-offset'?\n{manifest}: [package.metadata.bootloader]: kernel-stack-address wants a text, "
            'since TOML has no numbers of 64 bits without a sign. Write kernel-stack-address = "0x1000".',
        ),
    ],
)
def test_what_the_kernel_expects_must_be_what_we_hand_over(
    version: str,
    table: str,
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    package = '[package]\nname = "{}"\nversion = "{}"\nedition = "2024"\n'
    manifest = tmp_path / "hello/Cargo.toml"
    for name, text in (
        ("hello", f"[dependencies]\nbootloader.path = '../bootloader'\n[package.metadata.bootloader]\n{table}\n"),
        ("bootloader", ""),
    ):
        (tmp_path / name / "src").mkdir(parents=True)
        (tmp_path / name / "src/lib.rs").touch()
        (tmp_path / name / "Cargo.toml").write_text(package.format(name, version) + text)
    (tmp_path / "hello/hello").write_bytes(ELF)
    cargo = find_rustc(tmp_path, os.environ).need_cargo()
    words = ("generate-lockfile", "--offline", "--manifest-path", str(manifest))
    assert cargo.run_in(str(manifest.parent), words, os.environ)[0] == 0
    monkeypatch.setenv("CARGO_MANIFEST_DIR", str(manifest.parent))
    monkeypatch.setenv("CARGO", cargo.path)
    assert program.main(["runner", str(tmp_path / "hello/hello")]) == 2
    assert capsys.readouterr() == ("", f"osimage: {says.format(manifest=manifest)}\n")
