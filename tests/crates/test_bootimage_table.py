"""`[package.metadata.bootimage]`: what each key means, what is there without it, and the words for each fault."""

from __future__ import annotations

import tomllib

import pytest
from osimage.crates import bootimage
from osimage.crates.bootimage import Bootimage

KEYS = "build-command, run-command, run-args, test-args, test-timeout, test-success-exit-code, test-no-reboot"


def read(text: str) -> tuple[Bootimage, list[str]]:
    return bootimage.of_manifest(tomllib.loads(text))


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("", Bootimage()),
        ("[package]", Bootimage()),
        ("[package.metadata.bootloader]", Bootimage()),
        ("[package.metadata.bootimage]", Bootimage()),
        ("package.metadata.bootimage.build-command = ['xbuild']", Bootimage(build_command=("xbuild",))),
        ("package.metadata.bootimage.build-command = []", Bootimage(build_command=())),
        ("package.metadata.bootimage.run-command = ['boot', '{}']", Bootimage(run_command=("boot", "{}"))),
        ("package.metadata.bootimage.run-args = ['-m', '1G']", Bootimage(run_args=("-m", "1G"))),
        ("package.metadata.bootimage.test-args = ['-smp', '2']", Bootimage(test_args=("-smp", "2"))),
        ("package.metadata.bootimage.test-timeout = 0", Bootimage(test_timeout=0)),
        ("package.metadata.bootimage.test-success-exit-code = 33", Bootimage(test_success_exit_code=33)),
        ("package.metadata.bootimage.test-success-exit-code = 0", Bootimage(test_success_exit_code=0)),
        ("package.metadata.bootimage.test-no-reboot = false", Bootimage(test_no_reboot=False)),
    ],
)
def test_each_key_means_what_it_means_to_bootimage(text: str, means: Bootimage) -> None:
    assert read(text) == (means, [])


def test_the_defaults_are_those_of_bootimage() -> None:
    default = Bootimage()
    assert default.build_command == ("build",)
    assert default.run_command == ("qemu-system-x86_64", "-drive", "format=raw,file={}")
    assert (default.run_args, default.test_args) == ((), ())
    assert (default.test_timeout, default.test_success_exit_code, default.test_no_reboot) == (300, None, True)


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ("test-timout = 3", f" has no key 'test-timout' (it has: {KEYS}). Did you mean 'test-timeout'?"),
        (
            "default-target = 'x86_64-hello.json'",
            f" has no key 'default-target' (it has: {KEYS}). Earlier versions of bootimage had it: leave it out, and "
            "write target under [build] in .cargo/config.toml.",
        ),
        ("minimum-image-size = 3", f" has no key 'minimum-image-size' (it has: {KEYS})."),
        ("test_args = []", f" has no key 'test_args' (it has: {KEYS}). Did you mean 'test-args'?"),
        ("build-command = 'xbuild'", ": build-command wants a list of texts, not 'xbuild'."),
        ("run-command = []", ": run-command is empty, and the program to run is its first text."),
        ("run-command = {}", ": run-command wants a list of texts, not a table."),
        ("run-args = ['-m', 128]", ": run-args wants a list of texts, not ['-m', 128]."),
        ("test-args = true", ": test-args wants a list of texts, not true."),
        ("test-timeout = -1", ": test-timeout is -1: it counts seconds, and must not be negative."),
        ("test-timeout = 1.5", ": test-timeout wants an integer, not 1.5."),
        ("test-timeout = '300'", ": test-timeout wants an integer, not '300'."),
        ("test-success-exit-code = true", ": test-success-exit-code wants an integer, not true."),
        ("test-success-exit-code = 2026-07-07", ": test-success-exit-code wants an integer, not a time."),
        ("test-no-reboot = 1", ": test-no-reboot wants true or false, not 1."),
    ],
)
def test_a_fault_is_told_and_leaves_the_default(said: str, fault: str) -> None:
    assert read(f"[package.metadata.bootimage]\n{said}") == (Bootimage(), [f"[package.metadata.bootimage]{fault}"])


def test_all_faults_are_told_at_once_and_the_rest_is_read() -> None:
    means, faults = read("[package.metadata.bootimage]\nrun-args = 1\ntest-args = ['-smp', '2']\ntest-no-reboot = 0")
    assert means == Bootimage(test_args=("-smp", "2"))
    assert len(faults) == 2


def test_something_else_than_a_table_is_a_fault() -> None:
    fault = "[package.metadata.bootimage] wants to be a table, not ['build']."
    assert read("package.metadata.bootimage = ['build']") == (Bootimage(), [fault])
