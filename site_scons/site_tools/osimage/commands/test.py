"""`scons test`: boot every test, tell how each ended as soon as it has, and leave the results in tests.xml."""

from __future__ import annotations

import hashlib
import os
import pickle
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..action import Action, Input
from ..errors import OsimageError
from ..graph.project import Project, project_in
from ..graph.record import replace_bytes
from ..graph.verdict import Trial, begin, is_known, keep
from ..machine.junit import document
from ..machine.reach import files_named, reaches_outside
from ..machine.results import Result, decoded, encoded
from ..machine.selection import matches, no_match
from ..toolchain.qemu import PROGRAM
from .test_board import Board

if TYPE_CHECKING:
    from ..graph.engine import Engine
    from ..toolchain.qemu import Qemu

CACHE_CHOICES = {"": True, "yes": True, "1": True, "no": False, "0": False}


class Step(NamedTuple):
    """A test as a step with all that counts, and whether its passing may be remembered."""

    action: Action
    remembered: bool


def run(target: Any, env: Any) -> None:
    """Boot the tests of the project of ENV; TARGET is the verb's node.

    Raises:
        BuildError: a test failed, or could not be run.
    """
    from SCons.Errors import BuildError
    from SCons.Script import GetOption

    project = project_in(env)
    try:
        results = run_tests(project, int(GetOption("num_jobs")))
    except OsimageError as error:
        raise BuildError(node=target, errstr=str(error), status=2, exitstatus=2) from error
    except OSError as error:
        from ..graph import disk

        raise BuildError(node=target, errstr=disk.words(error, project.build), status=2, exitstatus=2) from error
    if not all(result.passed for result in results):
        from ..machine.test_report import failed

        raise BuildError(node=target, errstr=failed(results), status=2, exitstatus=2)


def faults(project: Project) -> Iterator[str]:
    """What stands against booting the tests, before anything is built for it."""
    from ..toolchain.qemu import find_qemu

    cache, timeout, arguments = (project.setting(name) for name in ("TEST_CACHE", "TEST_TIMEOUT", "QEMU_ARGS"))
    if cache not in CACHE_CHOICES:
        yield f"TEST_CACHE={cache}: write TEST_CACHE=no, or leave it out."
    if timeout:
        from ..machine.testing import timeout_faults

        yield from timeout_faults("TEST_TIMEOUT", int(timeout) if timeout.isdecimal() else timeout)
    try:
        if arguments:
            from ..machine.declaration import split_arguments

            split_arguments("QEMU_ARGS", arguments)
        find_qemu(project.environ())
    except OsimageError as error:
        yield str(error)
    if not project.documented and not any(is_chosen(project, name) for name in project.tests):
        yield _no_match(project, project.tests)


def _no_match(project: Project, names: Iterable[str]) -> str:
    """The message where `TEST=` means none of NAMES."""
    return no_match(project.setting("TEST"), {name: _names_in(project, name) for name in names})


def is_chosen(project: Project, name: str) -> bool:
    """Whether the test NAME is one that `TEST=` means."""
    pattern = project.setting("TEST")
    return not pattern or matches(pattern, (name, *_names_in(project, name)))


def run_tests(project: Project, jobs: int) -> list[Result]:
    """Boot the tests that were chosen, JOBS at once, except those that are known to pass; tell and keep the results.

    Raises:
        OsimageError: they cannot be run.
        OSError: a result cannot be written.
    """
    from ..toolchain.qemu import find_qemu

    began = time.monotonic()
    qemu = find_qemu(project.environ())
    settled = _settled(project)
    chosen = [name for name in project.tests if is_chosen(project, name) and name not in settled]
    steps = {name: _step(project, name, qemu) for name in chosen}
    board = Board(project.engine.console, [*steps, *settled], verbose=project.setting("VERBOSE") == "1")
    use_cache = CACHE_CHOICES[project.setting("TEST_CACHE")]
    results: dict[str, Result] = {name: board.tell(result) for name, result in settled.items()}
    waiting: list[Step] = []
    for name, step in steps.items():
        known = _known(project.engine, step.action) if use_cache and step.remembered else None
        if known is not None:
            results[name] = board.tell(known)
        else:
            waiting.append(step)
    try:
        if waiting:
            results |= _boot(project, waiting, jobs, qemu, board)
    finally:
        board.end()
    ordered = [results[name] for name in (*steps, *settled)]
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
    replace_bytes(Path(project.build) / "tests.xml", document(ordered, stamp).encode())
    board.end(ordered, time.monotonic() - began)
    return ordered


def _settled(project: Project) -> dict[str, Result]:
    """The results of those tests, by name, of which compiling them tells already: examples in documentation.

    The others become tests of PROJECT, with their images.

    Raises:
        OsimageError: `TEST=` means none of all tests.
    """
    if not project.documented:
        return {}
    from . import test_examples

    examples = test_examples.found(project)
    names = dict.fromkeys((*project.tests, *(each.title for each in examples)))
    if names and not any(is_chosen(project, name) for name in names):
        raise OsimageError(_no_match(project, names))
    chosen = [each for each in examples if is_chosen(project, each.title)]
    results = {each.title: test_examples.settled(project, each) for each in chosen}
    return {title: result for title, result in results.items() if result is not None}


def _boot(project: Project, steps: Sequence[Step], jobs: int, qemu: Qemu, board: Board) -> dict[str, Result]:
    """Boot STEPS; those that pass are kept, also when a person ends the others."""
    from ..machine.testing import typed
    from ..toolchain.qemu import find_qemu
    from .test_machines import Machines

    engine, environ = project.engine, project.environ()
    trials = [begin(engine, step.action) for step in steps]
    remembered = {step.action.label for step in steps if step.remembered}
    engine.pause()  # a test may hang for minutes; others may build meanwhile
    results: dict[str, Result] = {}
    passed: list[Trial] = []
    machines = Machines(trials, jobs, qemu.path, environ, engine.interrupted)
    try:
        for trial, result in machines.results(board):
            command = typed(trial.action.argv, qemu.path) if board.verbose else ""
            results[result.name] = board.tell(result, command)
            replace_bytes(Path(trial.action.outputs[0]), encoded(result, trial.digest).encode())
            if result.passed and result.name in remembered:
                passed.append(trial)
    finally:
        if passed and find_qemu(environ) == qemu:
            for trial in passed:
                keep(engine, trial)
    return results


def _step(project: Project, name: str, qemu: Qemu) -> Step:
    """The test NAME as a step: with the command line's settings, every file that QEMU is given, and QEMU itself."""
    entry = project.tests[name]
    action = entry.actions[0]
    arguments, timeout = project.setting("QEMU_ARGS"), project.setting("TEST_TIMEOUT")
    if arguments or timeout:
        from ..machine import testing
        from ..machine.declaration import split_arguments

        more = split_arguments("QEMU_ARGS", arguments)
        test = pickle.loads(entry.result)
        action = testing.plan(test, project.build, more, int(timeout) if timeout else None).actions[0]
    command = action.argv[action.argv.index(PROGRAM) :]
    inputs = dict.fromkeys((*action.inputs, *(Input(path) for path in files_named(command))))
    identity = hashlib.sha256(f"{action.toolchain} {qemu.identity}".encode()).hexdigest()
    return Step(action._replace(inputs=tuple(inputs), toolchain=identity), not reaches_outside(command))


def _known(engine: Engine, action: Action) -> Result | None:
    """The result of the test that ACTION is, where it passed as it is today; not where it has failed since."""
    last = decoded(*action.outputs)
    if last is not None and not last[0].passed and last[1] == begin(engine, action).digest:
        return None
    if not is_known(engine, action):
        return None
    found = decoded(*action.outputs)
    return found[0]._replace(cached=True) if found is not None else None


def _names_in(project: Project, name: str) -> tuple[str, ...]:
    """The tests that ran in the test NAME the last time."""
    if name not in project.tests:
        return ()
    action = project.tests[name].actions[0]
    last = decoded(*(os.path.join(project.root, output) for output in action.outputs))
    if last is None:
        return ()
    return (*(test.name for test in last[0].tests), *((last[0].running,) if last[0].running else ()))
