"""`env.Machine`: what `scons run` starts."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from typing import Any

from ..action import Plan
from ..errors import Where
from ..graph.help import RESERVED, add_verb
from ..graph.plans import Entry
from ..graph.project import Project
from .call import Call
from .declare import KINDS, Declaration, Planned, entry_of, method, nothing


@method
def Machine(
    call: Call,
    image: Any,
    *,
    name: str = "run",
    memory: str = "128M",
    disk: str = "virtio",
    qemu_args: Sequence[str] | str = (),
    serial: str = "stdio",
) -> Any:
    """Declare a machine that boots IMAGE (what `env.DiskImage` returned) in QEMU when a person types `scons NAME`.

    MEMORY is its size ("128M", "1G"); DISK is how the image is attached, "virtio" or "ide"; SERIAL is where the serial
    line goes, "stdio", "none" or a file below the project. QEMU_ARGS are further arguments, a list or a text as in a
    shell, to which `QEMU_ARGS=` on the command line adds. With a display QEMU's window opens, with the serial line on
    the terminal; without one the text screen is printed when the kernel has settled, and the machine ends.

    Returns the verb's Alias node.
    """
    project = call.project
    call.text("name", name)
    if name in (*RESERVED, *KINDS):
        call.faults.append(f"'{name}' is a verb of osimage's own. Choose another name.")
    options = {"memory": memory, "disk": disk, "qemu_args": qemu_args, "serial": serial}
    disk_image = call.upstream("image", "DiskImage", image)
    call.stop()
    add_verb(project, name, f"boot {disk_image.name} in QEMU ({_memory(memory, qemu_args)}, {disk})")

    def plan(project: Project, upstream: dict[str, Any], where: Where) -> Planned:
        from ..machine.declaration import declare_machine

        machine = declare_machine(name=name, image=upstream["image"].path, where=where, **options)
        return Planned(Plan(()), machine, ())

    def check() -> None:
        from ..machine.declaration import declare_machine

        declare_machine(name=name, image="", where=call.where, **options)

    entry = entry_of(call, Declaration("Machine", name, (repr(options),), {"image": disk_image}, plan, check))
    if entry is None:
        return nothing(call.env, "Machine", name)
    verb = call.env.Alias(name, image, call.env.Action(_boot(project, name, entry), strfunction=None))
    call.env.AlwaysBuild(verb)
    return verb


def _memory(memory: object, qemu_args: Any) -> object:
    """How much memory the machine has, of which QEMU_ARGS, not checked yet, may say otherwise than MEMORY."""
    words = qemu_args.split() if isinstance(qemu_args, str) else qemu_args
    if not words or not isinstance(words, Sequence) or not all(isinstance(word, str) for word in words):
        return memory
    from ..machine.qemu import wishes

    return wishes(words).memory or memory


def _boot(project: Project, name: str, entry: Entry) -> Callable[..., None]:
    """The action of the verb; what it needs is imported only where a person asks for the verb."""
    from SCons.Script import COMMAND_LINE_TARGETS

    if name in COMMAND_LINE_TARGETS:
        from ..commands.run import start

        return start(project, pickle.loads(entry.result))
    return lambda target, source, env: None
