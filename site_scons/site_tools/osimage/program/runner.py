"""`osimage runner`: boots a kernel that cargo has built, with bootimage's arguments, configuration and exit codes."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections.abc import Sequence
from typing import NamedTuple

from ..crates import bootimage, toml_file
from ..crates.bootimage import Bootimage
from ..crates.fault import FaultError
from ..errors import OsimageError, did_you_mean
from ..machine import command
from . import show_version
from .executable import Executable, find

FAILED = 1  # the exit status of a test that QEMU's own exit code does not say
OPTIONS = ("--quiet", "--help", "--version")
HELP = """\
usage: osimage runner [--quiet] EXECUTABLE [ARGUMENT]...

Makes a disk image of the kernel EXECUTABLE and boots it in QEMU. Every ARGUMENT goes to QEMU, after all others.
--quiet leaves out lines of our own. In .cargo/config.toml, for `cargo run` and `cargo test`:

    [target.'cfg(target_os = "none")']
    runner = "osimage runner"

What Cargo.toml may say, here with what holds otherwise:

    [package.metadata.bootimage]
    run-command = ["qemu-system-x86_64", "-drive", "format=raw,file={}"]   # {} is the image
    run-args = []           # what follows it, but for tests
    test-args = []          # what follows it for tests
    test-no-reboot = true   # tests get -no-reboot: a reset ends them
    test-timeout = 300      # seconds that a test may take
    # test-success-exit-code = 33   # QEMU's exit code of a test that passed

The exit status is QEMU's. With a test-success-exit-code, a test's is 0 for that code and 1 for QEMU's 0. It is 1 where
a test takes too long or QEMU dies of a signal, and 2 where nothing could be started.
"""


class Call(NamedTuple):
    """What the command line says."""

    executable: str
    arguments: tuple[str, ...]
    quiet: bool


def runner(words: Sequence[str]) -> int:
    """Do what WORDS, the arguments after `runner`, say; returns the exit status.

    Raises:
        OsimageError: nothing can be started.
    """
    options = set(words[: _options(words)])
    if options & {"--help", "-h"}:
        print(HELP, end="")
        return 0
    if "--version" in options:
        return show_version()
    call = parse(words)
    executable = find(call.executable, os.environ)
    settings = settings_of(executable)
    command.find(settings.run_command[0])
    from .image import make

    image = os.path.relpath(make(executable, os.environ, quiet=call.quiet))
    argv = command_line(settings, image, call.arguments, is_test=executable.is_test)
    if not call.quiet:
        print(f"Running: `{shlex.join(argv)}`", flush=True)
    ended = command.run(argv, settings.test_timeout if executable.is_test else None)
    return status(settings, ended.code, is_test=executable.is_test)


def parse(words: Sequence[str]) -> Call:
    """The call that WORDS are; everything after the executable is QEMU's.

    Raises:
        OsimageError: there is no executable, or an option that the runner does not know.
    """
    place = _options(words)
    for word in words[:place]:
        if word not in OPTIONS:
            hint = did_you_mean(word, OPTIONS) or " Arguments for QEMU come after the executable."
            raise OsimageError(f"the runner knows no option '{word}'.{hint}")
    if place == len(words):
        raise OsimageError("no executable is named. usage: osimage runner [--quiet] EXECUTABLE [ARGUMENT]...")
    arguments = tuple(word for word in words[place + 1 :] if word != "--quiet")  # which `cargo test --quiet` adds
    return Call(words[place], arguments, "--quiet" in words)


def settings_of(executable: Executable) -> Bootimage:
    """What the manifest of EXECUTABLE's package says.

    Raises:
        OsimageError: every fault in it.
    """
    shown = os.path.relpath(executable.manifest)
    try:
        settings, faults = bootimage.of_manifest(toml_file.read(executable.manifest, shown) or {})
    except FaultError as fault:
        raise OsimageError(str(fault)) from None
    if faults:
        raise OsimageError("\n".join(f"{shown}: {fault}" for fault in faults))
    return settings


def command_line(settings: Bootimage, image: str, arguments: Sequence[str], *, is_test: bool) -> tuple[str, ...]:
    """The command that boots IMAGE; ARGUMENTS, the person's own, come last."""
    started = (word.replace(bootimage.IMAGE, image) for word in settings.run_command)
    no_reboot = ("-no-reboot",) if is_test and settings.test_no_reboot else ()
    return (*started, *no_reboot, *(settings.test_args if is_test else settings.run_args), *arguments)


def status(settings: Bootimage, code: int | None, *, is_test: bool) -> int:
    """The exit status for QEMU's exit CODE, which is negative for a signal and None where time was up, and a word."""
    if code is None:
        print(f"osimage: the test took longer than {settings.test_timeout} s (test-timeout).", file=sys.stderr)
        return FAILED
    if code < 0:
        print(f"osimage: QEMU was ended by signal {-code} ({signal.strsignal(-code)}).", file=sys.stderr)
        return FAILED
    wanted = settings.test_success_exit_code
    if not is_test or wanted is None:
        return code
    return 0 if code == wanted else code or FAILED


def _options(words: Sequence[str]) -> int:
    """How many of WORDS come before the executable."""
    return next((place for place, word in enumerate(words) if not word.startswith("-")), len(words))
