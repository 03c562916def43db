"""`env.Sysroot`: core, compiler_builtins and alloc, compiled for one target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import Where
from ..graph.project import Project
from .call import Call
from .declare import Declaration, Planned, declare, method


@method
def Sysroot(call: Call, name: str, target: Any, *, rustflags: Sequence[str] | str = (), lto: bool = True) -> Any:
    """Declare a target's standard library, `build/NAME/`: `core`, `compiler_builtins` with memcpy and its kin, `alloc`.

    TARGET is what `env.TargetSpec` returned. RUSTFLAGS are flags that change code for everything in the image (code
    model, CPU, target features); flags for a kernel alone belong to `env.Kernel`. It is compiled once, optimised, for
    kernels of every profile and for the loader, and found again by every project on this machine with the same
    compiler, target and flags. `alloc` is compiled only when a kernel says `alloc=True`. LTO=False leaves out the
    bitcode that a kernel optimised at link time (`lto = true` in its profile) is linked from, for a shorter build.

    Returns the nodes of core's and compiler_builtins' files.
    """
    name = call.name(name)
    flags = call.texts("rustflags", rustflags)
    lto = call.switch("lto", lto)
    upstream = {"target": call.upstream("target", "TargetSpec", target)}
    call.stop()

    def plan(project: Project, upstream: dict[str, Any], where: Where) -> Planned:
        from ..sysroot import plan as stage

        declaration = stage.SysrootDeclaration(name, flags, where, lto)
        plan, sysroot = stage.plan(declaration, upstream["target"], project.rustc, project.build)
        files = tuple(file for crate in sysroot.crates for file in (crate.rlib, crate.rmeta))
        return Planned(plan, sysroot, files)

    return declare(call, Declaration("Sysroot", name, (flags, lto), upstream, plan))
