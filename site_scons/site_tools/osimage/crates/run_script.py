"""The step that runs a package's build script as cargo does, and keeps what it says for rustc and for other scripts."""

from __future__ import annotations

import hashlib
import json
import os
import posixpath
import re
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ..action import OUT, ROOT
from ..errors import StepError
from .fault import FaultError
from .files import DEP_INFO, LIBRARIES, METADATA, OUT_DIR, SEARCH, VARIABLES
from .link_files import located
from .place import Place
from .script_env import upper
from .script_output import ProtocolError, Said, log, parse
from .variables import read_records

_NO_SOURCES = ("build", "target")  # folders of results
# What cargo takes from a script's environment, and what it puts into it anew.
_NOT_PASSED_ON = ("RUSTFLAGS", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER")


class Script(NamedTuple):
    """What there is to run, and for whom. Paths are relative to the project root.

    `program` is the compiled script, `folder` its package's, `place` where its results go, `base` the folder from which
    cargo would run rustc for the package. `package` is its name and version for people. `targets` are (kind, name) of
    what the package has; `crates` those that use what the script says: (file for the arguments, kind, name, whether
    native libraries are linked with it). `metadata` are the files of other scripts with the prefix of their variables;
    `searched` those with the `-L` of scripts with whose libraries the program is linked.
    """

    program: str
    folder: str
    place: str
    base: str
    package: str
    rust_version: str | None
    is_local: bool
    targets: tuple[tuple[str, str], ...]
    crates: tuple[tuple[str, str, str, bool], ...]
    metadata: tuple[tuple[str, str], ...]
    searched: tuple[str, ...] = ()

    def argv(self, variables: Sequence[tuple[str, str]]) -> tuple[str, ...]:
        """The step's command, with the VARIABLES of the script's environment."""
        return (__name__, json.dumps(self), ROOT, *(f"{name}={value}" for name, value in variables))

    @classmethod
    def of(cls, argv: Sequence[str]) -> tuple[Script, str, Sequence[str]]:
        """The script, the project's root and the variables, NAME=VALUE, of ARGV without its first word."""
        described, root, *variables = argv
        *one_each, targets, crates, metadata, searched = json.loads(described)
        pairs = [tuple(map(tuple, each)) for each in (targets, crates, metadata)]
        return cls(*one_each, *pairs, *[tuple(searched)]), root, variables


def run(argv: Sequence[str], out: Path) -> str:
    """Run a build script; ARGV is what `Script.argv` made, without its first word.

    Returns the warnings for the person.

    Raises:
        StepError: the script fails, reports an error, or says what cargo refuses.
    """
    script, root, variables = Script.of(argv)
    began_ns = time.time_ns()
    said = understood(script, _output(script, environment(script, root, variables, os.environ)))
    for name, text in results(script, said, root, began_ns).items():
        (out / name).write_text(text, encoding="utf-8")
    return "".join(f"warning: {script.package}: {text}\n" for text in said.warnings if script.is_local)


def environment(script: Script, root: str, variables: Sequence[str], user: Mapping[str, str]) -> dict[str, str]:
    """The whole environment of SCRIPT: the USER's, then what cargo sets; VARIABLES are NAME=VALUE."""
    environ = {name: value for name, value in user.items() if name not in _NOT_PASSED_ON}
    environ |= dict(variable.split("=", 1) for variable in variables)
    beside = posixpath.join(posixpath.dirname(environ.get("RUSTC", "")), "rustdoc")
    environ |= {
        "OUT_DIR": f"{root}/{script.place}/{OUT_DIR.rstrip('/')}",
        "NUM_JOBS": str(len(os.sched_getaffinity(0))),
        "RUSTDOC": beside if os.path.isfile(beside) else "rustdoc",
    }
    libraries = (*_libraries(script, root, environ), environ.get("LD_LIBRARY_PATH", ""))
    environ["LD_LIBRARY_PATH"] = ":".join(filter(None, dict.fromkeys(libraries)))
    for prefix, file in script.metadata:
        for key, value in read_records(Path(root, file), root):
            environ[f"DEP_{upper(prefix)}_{upper(key)}"] = value
    return environ


def _libraries(script: Script, root: str, environ: Mapping[str, str]) -> Iterator[str]:
    """The folders of shared libraries for SCRIPT, as cargo has them: what other scripts made, the compiler's own."""
    for file in script.searched:
        for path in Path(root, file).read_text(encoding="utf-8").splitlines()[1::2]:
            folder = posixpath.join(root, path.rpartition("=")[2])
            if f"/{OUT_DIR}" in f"{folder}/":
                yield folder
    prefix = posixpath.dirname(posixpath.dirname(environ.get("RUSTC", "")))
    yield f"{prefix}/lib/rustlib/{environ.get('HOST', '')}/lib"


def results(script: Script, said: Said, root: str, began_ns: int) -> dict[str, str]:
    """The text of each file that comes of what SCRIPT has SAID, by base name; it was started at BEGAN_NS (since 1970).

    Raises:
        StepError: a file of the link cannot be an input.
    """
    texts = {file: _for_rustc(script, said, root, kind, name, linked) for file, kind, name, linked in script.crates}
    texts[SEARCH] = [word for path in said.search for word in ("-L", _from_root(path, script.base, root))]
    named = [path.rpartition("=")[2] for path in (*(value for _, value in said.variables), *said.search)]
    written = (*(posixpath.join(root, script.folder, path) for path in named), *_sources(script, root))
    is_private = any(_is_written(path, script, root, began_ns) for path in written)
    return {
        **{file: "".join(f"{word}\n" for word in words) for file, words in texts.items()},
        VARIABLES: _records(said.variables, root),
        METADATA: _records(said.metadata, root),
        LIBRARIES: "".join(f"{line}\n" for line in _native_libraries(script, said, root)),
        DEP_INFO: _dep_info(script, said, root, is_private),
    }


def _output(script: Script, environ: dict[str, str]) -> bytes:
    """What SCRIPT writes for cargo.

    Raises:
        StepError: it cannot be started, or ends otherwise than with 0.
    """
    try:
        # With the build folder's lock: it writes there, also where it goes on after we were killed.
        done = subprocess.run([Path(script.program).absolute()], cwd=script.folder, env=environ, check=False,
                              stdin=subprocess.DEVNULL, capture_output=True, close_fds=False)  # fmt: skip
    except OSError as error:
        raise StepError(f"the build script of {script.package} cannot be started: {error.strerror}.") from error
    if done.returncode == 0:
        return done.stdout
    how = f"was killed by signal {-done.returncode}" if done.returncode < 0 else f"ended with {done.returncode}"
    warnings, errors = log(done.stdout)
    words = [*(f"error: {text}" for text in errors), *(f"warning: {text}" for text in warnings)]
    words += done.stderr.decode(errors="replace").rstrip().splitlines()
    raise StepError("\n".join([f"the build script of {script.package} {how}:", *(words or ["It said nothing."])]))


def understood(script: Script, output: bytes) -> Said:
    """OUTPUT of SCRIPT as what it says.

    Raises:
        StepError: it reports an error, or cargo would refuse a line.
    """
    try:
        said = parse(output, script.targets, script.rust_version)
    except ProtocolError as error:
        raise StepError(f"the build script of {script.package} {error}") from None
    if said.errors:
        raise StepError("\n".join([f"the build script of {script.package} reports:", *said.errors]))
    for name, value in (*said.variables, *said.metadata):
        if ROOT in value or OUT in value or "\0" in value:
            raise StepError(
                f"the build script of {script.package} sets {name} to a text with {ROOT}, {OUT} or a NUL in it, which "
                "osimage fills in itself: write it otherwise."
            )
    return said


def _for_rustc(script: Script, said: Said, root: str, kind: str, name: str, linked: bool) -> list[str]:
    """The arguments for the crate NAME of KIND, with the files of its link named from the project root."""
    flags = list(said.for_rustc(kind, name, linked))
    try:
        found = located(flags, {}, script.base, Place(root, ""))
    except FaultError as fault:
        raise StepError(f"the build script of {script.package} names a file of the link: {fault}") from None
    # What is not there yet is looked for there, too, when it is needed.
    left = [flag for flag in found.flags if flag in flags and re.match(r"-Clink-arg=(-T|--script=)[^/]", flag)]
    searched = f"-Clink-arg=-L{script.base}"
    return [*found.flags, *([searched] if left and script.base != "." and searched not in found.flags else [])]


def _from_root(path: str, base: str, root: str) -> str:
    """PATH of a `-L`, perhaps with a kind before it, relative to the project ROOT where it lies in it."""
    kind, equals, name = path.rpartition("=")
    absolute = posixpath.normpath(posixpath.join(root, base, name))
    inside = absolute == root or absolute.startswith(f"{root}/")
    return f"{kind}{equals}{os.path.relpath(absolute, root) if inside else absolute}"


_CLOCK_MARGIN_NS = 20_000_000  # file times come from a clock that ticks every few milliseconds


def _native_libraries(script: Script, said: Said, root: str) -> Iterator[str]:
    """The SHA-256 (hex) and name of each native library that SCRIPT names and that lies where it says."""
    for library in said.libraries:
        name = library.rpartition("=")[2].partition(":")[0]
        for path in said.search:
            folder = posixpath.join(root, _from_root(path, script.base, root).rpartition("=")[2])
            for file in (name, f"lib{name}.a", f"lib{name}.so"):
                if os.path.isfile(f"{folder}/{file}"):
                    yield f"{hashlib.sha256(Path(folder, file).read_bytes()).hexdigest()} {file}"


def _is_written(path: str, script: Script, root: str, began_ns: int) -> bool:
    """Whether PATH lies in the project outside OUT_DIR and was written while SCRIPT ran, so that no output holds it."""
    if not path.startswith(f"{root}/") or path.startswith(f"{root}/{script.place}/"):
        return False
    try:
        return os.stat(path).st_mtime_ns >= began_ns - _CLOCK_MARGIN_NS
    except (OSError, ValueError):
        return False  # also a text that is no path


def _sources(script: Script, root: str) -> Iterator[str]:
    """The files of SCRIPT's package where a person may edit it, without those that other tools make."""
    for folder, folders, names in os.walk(posixpath.join(root, script.folder)) if script.is_local else ():
        folders[:] = [name for name in folders if name not in _NO_SOURCES and not name.startswith(".")]
        yield from (posixpath.join(folder, name) for name in names)


def _dep_info(script: Script, said: Said, root: str, nothing_is_known: bool) -> str:
    """What SCRIPT says it read, in Make's form."""
    names = [_read_by(path, script, root) for path in said.changed]
    escaped = " ".join(name.replace(" ", "\\ ") for name in names if not name.startswith(f"{script.place}/"))
    lines = [f"{script.place}/{DEP_INFO}: {escaped}", *(f"# env-dep:{name}" for name in said.env_changed)]
    if nothing_is_known or not (said.changed or said.env_changed):
        lines.append("# everything")
    return "".join(f"{line}\n" for line in lines)


def _read_by(path: str, script: Script, root: str) -> str:
    """PATH of a `rerun-if-changed` as dep-info names it: from the project root, a folder with `/` at its end."""
    absolute = posixpath.normpath(posixpath.join(root, script.folder, path))
    name = os.path.relpath(absolute, root) if absolute.startswith(f"{root}/") or absolute == root else absolute
    return f"{name}/" if os.path.isdir(absolute) else name


def _records(records: Sequence[tuple[str, str]], root: str) -> str:
    """RECORDS as NAME=VALUE separated by NUL, with the placeholder for ROOT in values."""
    return "\0".join(f"{name}={re.sub(re.escape(root) + '(?=/|$)', ROOT, value)}" for name, value in records)
