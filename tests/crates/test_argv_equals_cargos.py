"""Every unit's command and variables are cargo's own, apart from folders, hashes and what is ours."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cargo_cases import (
    CASES,
    RECORDED,
    Built,
    Case,
    LiveCargo,
    RecordedCargo,
    built_by_cargo,
    comparable,
    copied,
    of_script,
    plan_of,
)
from osimage.action import CARGO, ROOT, RUSTC, Action, Plan
from osimage.crates.run_script import Script, environment, results, understood
from osimage.graph.process import variables_from
from osimage.toolchain.rustc import Rustc


@pytest.fixture(scope="module")
def recorded() -> dict[str, Any]:
    data: dict[str, Any] = json.loads(RECORDED.read_text(encoding="utf-8"))
    return data


def done_by(made: Plan, outputs: dict[str, str], root: Path) -> Built:
    """What a plan comes to, as `built_by_cargo` gives cargo's, with the OUTPUTS that cargo saw of build scripts."""
    calls, runs = [], {}
    for action in made.actions:
        if action.argv[0] == "rustc":
            calls.append(call_of(action, root))
        else:
            script, _, variables = Script.of(action.argv[1:])
            name = script.package.partition("@")[0]
            env = environment(script, str(root), expanded(variables, root), {})
            del env["CARGO"]
            runs[name] = {"env": of_script(env, str(root)), "output": outputs[name]}
            output = outputs[name].replace("{out_dir}", env["OUT_DIR"]).replace("{root}", str(root))
            (root / script.place).mkdir(parents=True)
            for file, text in results(script, understood(script, output.encode()), str(root), 0).items():
                (root / script.place / file).write_text(text)
    return Built(sorted(calls, key=str), dict(sorted(runs.items())))


def call_of(action: Action, root: Path) -> dict[str, Any]:
    """The rustc call of ACTION, with what build scripts have said to it."""
    env = dict(expanded((f"{name}={value}" for name, value in action.env), root, pairs=True))
    env |= {name: value.replace(ROOT, str(root)) for name, value in variables_from(action, root)}
    assert env.pop("RUSTC_BOOTSTRAP") == "1"
    assert env.pop("CARGO") == "cargo"
    env.pop("CARGO_TARGET_TMPDIR", None)
    words = [said for word in action.argv[1:] for said in of_file(word, root)]
    return comparable(words, env, str(root), str(root))


def expanded(words: Any, root: Path, pairs: bool = False) -> Any:
    """WORDS, NAME=VALUE, with placeholders filled in."""
    filled = (word.replace(ROOT, str(root)).replace(RUSTC, "rustc").replace(CARGO, "cargo") for word in words)
    return (word.split("=", 1) for word in filled) if pairs else list(filled)


def of_file(word: str, root: Path) -> Iterator[str]:
    """What rustc makes of WORD: the lines of a file where it begins with `@`."""
    yield from (root / word[1:]).read_text().splitlines() if word.startswith("@") else [word]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_argv_equals_what_cargo_was_recorded_to_do(
    case: Case, recorded: dict[str, Any], rustc_1_96: Rustc, tmp_path: Path
) -> None:
    root = copied(case.project, tmp_path)
    made = plan_of(case, root, rustc_1_96, RecordedCargo(recorded["said"][case.name], root))
    runs = recorded["runs"][case.name]
    built = done_by(made, {name: run["output"] for name, run in runs.items()}, root)
    assert built.calls == recorded["calls"][case.name]
    for name, run in runs.items():
        assert built.runs[name] == {"env": built.runs[name]["env"], **run}


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.usefixtures("needs_cargo")
def test_cargo_does_today_what_was_recorded(
    case: Case, recorded: dict[str, Any], rustc_1_96: Rustc, tmp_path: Path
) -> None:
    built = built_by_cargo(case, tmp_path / "cargo")
    assert built.calls == recorded["calls"][case.name]
    assert built.runs == recorded["runs"][case.name]
    root = copied(case.project, tmp_path)
    cargo = LiveCargo(root)
    plan_of(case, root, rustc_1_96, cargo)
    assert cargo.said == recorded["said"][case.name]
