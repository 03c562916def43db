"""An Action is one step of the graph as data: a command, what it reads and what it writes.

Everything else reads the same Actions: the SCons nodes, the cache key, `scons plan`. Nothing in one depends on where
the project lies: paths are relative to the project root, and what must differ between runs is a placeholder. These are
named tuples: an unchanged build loads them from the stored plan, and defining a dataclass costs it a millisecond each.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from .errors import Where

# Expanded only when a step runs. OUT: an empty scratch folder, where the step writes each output under its base name.
# ROOT: the absolute project root, for the few variables that must be absolute (CARGO_MANIFEST_DIR).
OUT = "{out}"
ROOT = "{root}"
# In the argv of a Python step, and in variables: the absolute paths of the compiler, cargo, rustdoc and the linker.
RUSTC = "{rustc}"
CARGO = "{cargo}"
RUSTDOC = "{rustdoc}"
LINKER = "{linker}"

# The folder below the build folder that has what compilers keep from one run to the next.
INCREMENTAL = "incremental"

# file:    one file.
# tree:    every file below a folder.
# package: a Cargo package's folder: every file below it except nested packages, `build/`, `target/`, dot-folders.
#          After the first run the files that were really read (dep-info) take its place.
InputKind = Literal["file", "tree", "package"]


class Input(NamedTuple):
    """Something a step reads: a path relative to the project root, with `/`, and how much of it counts."""

    path: str
    kind: InputKind = "file"


class Action(NamedTuple):
    """One step of the graph: a command, what it reads and what it writes. Location-independent.

    A program's argv starts with a bare name (`rustc`), found by the graph. A Python step's argv starts with the dotted
    name of one of our modules (`osimage.image.assemble`), whose `run(argv, out)` is called in process with the
    arguments after that name and the scratch folder; the working directory is the project root in both cases.

    An output whose name ends in `/` is a folder, such as a build script's OUT_DIR. The first output is a file. Programs
    bake the absolute path of such a folder into what they write, so it is no part of the scratch folder: it is emptied
    before the step, which finds it at its own place and fills it. Files, links and empty folders in it are the result,
    all or none. `Input("build/hello/x-1234/out", "tree")` of another step depends on the step that makes it.

    Dep-info is in Make's form, with `# env-dep:NAME` lines for variables. A name in it that ends in `/` is a folder
    that counts whole: every file below it, by content, also one that is added. The line `# everything` says that
    nothing is known of what the step reads: each `package` input counts whole, and the result never leaves this folder.
    """

    step: str  # its kind, shown in capitals: "core", "kernel", "image"
    label: str  # what a person sees: "core 1.96.0 for x86_64-hello"
    argv: tuple[str, ...]
    inputs: tuple[Input, ...]
    outputs: tuple[str, ...]  # relative to the project root; base names are unique within the step
    toolchain: str  # identity digest of what runs
    where: Where
    env: tuple[tuple[str, str], ...] = ()
    dep_info: str | None = None  # the output (one of `outputs`) that says what was really read
    shared: bool = True  # may its result leave this folder
    user_env: bool = False  # does it see the person's environment (only what it read of it, by dep-info, then counts)
    local: bool = False  # the project's own code: its warnings are shown until they are fixed
    link_info: str | None = None  # where in the scratch folder the linker says what it read; no output
    # Files, each one of `inputs`, with more variables for the step: NAME=VALUE separated by NUL, {root} in values as in
    # `env`, whose values they replace.
    env_from: tuple[str, ...] = ()
    # A folder that the compiler keeps from one run to the next, to compile again only what changed. What comes of one
    # that is there already depends on its past, so that it never leaves this build folder.
    incremental: str | None = None
    external: bool = False  # of sources that nobody edits, and other such steps: no nodes where its outputs are intact
    reads_outside: bool = False  # may dep-info name files outside the project; the result then never leaves this folder


class Plan(NamedTuple):
    """What a stage says of one declaration.

    `links` are (name, absolute path): sources outside the project, reached through `build/external/<name>`.
    `consulted` are the files, present or not, whose content decided the plan. `notes` are lines for the person.
    """

    actions: tuple[Action, ...]
    links: tuple[tuple[str, str], ...] = ()
    consulted: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def output_files(action: Action) -> tuple[str, ...]:
    """Those of ACTION's outputs that are files."""
    return tuple(output for output in action.outputs if not output.endswith("/"))


def output_folders(action: Action) -> tuple[str, ...]:
    """Those of ACTION's outputs that are folders, each with its `/`."""
    return tuple(output for output in action.outputs if output.endswith("/"))


def is_python_step(action: Action) -> bool:
    """Whether ACTION runs in process rather than as a program."""
    return action.argv[0].startswith("osimage.")


def metadata_of(action: Action) -> str | None:
    """That output of ACTION, which compiles a library, of which others may begin before it has ended."""
    metadata = next((output for output in action.outputs if output.endswith(".rmeta")), None)
    return metadata if any(output.endswith(".rlib") for output in action.outputs) else None
