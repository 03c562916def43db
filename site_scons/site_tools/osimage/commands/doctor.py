"""`scons doctor`: what this machine has, whether it will do, and what to do about what will not."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ..errors import OsimageError
from ..graph.project import Project

if TYPE_CHECKING:
    from ..toolchain.report import Row

_COLOURS = {"good": "32", "worse": "33", "missing": "31", "bad": "31"}
_VERDICT_WIDTH = len("missing")


class Line(NamedTuple):
    """One part of the machine as it is shown; NOTES are told below it."""

    name: str
    verdict: str
    version: str
    found: str
    notes: tuple[str, ...] = ()


def print_report(project: Project) -> None:
    """Print a line for each part of the machine, what to do below those that will not do, and where the store is."""
    from ..toolchain.report import examine

    rows = examine(project.root, project.environ())
    lines = [*map(_line, rows), store_line(project)]
    width = _width()
    if width:
        lines = [_shortened(line, project.environ()) for line in lines]
    for text in table(lines, width, colour=project.engine.console.colour):
        print(text)
    told = tuple(row.advice for row in rows if row.verdict == "missing" and row.advice)
    faults = [fault for fault in dict.fromkeys(project.faults) if not fault.endswith(told)]
    if faults:
        print("\nThe SConstruct has faults:")
        for fault in faults:
            print("  " + fault.replace("\n", "\n    "))


def table(lines: Sequence[Line], width: int | None, *, colour: bool = False) -> Iterator[str]:
    """LINES in columns, their notes broken at WIDTH columns (None: not at all) and indented."""
    names = max(len(line.name) for line in lines)
    versions = max(len(line.version) for line in lines)
    margin = " " * (names + 2)
    for line in lines:
        verdict = f"{line.verdict:<{_VERDICT_WIDTH}}"
        if colour and line.verdict in _COLOURS:
            verdict = f"\x1b[{_COLOURS[line.verdict]}m{verdict}\x1b[0m"
        yield f"{line.name:<{names}}  {verdict}  {line.version:<{versions}}  {line.found}".rstrip()
        for note in line.notes:
            yield from _broken(note, margin, width)


def store_line(project: Project) -> Line:
    """Where the store of results is, and how full."""
    from ..cache.location import open_store

    try:
        store = open_store(project.environ())
    except OsimageError as error:
        return Line("cache", "bad", "", "", (str(error),))
    usage = store.usage()
    results = f"{usage.results} result" + ("s" if usage.results != 1 else "")
    return Line(
        "cache", "good", "", str(store.root), (f"{results}, {_size(usage.size)} of at most {_size(store.limit)}",)
    )


def _line(row: Row) -> Line:
    return Line(row.name, row.verdict, row.version, row.found, tuple(row.advice.splitlines()))


def _shortened(line: Line, environ: Mapping[str, str]) -> Line:
    """LINE with `~` for the home directory, as a shell understands it."""
    home = environ.get("HOME", "").rstrip("/")
    if not home.startswith("/"):
        return line
    notes = tuple(note.replace(f"{home}/", "~/") for note in line.notes)
    return line._replace(found=line.found.replace(f"{home}/", "~/"), notes=notes)


def _broken(text: str, margin: str, width: int | None) -> Iterator[str]:
    """TEXT with MARGIN before it, and a little more before the lines that it goes on in."""
    if width is None:
        yield margin + text
        return
    import textwrap

    yield from textwrap.wrap(
        text,
        max(width, 40),
        initial_indent=margin,
        subsequent_indent=f"{margin}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _size(count: int) -> str:
    """COUNT bytes as a person says it."""
    return f"{count / 2**30:.4g} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"


def _width() -> int | None:
    """The terminal's columns, or None where the report goes elsewhere, whole, for programs to read."""
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or None
    except (OSError, ValueError):
        return None
