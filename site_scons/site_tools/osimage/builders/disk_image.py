"""`env.DiskImage`: loader and kernel as one bootable disk."""

from __future__ import annotations

from typing import Any

from ..errors import Where
from ..graph.project import Project
from .call import Call
from .declare import Declaration, Planned, declare, method


@method
def DiskImage(call: Call, name: str, kernel: Any, *, loader: Any, size: int | str | None = None) -> Any:
    """Declare a raw disk image, `build/NAME`: partition table, loader, and the kernel without its debug sections.

    KERNEL is what `env.Kernel` returned, LOADER what `env.Bootloader` returned. A kernel that uses the crate
    `bootloader` 0.9 is handed what that crate's own loader hands over, by the crate's features and
    `[package.metadata.bootloader]`; with that loader itself there is no partition table. SIZE is the image's total
    size: a number of bytes, a multiple of 512, or a text such as "64M" (1024-based); default: as small as it can be.
    Without another word on the command line, `scons` builds every image declared.

    Returns the image's node.
    """
    name = call.name(name)
    if size is not None and (isinstance(size, bool) or not isinstance(size, (int, str))):
        call.faults.append(f'size= wants a number of bytes or a text such as "64M", not {size!r:.40}.')
    upstream = {
        "kernel": call.upstream("kernel", "Kernel", kernel),
        "loader": call.upstream("loader", "Bootloader", loader),
    }
    call.stop()

    def plan(project: Project, upstream: dict[str, Any], where: Where) -> Planned:
        from ..image import plan as stage

        declaration = stage.DiskDeclaration(name, size, where)
        plan, disk = stage.plan(declaration, upstream["kernel"], upstream["loader"], project.build)
        return Planned(plan, disk, (disk.path,))

    def check() -> None:
        from ..image import plan as stage

        stage.check(stage.DiskDeclaration(name, size, call.where))

    call.env.Default("image")
    nodes = declare(call, Declaration("DiskImage", name, (size,), upstream, plan, check))
    call.env.Alias("image", [node for node in nodes if node.has_builder()])
    return nodes
