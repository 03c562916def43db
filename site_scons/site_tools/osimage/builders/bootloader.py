"""`env.Bootloader`: the code between the firmware and the kernel."""

from __future__ import annotations

from typing import Any

from ..errors import Where
from ..graph.project import Project
from .call import Call
from .declare import Planned, declare, method


@method
def Bootloader(call: Call, name: str, *, sysroot: Any, source: str | None = None) -> Any:
    """Declare a BIOS loader, `build/NAME/stage1.bin` and `build/NAME/stage2.bin`, compiled on the kernel's own core.

    SYSROOT is what `env.Sysroot` returned. SOURCE is a folder with the loader's sources, relative to the SConstruct
    (default: those that come with the tool).

    Returns the nodes of both stages.
    """
    name = call.name(name)
    folder = call.path("source", source) if source is not None else None
    upstream = {"sysroot": call.upstream("sysroot", "Sysroot", sysroot)}
    call.stop()

    def plan(project: Project, upstream: dict[str, Any], where: Where) -> Planned:
        from ..boot import plan as stage

        declaration = stage.LoaderDeclaration(name, folder, where)
        plan, loader = stage.plan(declaration, upstream["sysroot"], project.rustc, project.root, project.build)
        return Planned(plan, loader, (loader.stage1, loader.stage2))

    def check() -> None:
        from ..boot import plan as stage

        stage.check(stage.LoaderDeclaration(name, folder, call.where), call.project.root, call.project.build)

    return declare(call, "Bootloader", name, (folder,), upstream, plan, check)
