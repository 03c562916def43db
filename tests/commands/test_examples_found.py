"""Examples in documentation as tests: what they are called."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from osimage.commands.test_examples import found
from osimage.crates.examples import IGNORED, Compiled, encoded
from osimage.errors import OsimageError, Where
from osimage.graph.plans import Entry
from osimage.graph.project import Documented

EXAMPLE = Compiled("src-lib.rs-9", "src/lib.rs - f (line 9)", "src/lib.rs", 9, False, IGNORED)


def documented(results: Path, line: int, prefix: str) -> Documented:
    """The examples of a declaration in LINE."""
    results.write_text(encoded([EXAMPLE]), encoding="utf-8")
    nothing = Entry("", (), (), (), (), (), b"")
    where = Where("SConstruct", line, "env.CargoTests")
    return Documented(str(results), nothing, nothing, prefix, {}, where)


def test_two_declarations_may_not_have_an_example_of_one_name(tmp_path: Path) -> None:
    first, same, other = (
        documented(tmp_path / f"{line}.json", line, prefix) for line, prefix in ((4, ""), (5, ""), (6, "other-"))
    )
    project: Any = SimpleNamespace(documented=[first, other], tests={})
    assert [each.title for each in found(project)] == [EXAMPLE.name, f"other-{EXAMPLE.name}"]
    project.documented.append(same)
    with pytest.raises(OsimageError) as told:
        found(project)
    assert str(told.value) == (
        f"{same.where}: the name of the example 'src/lib.rs - f (line 9)' is taken by the declaration in "
        f'{first.where}. Give one of them a name with a folder, as in "other/tests".'
    )
