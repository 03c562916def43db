"""`env.Bootloader`: the code between the firmware and the kernel."""

from __future__ import annotations

from typing import Any

from ..errors import Where
from ..graph.project import Project
from .arguments import output_name, text
from .declare import Planned, caller, declare, method, upstream_of


@method
def Bootloader(env: Any, name: str, *, sysroot: Any, source: str | None = None) -> Any:
    """Declare a BIOS loader, `build/NAME/stage1.bin` and `build/NAME/stage2.bin`, compiled on the kernel's own core.

    SYSROOT is what `env.Sysroot` returned. SOURCE is a folder with the loader's sources, relative to the SConstruct
    (default: those that come with the tool).

    Returns the nodes of both stages.
    """
    where = caller(f'env.Bootloader("{name}")')
    name = output_name(where, name)
    folder = env.Dir(text(where, "source", source)).get_path() if source is not None else None

    def plan(project: Project, upstream: dict[str, Any], where: Where) -> Planned:
        from ..boot import plan as stage

        declaration = stage.LoaderDeclaration(name, folder, where)
        plan, loader = stage.plan(declaration, upstream["sysroot"], project.rustc, project.root, project.build)
        return Planned(plan, loader, (loader.stage1, loader.stage2))

    return declare(
        env, "Bootloader", name, (folder,), {"sysroot": upstream_of(where, "sysroot", "Sysroot", sysroot)}, plan, where
    )
