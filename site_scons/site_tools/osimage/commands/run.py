"""`scons run`: boot an image in QEMU."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..graph.project import Project

if TYPE_CHECKING:
    from ..machine.declaration import MachineDeclaration


def start(project: Project, machine: MachineDeclaration) -> Callable[..., None]:
    """The SCons action that boots MACHINE; what stands against that is a fault already, before anything is built."""
    _check(project, machine)

    def boot(target: Any, source: Any, env: Any) -> None:
        import SCons.Errors

        from ..errors import OsimageError
        from ..machine.run import has_display, run
        from ..toolchain.qemu import find_qemu

        project.engine.pause()  # the machine may run for hours; others may build meanwhile
        environ = project.environ()
        try:
            status = run(
                machine,
                qemu_path=find_qemu(environ).path,
                display=has_display(environ),
                terminal=sys.stdin.isatty() and sys.stdout.isatty(),
                out=sys.stdout,
                environ=environ,
                qemu_args=project.setting("QEMU_ARGS"),
                stop=project.engine.interrupted,
                screenshot=project.setting("SCREENSHOT"),
            )
        except OsimageError as error:
            raise SCons.Errors.BuildError(node=target[0], errstr=str(error), status=2, exitstatus=2) from error
        if status:
            raise SCons.Errors.BuildError(node=target[0], errstr="interrupted", status=status, exitstatus=status)

    return boot


def _check(project: Project, machine: MachineDeclaration) -> None:
    from ..errors import OsimageError
    from ..machine.declaration import split_arguments
    from ..toolchain.qemu import find_qemu

    try:
        own = (*machine.qemu_args, *split_arguments("QEMU_ARGS", project.setting("QEMU_ARGS")))
        project.faults += screenshot_faults(project.setting("SCREENSHOT"), own, project.build)
        find_qemu(project.environ())
    except OsimageError as error:
        project.faults.append(str(error))


def screenshot_faults(name: str, arguments: Sequence[str], build: str) -> Iterator[str]:
    """Why no picture called NAME, as `SCREENSHOT=` says, can be taken of a machine with the QEMU ARGUMENTS.

    The folder BUILD will be there by then.
    """
    from ..machine.qemu import wishes

    folder = os.path.dirname(name) or "."
    if not name:
        return
    if not name.endswith(".png"):
        yield f"SCREENSHOT={name}: the picture is a PNG file, so its name must end in .png."
    if not os.path.isdir(folder) and os.path.normpath(folder) != build:
        yield f"SCREENSHOT={name}: there is no folder {folder}. Make it first."
    wish = wishes(arguments)
    if wish.terminal or wish.debugger or wish.display not in ("", "none"):
        yield (
            f"SCREENSHOT={name}: a picture is taken of a machine that nobody attends to, and these arguments of QEMU's "
            f"want somebody to: {shlex.join(arguments)}. Leave out one or the other."
        )
