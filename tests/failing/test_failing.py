"""Bad input: one folder a case, each with its exact message, exit 2, and nothing lost.

A case is the example project with the folder's files laid over it. Its `case.toml` says:

    arguments   what is typed after `scons` (default: nothing)
    environ     variables to set
    remove      files of the example that are not there
    stderr      the exact text on standard error
    stdout      the exact text on standard output (default: nothing)

`{root}` stands for the project's folder. A case that needs more than files (a missing compiler, a full disk) is a test
of its own in this folder.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from project import FILES, Project

CASES = sorted(path.parent for path in Path(__file__).parent.glob("*/case.toml"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bad_input_is_told_in_one_message(case: Path, new_project: Callable[..., Project]) -> None:
    expected = tomllib.loads((case / "case.toml").read_text(encoding="utf-8"))
    files: dict[str, str | bytes] = {
        name: text for name, text in FILES.items() if name not in expected.get("remove", [])
    }
    for path in case.rglob("*"):
        if path.is_file() and path.name != "case.toml":
            files[str(path.relative_to(case))] = path.read_bytes()
    project = new_project(files=files)
    before = {path: path.read_bytes() for path in project.root.rglob("*") if path.is_file()}
    result = project.fails(*expected.get("arguments", []), environ=expected.get("environ", {}))
    assert result.stderr.replace(str(project.root), "{root}") == expected["stderr"]
    assert result.stdout.replace(str(project.root), "{root}") == expected.get("stdout", "")
    assert {path: path.read_bytes() for path in before} == before, "a file of the person's was changed"
