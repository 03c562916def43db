"""What rustc and lld say they really read, in files like a Makefile, and whether all of it was declared."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from typing import NamedTuple

from ..action import ROOT, Action, output_folders
from .keys import OUTSIDE


class DepInfo(NamedTuple):
    """The files read, as rustc named them (relative to its working directory or absolute), folders where a name ends in
    `/`, and the variables read. EVERYTHING: nobody knows what else was.
    """

    files: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    everything: bool = False


def parse(text: str) -> DepInfo:
    """Parse dep-info as rustc writes it (`write_out_deps`): rules as in a Makefile, then `# env-dep:NAME[=VALUE]`.

    The line `# everything` is for steps of our own.
    """
    files: set[str] = set()
    env: set[str] = set()
    for line in text.splitlines():
        if line.startswith("# env-dep:"):
            env.add(line.removeprefix("# env-dep:").partition("=")[0])
        elif line and not line.startswith("#"):
            files.update(_prerequisites(line))
    return DepInfo(tuple(sorted(files)), tuple(sorted(env)), "# everything" in text.splitlines())


def _prerequisites(rule: str) -> list[str]:
    """The names after `target:`; a space inside a name is written as backslash and space."""
    _target, colon, rest = rule.replace("\\ ", "\0").partition(": ")
    return [name.replace("\0", " ") for name in rest.split()] if colon else []


def linked(text: str, folders: Iterable[tuple[str, str]], declared: Iterable[str]) -> list[str]:
    """The files that lld read, from TEXT, its `--dependency-file`; FOLDERS as in `relocated`.

    lld escapes blank, `#` and `$` as Make has it, and writes a slash for every backslash (lld/ELF/Driver.cpp,
    `writeDependencyFile`), so what a backslash was is seen only by comparing with FOLDERS and the names DECLARED.
    """
    lines = (line.strip().removesuffix(" \\") for line in text.splitlines() if line.startswith(" "))
    names = [re.sub(r"\\([ #])|\$(\$)", r"\1\2", line) for line in lines]
    for old, new in folders:
        above = _slashed(f"{old}/")
        names = [f"{new}/{name.removeprefix(above)}".lstrip("/") if name.startswith(above) else name for name in names]
    real = {_slashed(name): name for name in declared}
    return [real.get(name, name) for name in names]


def _slashed(name: str) -> str:
    return name.replace("\\", "/")


def relocated(text: str, folders: Iterable[tuple[str, str]]) -> str:
    """TEXT, dep-info, with names below the first of each pair of FOLDERS named from the second (empty: relative)."""
    for old, new in folders:
        before = re.escape(f"{old}/".replace(" ", "\\ "))
        after = f"{new}/".replace(" ", "\\ ") if new else ""
        text = re.sub(rf"(^|(?<!\\) ){before}", r"\1" + after.replace("\\", "\\\\"), text, flags=re.MULTILINE)
        text = re.sub(rf"^(# env-dep:[^=\n]*=){re.escape(old)}(?=/|$)", rf"\1{ROOT}", text, flags=re.MULTILINE)
    return text


def split(
    files: Iterable[str], action: Action, root: str, build: str, toolchain: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Sort FILES into the project's sources, which join the key, and what ACTION should have declared and did not.

    ROOT is the project's absolute path, BUILD the build folder relative to it, TOOLCHAIN the compiler's own absolute
    folder. Declared inputs, what lies below TOOLCHAIN and the files of a `tree` input are in the key already, and what
    ACTION makes itself is no input. Not declared is what lies below the build folder or, unless ACTION may read that,
    outside the project; if it may, it joins the key.
    """
    declared = {entry.path for entry in action.inputs if entry.kind == "file"}
    outside = {posixpath.normpath(posixpath.join(root, path)) for path in declared if path.startswith(OUTSIDE)}
    known = (*(f"{entry.path}/" for entry in action.inputs if entry.kind == "tree"), *output_folders(action))
    sources: set[str] = set()
    undeclared: set[str] = set()
    for file in files:
        name = _relative(file, root)
        if name in declared or name in action.outputs or name.startswith((*known, f"{toolchain}/")):
            continue
        if name.startswith(OUTSIDE) and posixpath.normpath(posixpath.join(root, name)) in outside:
            continue  # under another name
        if name.startswith(f"{build}/") or (name.startswith(OUTSIDE) and not action.reads_outside):
            undeclared.add(name)
        else:
            sources.add(name)
    return tuple(sorted(sources)), tuple(sorted(undeclared))


def _relative(path: str, root: str) -> str:
    """PATH as inputs are named: relative to ROOT where it lies below it, without `./` and inner `..`.

    A folder keeps the `/` at its end.
    """
    name = posixpath.normpath("." if path == f"{root}/" else path.removeprefix(f"{root}/"))
    return f"{name}/" if path.endswith("/") and not name.endswith("/") else name
