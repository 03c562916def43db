"""The wheel of this checkout, and a virtual environment outside the repository that it is installed in."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from project import REPOSITORY, Project
from wheel import build, install


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    return build(REPOSITORY, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of a virtual environment with osimage, as pip installs it."""
    return install(wheel, tmp_path_factory.mktemp("installed") / "venv")


@pytest.fixture
def outside(project: Project, installed: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The example project, built with the installed tool and nothing else set."""
    monkeypatch.delenv("PYTHONPATH", raising=False)
    project.environ["PATH"] = f"{installed}:{os.environ['PATH']}"
    project.command = lambda *words: [str(installed / "scons"), "-Q", *words]  # type: ignore[method-assign]
    return project
