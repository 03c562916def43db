"""`env.DiskImage`: loader and kernel as one bootable disk."""

from __future__ import annotations

from typing import Any

from ..errors import DeclarationError, Where
from ..graph.project import Project
from .arguments import output_name
from .declare import Planned, caller, declare, method, upstream_of


@method
def DiskImage(env: Any, name: str, kernel: Any, *, loader: Any, size: int | str | None = None) -> Any:
    """Declare a raw disk image, `build/NAME`: partition table, loader, and the kernel without its debug sections.

    KERNEL is what `env.Kernel` returned, LOADER what `env.Bootloader` returned. SIZE is the image's total size: a
    number of bytes, a multiple of 512, or a text such as "64M" (1024-based); default: as small as it can be. Without
    another word on the command line, `scons` builds every image declared.

    Returns the image's node.
    """
    where = caller(f'env.DiskImage("{name}")')
    name = output_name(where, name)
    if size is not None and (isinstance(size, bool) or not isinstance(size, (int, str))):
        raise DeclarationError(where, f'size= wants a number of bytes or a text such as "64M", not {size!r}.')

    def plan(project: Project, upstream: dict[str, Any], where: Where) -> Planned:
        from ..image import plan as stage

        declaration = stage.DiskDeclaration(name, size, where)
        plan, disk = stage.plan(declaration, upstream["kernel"], upstream["loader"], project.build)
        return Planned(plan, disk, (disk.path,))

    upstream = {
        "kernel": upstream_of(where, "kernel", "Kernel", kernel),
        "loader": upstream_of(where, "loader", "Bootloader", loader),
    }
    env.Default("image")
    nodes = declare(env, "DiskImage", name, (size,), upstream, plan, where)
    env.Alias("image", [node for node in nodes if node.has_builder()])
    return nodes
