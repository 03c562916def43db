"""The step that compiles the examples of a library's documentation: rustdoc lists them, rustc compiles each."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from ..action import LINKER, RUSTC, RUSTDOC
from ..errors import StepError
from ..toolchain.programs import STEERING
from .argv import LINK_INFO
from .examples import IGNORED, RUNS, Compiled, Example, compiled, encoded, judge, parse, placed
from .fault import FaultError
from .variables import read_records

ELF, DEP_INFO = "example.elf", "example.d"  # what comes of each, in a folder of its own
_REFUSED = 1  # the exit status of a compiler that finds an error in the source


class Doctests(NamedTuple):
    """What there is to compile. Paths are relative to the project root.

    `source` is the root file of the library, `edition` its own; `target` the target's name. `folder` takes the
    executables, `results` and `dep_info` are the names of files. `crate` are arguments that rustdoc and rustc take for
    the library itself, `listing` more for rustdoc, `library` more for rustc, `example` those for an example. `said` are
    the files with what the build script says, `searched` those with the `-L` of build scripts, `variables` those with
    variables.
    """

    source: str
    edition: str
    target: str
    folder: str
    results: str
    dep_info: str
    crate: tuple[str, ...]
    listing: tuple[str, ...]
    library: tuple[str, ...]
    example: tuple[str, ...]
    said: tuple[str, ...]
    searched: tuple[str, ...]
    variables: tuple[str, ...]

    def argv(self, variables: Sequence[tuple[str, str]]) -> tuple[str, ...]:
        """The step's command, with the VARIABLES that cargo sets."""
        return (__name__, RUSTC, RUSTDOC, LINKER, json.dumps(self), *(f"{name}={value}" for name, value in variables))

    @classmethod
    def of(cls, described: str) -> Doctests:
        """What `argv` has DESCRIBED."""
        parts: list[Any] = [tuple(part) if isinstance(part, list) else part for part in json.loads(described)]
        return cls(*parts)


class _Compiler(NamedTuple):
    """How the programs are called: their places, the environment, a folder for what they write."""

    rustc: str
    rustdoc: str
    linker: str
    environ: Mapping[str, str]
    out: Path


def run(argv: Sequence[str], out: Path) -> None:
    """Compile the examples; ARGV is what `Doctests.argv` made, without its first word.

    An example that does not compile is a result like others.

    Raises:
        StepError: they cannot be listed, or a compiler dies.
    """
    rustc, rustdoc, linker, described, *variables = argv
    doctests = Doctests.of(described)
    compiler = _Compiler(rustc, rustdoc, linker, _environment(doctests, variables), out)
    _note_sources(doctests, compiler)
    examples = _listed(doctests, compiler)
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as threads:
        try:
            made = tuple(threads.map(lambda example: _compile(example, doctests, compiler), examples))
        finally:
            threads.shutdown(cancel_futures=True)
    for each in made:
        if each.outcome == RUNS:
            (out / each.id / ELF).rename(Path(doctests.folder, f"{each.id}.elf"))
    (out / doctests.results).write_text(encoded(made), encoding="utf-8")
    (out / doctests.dep_info).write_text("".join(_dep_info(made, out)), encoding="utf-8")
    links = (out / each.id / LINK_INFO for each in made)
    (out / LINK_INFO).write_text("".join(map(_text, links)), encoding="utf-8")


def _environment(doctests: Doctests, variables: Sequence[str]) -> dict[str, str]:
    """The whole environment of rustdoc and rustc: the person's, then VARIABLES, then what the build script says."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(STEERING)}
    environ |= {"LC_ALL": "C.UTF-8"} | dict(variable.split("=", 1) for variable in variables)
    for file in doctests.variables:
        environ |= dict(read_records(Path(file), os.getcwd()))
    return environ


def _said(doctests: Doctests) -> list[str]:
    """What build scripts say to rustdoc: what they link with the library, cargo leaves out."""
    words = [word for file in doctests.searched for word in Path(file).read_text(encoding="utf-8").splitlines()]
    for file in doctests.said:
        lines = iter(Path(file).read_text(encoding="utf-8").splitlines())
        for word in lines:
            if word == "-l":
                next(lines)
            else:
                words.append(word)
    return words


def _note_sources(doctests: Doctests, compiler: _Compiler) -> None:
    """Let rustc write which files the library is read from when it is documented, which rustdoc does not say.

    What rustc has against the library counts for nothing here: it is compiled elsewhere, and rustdoc reads it again.
    """
    file = compiler.out / "library.d"
    argv = [compiler.rustc, *doctests.crate, *doctests.library, *_said(doctests), "--cfg", "doc", "--cfg", "doctest",
            "--cap-lints=allow", f"--emit=dep-info={file}", doctests.source]  # fmt: skip
    _, _, words = _output(argv, compiler.environ, "")
    if not file.exists():
        raise StepError(f"rustc does not read the library with cfg(doc) and cfg(doctest):\n{words.rstrip()}")


def _listed(doctests: Doctests, compiler: _Compiler) -> tuple[Example, ...]:
    argv = [compiler.rustdoc, *doctests.crate, *doctests.listing, *_said(doctests), "-Zunstable-options",
            "--output-format=doctest", "--color=never", doctests.source]  # fmt: skip
    status, listed, words = _output(argv, compiler.environ, "")
    if status:
        raise StepError(f"rustdoc cannot list the examples in the documentation:\n{words.rstrip()}")
    try:
        return parse(listed, doctests.target)
    except FaultError as fault:
        raise StepError(str(fault)) from None


def _compile(example: Example, doctests: Doctests, compiler: _Compiler) -> Compiled:
    """Compile EXAMPLE as rustdoc does: from standard input, with errors told of the place it has.

    It gets a folder of its own, since all have one crate name.
    """
    if example.ignored:
        return compiled(example, IGNORED)
    folder = compiler.out / example.id
    folder.mkdir()
    emitted = "metadata" if example.no_run and not example.compile_fail else "link"
    argv = [
        *(compiler.rustc, f"--edition={example.edition or doctests.edition}", "--crate-type=bin"),
        *(("--test",) if example.harness else ()),
        *doctests.example,
        *_said(doctests),
        *(f"-Clinker={compiler.linker}", f"-Clink-arg=--dependency-file={folder}/{LINK_INFO}"),
        *("--color=never", f"--out-dir={folder}"),
        *(f"--emit=dep-info={folder}/{DEP_INFO},{emitted}={folder}/{ELF}", "-"),
    ]
    program, offset = placed(example)
    place = {"UNSTABLE_RUSTDOC_TEST_PATH": example.file, "UNSTABLE_RUSTDOC_TEST_LINE": str(offset)}
    status, _, words = _output(argv, {**compiler.environ, **place}, program)
    if status not in (0, _REFUSED):
        raise StepError(f"{example.file}:{example.line}: rustc ended with status {status}:\n{words.rstrip()}")
    return judge(example, status, words)


def _output(argv: Sequence[str], environ: Mapping[str, str], text: str) -> tuple[int, str, str]:
    """The exit status, standard output and standard error of ARGV, which reads TEXT.

    Raises:
        StepError: it cannot be started, or is killed.
    """
    try:
        done = subprocess.run(argv, env=environ, check=False, input=text.encode(), capture_output=True)
    except OSError as error:
        raise StepError(f"cannot start {argv[0]}: {error.strerror}") from error
    words = done.stderr.decode(errors="replace")
    if done.returncode < 0:
        raise StepError(f"{argv[0]} was killed by signal {-done.returncode}")
    return done.returncode, done.stdout.decode(errors="replace"), words


def _dep_info(examples: Sequence[Compiled], out: Path) -> Iterator[str]:
    """What the library and EXAMPLES were made from.

    Of one that is not final, or that rustc gave up early, nobody knows what it would have read.
    """
    yield _text(out / "library.d")
    for each in examples:
        known = _text(out / each.id / DEP_INFO) if each.is_final else ""
        yield known if known or each.outcome == IGNORED else "# everything\n"


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.exists() else ""
