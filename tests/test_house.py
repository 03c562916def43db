"""The rules of the house that a program can hold: who imports whom, how large things are, style, types."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from optional import missing

REPOSITORY = Path(__file__).parents[1]
PACKAGE = REPOSITORY / "site_scons/site_tools/osimage"
MODULES = sorted(PACKAGE.rglob("*.py"))

# Who may import whom: a layer imports from those above it, and modules of its own folder.
LAYERS = (
    ("errors",),
    ("action",),
    ("own", "text"),
    ("toolchain",),
    ("target", "sysroot", "crates", "boot", "image", "machine"),
    ("cache",),
    ("graph",),
    ("commands",),
    ("builders", "program"),
)
RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}
SCONS_MAY_BE_IMPORTED_IN = {"__init__", "graph", "builders", "commands"}
# All but toolchain: only while building.
PROGRAMS_MAY_BE_STARTED_IN = {"toolchain", "graph", "machine", "sysroot", "crates"}

LINES_OF_A_MODULE = 300
LINES_OF_A_FUNCTION = 40


def part_of(module: Path) -> str:
    """The layer's name: the folder, or the module's own name at the top."""
    return module.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(module: Path) -> Iterator[tuple[int, str]]:
    """Line and absolute dotted name of each import, also inside functions; imports for types only are left out."""
    package = ["osimage", *module.relative_to(PACKAGE).parts[:-1]]
    tree = ast.parse(module.read_text())
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            stem = [*base, *(node.module.split(".") if node.module else [])]
            yield from ((node.lineno, ".".join([*stem, alias.name])) for alias in node.names)


def named(module: Path) -> str:
    return str(module.relative_to(PACKAGE))


@pytest.mark.parametrize("module", MODULES, ids=named)
def test_imports_go_one_way(module: Path) -> None:
    own = part_of(module)
    if own == "__init__":
        return
    wrong = []
    for line, name in imports(module):
        parts = name.split(".")
        if parts[0] == "osimage" and len(parts) > 1 and parts[1] in RANK and parts[1] != own:
            allowed = RANK[parts[1]] < RANK[own] or (RANK[parts[1]] == RANK[own])
            if not allowed:
                wrong.append(f"{named(module)}:{line} imports {name}")
    assert not wrong


@pytest.mark.parametrize("module", MODULES, ids=named)
def test_scons_is_imported_only_where_the_graph_is_made(module: Path) -> None:
    wrong = [f"{named(module)}:{line}" for line, name in imports(module) if name.split(".")[0] == "SCons"]
    assert not wrong or part_of(module) in SCONS_MAY_BE_IMPORTED_IN


@pytest.mark.parametrize("module", MODULES, ids=named)
def test_programs_are_started_only_where_they_may(module: Path) -> None:
    wrong = [f"{named(module)}:{line}" for line, name in imports(module) if name.split(".")[0] == "subprocess"]
    assert not wrong or part_of(module) in PROGRAMS_MAY_BE_STARTED_IN


@pytest.mark.parametrize("module", MODULES, ids=named)
def test_things_are_small(module: Path) -> None:
    source = module.read_text()
    assert source.count("\n") <= LINES_OF_A_MODULE
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = ast.get_docstring(node, clean=False) or ""
            length = (node.end_lineno or node.lineno) - node.lineno + 1 - docstring.count("\n")
            assert length <= LINES_OF_A_FUNCTION, f"{named(module)}:{node.lineno} {node.name} has {length} lines"


def run_linter(*command: str) -> None:
    program = os.path.join(os.path.dirname(sys.executable), command[0])
    if not os.path.exists(program):
        missing(f"{command[0]} is not installed: `./dev` does that")
    done = subprocess.run([program, *command[1:]], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_ruff_has_nothing_to_say() -> None:
    run_linter("ruff", "check", "--no-cache", ".")


def test_everything_is_formatted() -> None:
    run_linter("ruff", "format", "--no-cache", "--check", ".")


def test_types_are_sound() -> None:
    run_linter("mypy", "--cache-dir", os.devnull)
