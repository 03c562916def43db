"""Every unit's command and variables are cargo's own, apart from folders, hashes and what is ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cargo_cases import CASES, RECORDED, Case, LiveCargo, RecordedCargo, built_by_cargo, comparable, copied, plan_of
from osimage.action import Plan
from osimage.toolchain.rustc import Rustc


@pytest.fixture(scope="module")
def recorded() -> dict[str, Any]:
    data: dict[str, Any] = json.loads(RECORDED.read_text(encoding="utf-8"))
    return data


def calls_of(made: Plan) -> list[dict[str, Any]]:
    """The rustc calls of a plan as `built_by_cargo` gives cargo's."""
    for action in made.actions:
        assert action.argv[0] == "rustc"
        assert dict(action.env)["RUSTC_BOOTSTRAP"] == "1"
    return sorted(
        (
            comparable(
                a.argv[1:], {name: value for name, value in a.env if name != "RUSTC_BOOTSTRAP"}, "{root}", "{root}"
            )
            for a in made.actions
        ),
        key=str,
    )


@pytest.mark.parametrize("case", CASES, ids=str)
def test_argv_equals_what_cargo_was_recorded_to_do(
    case: Case, recorded: dict[str, Any], rustc_1_96: Rustc, tmp_path: Path
) -> None:
    root = copied(case.project, tmp_path)
    made = plan_of(case, root, rustc_1_96, RecordedCargo(recorded["said"][case.name], root))
    assert calls_of(made) == recorded["calls"][case.name]


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.usefixtures("needs_cargo")
def test_cargo_does_today_what_was_recorded(
    case: Case, recorded: dict[str, Any], rustc_1_96: Rustc, tmp_path: Path
) -> None:
    assert built_by_cargo(case, tmp_path / "cargo") == recorded["calls"][case.name]
    root = copied(case.project, tmp_path)
    cargo = LiveCargo(root)
    plan_of(case, root, rustc_1_96, cargo)
    assert cargo.said == recorded["said"][case.name]
