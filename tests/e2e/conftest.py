"""A toolchain of a test's own, and projects that it builds in a second."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from project import Project
from small import PROJECT_FILES, Toolchain


@pytest.fixture
def toolchain(tmp_path: Path) -> Toolchain:
    """The machine's compiler with a small standard library, all of which the test may change."""
    return Toolchain(tmp_path / "toolchain")


@pytest.fixture(scope="session")
def small_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store that the small projects of a test run share."""
    return tmp_path_factory.mktemp("small") / "cache"


@pytest.fixture
def new_small(tmp_path: Path, small_cache: Path, toolchain: Toolchain) -> Callable[..., Project]:
    """Makes small projects in folders of this test, as `new_project` does: `new_small("name", more_files)`."""

    def make(
        name: str = "project", more: Mapping[str, str | bytes] | None = None, cache: Path | None = None
    ) -> Project:
        return Project(tmp_path / name, cache or small_cache, toolchain.environ).write(PROJECT_FILES | dict(more or {}))

    return make


@pytest.fixture
def small(new_small: Callable[..., Project]) -> Project:
    """A small project, built."""
    project = new_small()
    project.build()
    return project
