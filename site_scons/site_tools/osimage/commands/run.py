"""`scons run`: boot an image in QEMU."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..graph.project import Project

if TYPE_CHECKING:
    from ..machine.declaration import MachineDeclaration


def start(project: Project, machine: MachineDeclaration) -> Callable[..., None]:
    """The SCons action that boots MACHINE."""

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
