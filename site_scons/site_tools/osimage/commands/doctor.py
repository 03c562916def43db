"""`scons doctor`: what this machine has, whether it will do, and what to do about what will not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import OsimageError
from ..graph.project import Project

if TYPE_CHECKING:
    from ..toolchain.report import Row


def print_report(project: Project) -> None:
    """Print a line for each part of the machine, with advice below those that will not do, and where the store is."""
    from ..toolchain.report import examine

    for row in examine(project.root, project.environ()):
        print(line(row))
        for advice in row.advice.splitlines():
            print(f"             {advice}")
    print(store_line(project))
    if project.faults:
        print("\nThe SConstruct has faults:")
        for fault in dict.fromkeys(project.faults):
            print(f"  {fault}")


def line(row: Row) -> str:
    """ROW as a person reads it."""
    return f"{row.name:<12} {row.verdict:<8} {' '.join(part for part in (row.version, row.found) if part)}".rstrip()


def store_line(project: Project) -> str:
    """Where the store of results is, and how full."""
    from ..cache.location import open_store

    try:
        store = open_store(project.environ())
    except OsimageError as error:
        return f"{'cache':<12} {'bad':<8} {error}"
    usage = store.usage()
    size, limit = usage.size / 2**20, store.limit / 2**20
    return f"{'cache':<12} {'good':<8} {store.root}: {size:.0f} MiB of at most {limit:.0f} MiB, {usage.results} results"
