"""A machine whose programs are the test's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_toolchain import FakeMachine
from osimage.toolchain import process


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeMachine:
    made = FakeMachine(tmp_path)
    monkeypatch.setattr(process, "SYSTEM_FOLDER", str(made.system))
    return made
