"""The step that runs a build script of the standard library and keeps what it says as arguments for rustc."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..errors import StepError

# What a build script may say to cargo and what rustc, called by us, would have to be told in another way.
_NOT_FOR_US = re.compile(r"rustc-link-(?!search$).*|rustc-flags|error")


def run(argv: Sequence[str], out: Path) -> None:
    """Run a build script; ARGV is (program, its package's folder, output, NAME=value ...).

    The script sees those variables, its folder, and OUT_DIR, an empty folder, and nothing else. The output has one
    argument a line, as rustc reads it from `@file`.

    Raises:
        StepError: the script fails, or says what we do not hand on.
    """
    program, folder, output, *variables = argv
    scratch = out / "OUT_DIR"
    scratch.mkdir()
    environ = dict(variable.split("=", 1) for variable in variables)
    environ |= {"OUT_DIR": str(scratch.resolve()), "CARGO_MANIFEST_DIR": str(Path(folder).absolute())}
    try:
        done = subprocess.run([Path(program).resolve()], cwd=folder, env=environ, stdin=subprocess.DEVNULL, check=False,
                              capture_output=True)  # fmt: skip
    except OSError as error:
        raise StepError(f"the build script {program} cannot be started: {error.strerror}.") from error
    said = done.stdout.decode(errors="replace")
    if done.returncode:
        words = done.stderr.decode(errors="replace").strip() or said.strip() or "It said nothing."
        raise StepError(f"the build script {program} ended with {done.returncode}:\n{words}")
    (out / Path(output).name).write_text("".join(f"{word}\n" for word in arguments(said)), encoding="utf-8")


def arguments(said: str) -> Iterator[str]:
    """The arguments for rustc in what a build script SAID to cargo, `cargo:` and `cargo::` alike.

    Left out are the cfgs that it might set (warnings are off), when to run it again, and data for other scripts.

    Raises:
        StepError: it asks for a link or reports an error.
    """
    for line in said.splitlines():
        found = re.match(r"cargo::?([a-z-]+)=(.*)", line)
        key, value = found.groups() if found else ("", "")
        if key == "rustc-cfg":
            yield f"--cfg={value}"
        elif key == "rustc-env":
            yield f"--env-set={value}"
        elif _NOT_FOR_US.fullmatch(key):
            raise StepError(f"the build script says '{line}', which is not supported for the standard library.")
