"""The examples in documentation as tests of `scons test`: declared once they are compiled, an image each."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ..crates import examples
from ..crates.examples import Compiled
from ..crates.kernel import Kernel
from ..errors import OsimageError, StepError
from ..graph import alone
from ..graph.plans import Entry
from ..graph.project import Documented, Project, TestKernels
from ..graph.verdict import forget
from ..machine import testing
from ..machine.results import Result

_PASSED = {examples.COMPILES: "it compiles", examples.REFUSED: "it does not compile, as it says"}


class Found(NamedTuple):
    """An example that was compiled, what the test of it is called, and whose it is."""

    title: str
    example: Compiled
    documented: Documented


def found(project: Project) -> list[Found]:
    """The examples of PROJECT; a test for each that is to be booted is declared in it.

    Where one is not final, the next build compiles all again.

    Raises:
        OsimageError: two declarations have an example of one name.
    """
    every: list[Found] = []
    for documented in project.documented:
        compiled = examples.decoded(Path(documented.results).read_text(encoding="utf-8"))
        every += [Found(f"{documented.prefix}{each.name}", each, documented) for each in compiled]
        if not all(each.is_final for each in compiled):
            step = next(a for a in documented.entry.actions if documented.results in a.outputs)
            forget(project.engine, step)
    _check_names(every)
    for each in every:
        if each.example.outcome == examples.RUNS:
            project.tests[each.title] = _test(project, each)
    return every


def _check_names(every: Sequence[Found]) -> None:
    """Refuse EVERY example if an image of one would take the place of another's."""
    taken: dict[str, Found] = {}
    for each in every:
        other = taken.setdefault(_name(each), each)
        if other is not each:
            raise OsimageError(
                f"{each.documented.where}: the name of the example '{each.title}' is taken by the declaration in "
                f'{other.documented.where}. Give one of them a name with a folder, as in "other/tests".'
            )


def settled(project: Project, each: Found) -> Result | None:
    """The result of EACH example for which nothing is to be booted; None where its image is made now and waits."""
    title, example, _ = each
    if example.outcome == examples.RUNS:
        try:
            _make_image(project, each)
        except StepError as error:
            return Result(title, False, f"{example.file}:{example.line} makes no image", said=str(error))
        return None
    if example.outcome != examples.FAILED:
        return Result(title, True, _PASSED.get(example.outcome, ""), ignored=example.outcome == examples.IGNORED)
    return Result(title, False, example.why, examples.advice(example.words), said=example.words)


def _test(project: Project, each: Found) -> Entry:
    """The plan of the test of EACH example that is to be booted."""
    title, example, documented = each
    name = _name(each)
    declared = testing.declare_test(
        name=name, image=f"{project.build}/tests/{name}.img", where=documented.where, **documented.options
    )
    rule = declared.rule._replace(expect="failure") if example.should_panic else declared.rule
    test = declared._replace(rule=rule, title=title)
    plan = testing.plan(test, project.build)
    return Entry("", (), plan.actions, (), (), (), pickle.dumps(test))


def _make_image(project: Project, each: Found) -> None:
    """Make the image of EACH.

    Raises:
        StepError: that is impossible.
    """
    from ..image import plan as stage

    _, example, documented = each
    tests: TestKernels = pickle.loads(documented.entry.result)
    elf = f"{documented.results.removesuffix('.json')}/{example.id}.elf"
    kernel = Kernel(example.id, elf, tests.package, example.id, tests.handover)
    disk = stage.DiskDeclaration(f"tests/{_name(each)}.img", None, documented.where)
    stem = f"{project.build}/tests/{_name(each)}"
    plan, made = stage.plan(disk, kernel, pickle.loads(documented.loader.result), project.build, stem)
    alone.make(project.engine, plan.actions, made.path)


def _name(each: Found) -> str:
    """What the files of EACH are called."""
    return f"{each.documented.prefix}doc-{each.example.id}"
