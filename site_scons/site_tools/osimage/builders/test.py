"""`env.Test`: what `scons test` boots, and what has to come of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import Where
from ..graph.help import add_verb
from ..graph.plans import Entry
from ..graph.project import Declared, Project
from .call import Call
from .declare import Declaration, Planned, entry_of, method, nothing


@method
def Test(
    call: Call,
    image: Any,
    *,
    name: str | None = None,
    success: int | Sequence[int] = 33,
    timeout: int = 300,
    expect: str | int = "pass",
    memory: str = "128M",
    disk: str = "virtio",
    qemu_args: Sequence[str] | str = (),
    reboot: bool = False,
) -> Any:
    """Declare a test: `scons test` boots IMAGE (what `env.DiskImage` returned) in QEMU; its kernel says how it went.

    The test passes when QEMU ends with the exit code SUCCESS, or one of them. A kernel that writes N to port 0xf4 ends
    QEMU with 2 * N + 1, so that 0x10 gives 33; QEMU_ARGS may have an isa-debug-exit device of their own. The code 0,
    never meant where it is not named, says that the machine is to be reset or switched off. EXPECT says what is to
    happen instead of success: "panic" (the kernel tells of one on the serial line and ends QEMU with another code than
    SUCCESS), "fault" (a triple fault), or an exit code. After TIMEOUT seconds the test has failed.

    What the kernel sends on its serial line goes to `build/tests/NAME.log`; lines such as `Running 3 tests`,
    `path::name...  [ok]`, `test path::name ... ok` and those of panics are told with the result, which they never
    decide. NAME is the image's by default, without its suffix. MEMORY, DISK and QEMU_ARGS are those of `env.Machine`;
    with REBOOT a reset starts the machine again instead of ending it.

    Tests run at the same time, as many as `-j` says, always under TCG where QEMU_ARGS do not say otherwise. All run,
    whatever fails. One that passed is not booted again until its image, its arguments, QEMU or its firmware change, or
    where QEMU_ARGS lead to the network or the like; TEST_CACHE=no boots it all the same. A test that failed is booted
    again. `TEST=PATTERN` chooses tests by a part of their names or of those that ran in them, or by a glob. The results
    go to `build/tests.xml` too, as JUnit XML.

    Returns the Alias node of the verb.
    """
    project = call.project
    disk_image = call.upstream("image", "DiskImage", image)
    if name is not None:
        call.text("name", name)
    call.stop()
    name = name or disk_image.name.rpartition("/")[2].rpartition(".")[0] or disk_image.name
    options = {"name": name, "success": success, "timeout": timeout, "expect": expect, "memory": memory, "disk": disk,
               "qemu_args": qemu_args, "reboot": reboot}  # fmt: skip
    entry = _entry(call, disk_image, name, options)
    if entry is None:
        return nothing(call.env, "Test", name)
    project.tests[name] = entry
    add_verb(project, "test", f"boot {len(project.tests)} test{'s'[: len(project.tests) > 1]} in QEMU")
    return run_by_test(call, image if _is_chosen(project, name) else [])


def _entry(call: Call, image: Declared, name: str, options: dict[str, Any]) -> Entry | None:
    """The plan of the test NAME of IMAGE, as OPTIONS describe it; None where the image has a fault."""

    def plan(project: Project, upstream: dict[str, Any], where: Where) -> Planned:
        from ..machine import testing as stage

        test = stage.declare_test(image=upstream["image"].path, where=where, **options)
        return Planned(stage.plan(test, project.build), test, ())

    def check() -> None:
        from ..machine import testing as stage

        stage.declare_test(image="", where=call.where, **options)

    return entry_of(call, Declaration("Test", f"test {name}", (repr(options),), {"image": image}, plan, check))


def run_by_test(call: Call, image: Any) -> Any:
    """The Alias of the verb `test`, for which IMAGE is made too."""
    from SCons.Node.Alias import default_ans

    if default_ans.lookup("test"):
        return call.env.Alias("test", image)
    verb = call.env.Alias("test", image, call.env.Action(_run, strfunction=_line_when_not_run))
    call.env.AlwaysBuild(verb)
    left, top = (f"{call.project.build}/tests.xml", f"{call.project.build}/tests"), call.env.fs.Top
    call.env.Clean([*call.env.Alias("image"), top], [call.env.fs.Entry(path, top) for path in left])
    return verb


def _is_chosen(project: Project, name: str) -> bool:
    if not project.setting("TEST"):
        return True
    from ..commands.test import is_chosen

    return is_chosen(project, name)


def _run(target: Any, source: Any, env: Any) -> None:
    from ..commands.test import run

    run(target[0], env)


def _line_when_not_run(target: Any, source: Any, env: Any) -> str | None:
    """What `scons -n` prints."""
    import SCons.Action

    from ..graph.project import project_in

    tests = [name for name in project_in(env).tests if _is_chosen(project_in(env), name)]
    return None if SCons.Action.execute_actions else f"[TEST] {', '.join(tests)}"
