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


class Plan(NamedTuple):
    """What a stage says of one declaration.

    `links` are (name, absolute path): sources outside the project, reached through `build/external/<name>`.
    `consulted` are the files, present or not, whose content decided the plan. `notes` are lines for the person.
    """

    actions: tuple[Action, ...]
    links: tuple[tuple[str, str], ...] = ()
    consulted: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def is_python_step(action: Action) -> bool:
    """Whether ACTION runs in process rather than as a program."""
    return action.argv[0].startswith("osimage.")
