"""`env.Machine`: what `scons run` starts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import DeclarationError
from .arguments import texts
from .declare import KINDS, caller, method, nothing, project_of, upstream_of

if TYPE_CHECKING:
    from ..graph.project import Project
    from ..machine.declaration import MachineDeclaration

VERBS = ("image", "plan", "doctor")


@method
def Machine(
    env: Any,
    image: Any,
    *,
    name: str = "run",
    memory: str = "128M",
    disk: str = "virtio",
    qemu_args: Sequence[str] | str = (),
) -> Any:
    """Declare a machine that boots IMAGE (what `env.DiskImage` returned) in QEMU when a person types `scons NAME`.

    MEMORY is its size ("128M", "1G"); DISK is how the image is attached, "virtio" or "ide"; QEMU_ARGS are further
    arguments, to which `QEMU_ARGS=` on the command line adds. With a display QEMU's window opens, with the serial line
    on the terminal; without one the text screen is printed when the kernel has settled, and the machine ends.

    Returns the verb's Alias node.
    """
    from ..machine.declaration import declare_machine

    where = caller(f'env.Machine(name="{name}")')
    project = project_of(env)
    if name in (*VERBS, *KINDS):
        raise DeclarationError(where, f"'{name}' is a verb of osimage's own. Choose another name.")
    project.claim("Machine", name, where)
    declared = upstream_of(where, "image", "DiskImage", image)
    if declared.entry is None:
        return nothing(env, "Machine", name)
    arguments = texts(where, "qemu_args", qemu_args)
    machine = declare_machine(
        name=name, image=declared.entry.returns[0], memory=memory, disk=disk, qemu_args=arguments, where=where
    )
    project.machines[name] = machine
    verb = env.Alias(name, image, env.Action(_boot(project, machine), strfunction=None))
    env.AlwaysBuild(verb)
    return verb


def _boot(project: Project, machine: MachineDeclaration) -> Callable[..., None]:
    """The action of the verb; all that it needs is imported only where a person asks for the verb."""
    from SCons.Script import COMMAND_LINE_TARGETS

    if machine.name in COMMAND_LINE_TARGETS:
        from ..commands.run import start

        return start(project, machine)
    return lambda target, source, env: None
