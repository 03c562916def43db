"""Steps that hand out metadata before they end: what may begin then, and what becomes of it where they fail."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from project import Project, Result
from small import Toolchain

SCONSTRUCT = """
import json
env = Environment(tools=["osimage"])
from osimage.action import Action, Input, Plan
from osimage.builders.call import Call
from osimage.builders.declare import Declaration, Planned, caller, declare, project_of
from osimage.graph.nodes import builder

steps = open("steps.json").read()
external = ARGUMENTS.get("TEST", "")

def plan(project, upstream, where):
    actions = []
    for name, (script, inputs, outputs) in json.loads(steps).items():
        actions.append(Action("crate", name, ("/bin/sh", "-euc", script), tuple(map(Input, inputs)), tuple(outputs), "id",
                              where, external=name in external))
    return Planned(Plan(tuple(actions)), None, (actions[-1].outputs[0],))

env["BUILDERS"]["Steps"] = builder()
where = caller("env.Steps(...)")
declare(Call(env, where, project_of(env)), Declaration("Steps", "steps", (steps, external), {}, plan))
"""

SAY = """echo '{"$message_type":"artifact","artifact":"x","emit":"metadata"}' >&2"""
WAIT = "n=0; until test -e %s; do sleep 0.02; n=$((n+1)); test $n -lt 500; done"

A = f"touch a-began; cut -c1 words > {{out}}/liba.rmeta; {SAY}; {{then}}; cp words {{out}}/liba.rlib"
B = f"touch b-began; cp build/liba.rmeta {{out}}/libb.rmeta; {SAY}; {{then}}; cp build/liba.rmeta {{out}}/libb.rlib"
ALL = "cat build/liba.rlib build/libb.rlib > {out}/all"


@pytest.fixture(scope="module")
def toolchain(tmp_path_factory: pytest.TempPathFactory) -> Toolchain:
    return Toolchain(tmp_path_factory.mktemp("toolchain") / "toolchain")


@pytest.fixture
def project(toolchain: Toolchain, tmp_path: Path) -> Project:
    made = Project(tmp_path / "project", tmp_path / "cache", toolchain.environ)
    return made.write({"SConstruct": SCONSTRUCT, "words": "one"})


def write(project: Project, a: str = WAIT % "b-began", b: str = "true", last: str = ALL) -> Project:
    """Give the crates what they do between their metadata and their code."""
    for name in ("a-began", "b-began", "go-on"):
        (project.root / name).unlink(missing_ok=True)
    steps = {
        "a": (A.replace("{then}", a), ("words",), ("build/liba.rlib", "build/liba.rmeta")),
        "b": (B.replace("{then}", b), ("build/liba.rmeta",), ("build/libb.rlib", "build/libb.rmeta")),
        "all": (last, [f"build/lib{name}.{end}" for name in "ab" for end in ("rmeta", "rlib")], ("build/all",)),
    }
    return project.write({"steps.json": json.dumps(steps)})


def built(project: Project) -> str:
    return (project.root / "build/all").read_text()


def test_a_crate_begins_when_the_metadata_that_it_uses_is_there(project: Project) -> None:
    result = write(project).build("build/all", "-j2")
    assert sorted(result.steps) == ["a", "all", "b"]
    assert built(project) == "oneo\n"
    assert project.build("build/all").stdout == "scons: `build/all' is up to date.\n"
    write(project.write({"words": "two"}))
    assert sorted(project.build("build/all", "-j2").steps) == ["a", "all", "b"]
    assert built(project) == "twot\n"


def test_what_others_wait_for_goes_first(project: Project) -> None:
    write(project, a=f"nice > first; {WAIT % 'b-began'}; nice > then", b="nice > last").build("build/all", "-j2")
    last, first, then = (int(project.read(name)) for name in ("last", "first", "then"))
    assert (last, then) == (os.nice(0), min(os.nice(0) + 10, 19))
    assert first in (last, then)  # it may have come to that before it was heard


def test_what_fewer_wait_for_leaves_the_processors_to_the_rest(project: Project) -> None:
    steps = {
        "both": (f"touch began; {WAIT % 'other-ran'}; nice > both; touch {{out}}/both", [], ["build/both"]),
        "a": ("touch {out}/a", ["build/both"], ["build/a"]),
        "b": ("touch {out}/b", ["build/both"], ["build/b"]),
        "other": (f"{WAIT % 'began'}; sleep 0.5; nice > other; touch other-ran {{out}}/other", [], ["build/other"]),
        "all": ("touch {out}/all", ["build/a", "build/b", "build/other"], ["build/all"]),
    }
    project.write({"steps.json": json.dumps(steps)}).build("build/all", "-j2")
    assert (int(project.read("both")), int(project.read("other"))) == (os.nice(0), min(os.nice(0) + 10, 19))


def test_what_uses_metadata_that_stays_the_same_is_left_alone(project: Project) -> None:
    write(project).build("build/all", "-j2")
    project.write({"words": "other"})
    write(project, a="sleep 0.3").build("build/all", "-j2")
    write(project.write({"words": "once"}), a="sleep 0.3")
    assert project.build("build/all", "-j2").steps == ["a", "all"]


@pytest.mark.parametrize("how", ["-j1", "TWICE=yes"])
def test_where_one_runs_at_a_time_each_ends_before_the_next(project: Project, how: str) -> None:
    write(project, a="sleep 0.2; test ! -e b-began").build("build/all", "-j1" if how == "-j1" else "-j2", how)
    assert built(project) == "oneo\n"


def test_metadata_that_was_asked_for_is_whole_when_scons_ends(project: Project) -> None:
    assert write(project, a="sleep 0.3").build("build/liba.rmeta", "-j2").steps == ["a"]
    assert (project.root / "build/liba.rlib").read_text() == "one"
    assert project.build("build/liba.rlib").steps == []


def fails(project: Project, *arguments: str) -> Result:
    result = project.fails("build/all", "-j2", *arguments)
    assert not (project.root / "build/all").exists()
    return result


@pytest.mark.parametrize("b", [
    pytest.param("true", id="b has ended"),
    pytest.param("sleep 0.6", id="b goes on"),
    pytest.param("exit 1", id="b fails too"),
])  # fmt: skip
@pytest.mark.parametrize("keep_going", [(), ("-k",)])
def test_a_crate_that_fails_later_is_told_once(project: Project, b: str, keep_going: tuple[str, ...]) -> None:
    result = fails(write(project, a=f"{WAIT % 'b-began'}; sleep 0.3; exit 3", b=b), *keep_going)
    told = "scons: *** [build/liba.rlib] a: /bin/sh ended with status 3\n"
    if b == "exit 1":
        assert "scons: *** [build/libb.rmeta] b: /bin/sh ended with status 1\n" in result.stderr
    assert result.stderr.count("ended with status 3") == 1
    assert told in result.stderr or told.replace("scons: *** [build/liba.rlib]", "osimage:") in result.stderr
    # What b has made of that metadata, which is the same again, is right.
    assert sorted(write(project, a="true", b=b.replace("exit 1", "true")).build("build/all", "-j2").ran) == [
        "a", "all", *(["b"] if b == "exit 1" else [])
    ]  # fmt: skip
    assert built(project) == "oneo\n"


def test_metadata_that_is_changed_after_it_was_handed_out(project: Project) -> None:
    result = fails(write(project, a=f"{WAIT % 'b-began'}; echo more >> {{out}}/liba.rmeta"))
    assert (
        result.stderr
        == "scons: *** [build/liba.rlib] a: /bin/sh has changed build/liba.rmeta after it said that it was written\n"
    )
    assert sorted(write(project, a="true").build("build/all", "-j2").ran) == ["a", "all"]


def test_a_source_that_is_edited_meanwhile(project: Project) -> None:
    """What b has made is right for the metadata it has used; a's is of nobody knows which words."""
    write(project, a=f"{WAIT % 'b-began'}; echo two > words").build("build/all", "-j2")
    write(project)
    assert sorted(project.build("build/all", "-j2").ran) == ["a", "all", "b"]
    assert built(project) == "two\nt\n"


def test_an_older_rlib_is_not_beside_newer_metadata(project: Project) -> None:
    write(project).build("build/all", "-j2")
    write(project.write({"words": "two"}), b="test ! -e build/liba.rlib", a="sleep 0.4")
    project.build("build/all", "-j2")
    assert built(project) == "twot\n"


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT])
def test_a_build_that_ends_between_metadata_and_code(project: Project, sent: signal.Signals) -> None:
    write(project, a=WAIT % "go-on", b="sleep 5")
    scons = subprocess.Popen(project.command("build/all", "-j2"), cwd=project.root, env=project.environment(),
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)  # fmt: skip
    deadline = time.monotonic() + 20
    while not (project.root / "b-began").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(scons.pid, sent)
    output, _ = scons.communicate(timeout=20)
    if sent is signal.SIGINT:
        assert scons.returncode == 2
        assert {line.partition("] ")[2] for line in output.splitlines() if "***" in line} == {"Build interrupted."}
    (project.root / "go-on").touch()
    assert sorted(write(project).build("build/all", "-j2").ran) == ["a", "all", "b"]
    assert built(project) == "oneo\n"


def test_a_dry_run_and_an_explanation_name_each_once(project: Project) -> None:
    assert write(project).build("-n", "build/all").stdout == "[CRATE] a\n[CRATE] b\n[CRATE] all\n"
    explained = project.build("--debug=explain", "-j2", "build/all").stdout
    assert explained.count("rebuilding `build/liba.") == explained.count("rebuilding `build/libb.") == 1


def test_external_ones_hand_out_too(project: Project) -> None:
    assert sorted(write(project).build("build/all", "-j2", "TEST=ab").ran) == ["a", "all", "b"]
    (project.root / "build/liba.rlib").unlink()
    write(project, a="true")
    assert sorted(project.build("build/all", "-j2", "TEST=ab").ran) == ["a"]
