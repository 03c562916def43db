"""What rustc says it really read: the Makefile-like dep-info file, and whether all of it was declared."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from typing import NamedTuple

from ..action import ROOT, Action

OUTSIDE = ("/", "../")  # how names begin of what lies outside the project


class DepInfo(NamedTuple):
    """The files read, as rustc named them (relative to its working directory or absolute), and the variables read."""

    files: tuple[str, ...]
    env: tuple[str, ...]


def parse(text: str) -> DepInfo:
    """Parse dep-info: rules as in a Makefile, then `# env-dep:NAME[=VALUE]`.

    So rustc writes it (rustc_interface, `write_out_deps`) and lld (`--dependency-file`), its rules over several lines.
    """
    files: set[str] = set()
    env: set[str] = set()
    for line in text.replace("\\\n", " ").splitlines():
        if line.startswith("# env-dep:"):
            env.add(line.removeprefix("# env-dep:").partition("=")[0])
        elif line and not line.startswith("#"):
            files.update(_prerequisites(line))
    return DepInfo(tuple(sorted(files)), tuple(sorted(env)))


def _prerequisites(rule: str) -> list[str]:
    """The names after `target:`; a space inside a name is written as backslash and space."""
    _target, colon, rest = rule.replace("\\ ", "\0").partition(": ")
    return [name.replace("\0", " ") for name in rest.split()] if colon else []


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
    folder. Declared inputs, what lies below TOOLCHAIN and the files of a `tree` input are in the key already. Not
    declared is what lies below the build folder or outside the project.
    """
    declared = {entry.path for entry in action.inputs if entry.kind == "file"}
    outside = {posixpath.normpath(posixpath.join(root, path)) for path in declared if path.startswith(OUTSIDE)}
    trees = tuple(f"{entry.path}/" for entry in action.inputs if entry.kind == "tree")
    sources: set[str] = set()
    undeclared: set[str] = set()
    for file in files:
        name = _relative(file, root)
        if name in declared or name.startswith(trees) or name.startswith(f"{toolchain}/"):
            continue
        if name.startswith(OUTSIDE) and posixpath.normpath(posixpath.join(root, name)) in outside:
            continue  # under another name
        if name.startswith((*OUTSIDE, f"{build}/")):
            undeclared.add(name)
        else:
            sources.add(name)
    return tuple(sorted(sources)), tuple(sorted(undeclared))


def _relative(path: str, root: str) -> str:
    """PATH as inputs are named: relative to ROOT where it lies below it, without `./` and inner `..`."""
    return posixpath.normpath(path.removeprefix(f"{root}/"))
