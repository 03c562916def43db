"""`scons run`: boot an image in QEMU."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..graph.project import Project

if TYPE_CHECKING:
    from ..machine.declaration import MachineDeclaration


def start(project: Project, machine: MachineDeclaration) -> Callable[..., None]:
    """The SCons action that boots MACHINE. To be called in the main thread, which alone may prepare for signals."""
    interrupted = _watch_signals()

    def boot(target: Any, source: Any, env: Any) -> None:
        import SCons.Errors

        from ..errors import OsimageError
        from ..machine.run import has_display, run
        from ..toolchain.qemu import find_qemu

        project.engine.lock.release()  # the machine may run for hours; others may build meanwhile
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
                stop=interrupted,
            )
        except OsimageError as error:
            raise SCons.Errors.BuildError(node=target[0], errstr=str(error), status=2, exitstatus=2) from error
        if status:
            raise SCons.Errors.BuildError(node=target[0], errstr="interrupted", status=status, exitstatus=status)

    return boot


def _watch_signals() -> Callable[[], bool]:
    """Whether a signal came since: SCons handles it in the main thread, the machine is watched in a worker's."""
    import signal

    reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)

    def came() -> bool:
        try:
            return bool(os.read(reader, 1))
        except BlockingIOError:
            return False

    return came
