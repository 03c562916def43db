"""`env.Bootloader`: the code between the firmware and the kernel."""

from __future__ import annotations

import os
import pickle
from typing import TYPE_CHECKING, Any

from ..errors import DeclarationError, Where
from ..graph.project import Project
from .call import Call
from .declare import Declaration, Planned, declare, method, nothing
from .package import given

if TYPE_CHECKING:
    from ..crates.kernel import LoaderPackage

# Where there is debug information, assembly's call frames join it; else they are an .eh_frame, which the crate's linker
# script puts before the first sector.
CRATE_SYSROOT = ("-Cdebuginfo=line-tables-only",)

# Earlier ones of 0.9 have #[no_mangle] on functions of the language, which no compiler from 1.95 on takes.
FIRST_0_9 = 31


@method
def Bootloader(call: Call, name: str, *, sysroot: Any = None, source: str | None = None, kernel: Any = None) -> Any:
    """Declare a BIOS loader, `build/NAME/stage1.bin` and `build/NAME/stage2.bin`, compiled on the kernel's own core.

    SYSROOT is what `env.Sysroot` returned. SOURCE is a folder with the loader's sources, relative to the SConstruct
    (default: those that come with the tool).

    With KERNEL instead of both, what `env.Kernel` returned for a kernel that uses the crate `bootloader` 0.9, the
    loader is that crate's own, in the version and with the features that the kernel has, for its own target and with
    its own core: what `cargo bootimage` builds. Its code lies in `build/NAME/objects/`; an image is linked with it.

    Returns the nodes of both stages, or that of the list of objects.
    """
    name = call.name(name)
    if kernel is not None:
        return _of_crate(call, name, kernel, {"sysroot": sysroot, "source": source})
    if sysroot is None:
        call.faults.append("it needs the argument 'sysroot'.")
        call.stop()
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

    return declare(call, Declaration("Bootloader", name, (folder,), upstream, plan, check))


def _of_crate(call: Call, name: str, kernel: Any, others: dict[str, Any]) -> Any:
    """The loader of the crate that KERNEL uses; OTHERS are the arguments that have no place beside it."""
    declared = call.upstream("kernel", "Kernel", kernel)
    needless = [argument for argument, value in others.items() if value is not None]
    if needless:
        call.faults.append(f"with kernel= the loader is the crate's own: leave out {'= and '.join(needless)}=.")
    call.stop()
    if declared.entry is None:
        return nothing(call.env, "Bootloader", name)
    package = _package(call, name, declared.name, pickle.loads(declared.entry.result).loader)
    specification = os.path.join(os.path.dirname(package.manifest), package.specification)
    with call.project.speaking_for(call.where):
        target = call.env.TargetSpec(f"{name}/{os.path.basename(specification)}", specification)
        own = call.env.Sysroot(f"{name}/sysroot", target, rustflags=CRATE_SYSROOT)
    upstream = {"kernel": declared, "sysroot": call.upstream("sysroot", "Sysroot", own)}

    def plan(project: Project, upstream: dict[str, Any], where: Where) -> Planned:
        from ..crates import crate_loader as stage

        declaration = stage.CrateLoaderDeclaration(name, where)
        plan, loader = stage.plan(declaration, upstream["kernel"], upstream["sysroot"], given(project))
        return Planned(plan, loader, (loader.listed,))

    return declare(call, Declaration("Bootloader", name, call.project.cargo_environ(), upstream, plan))


def _package(call: Call, name: str, kernel: str, package: LoaderPackage | None) -> LoaderPackage:
    """PACKAGE, the crate that KERNEL uses, if it can be built.

    Raises:
        DeclarationError: it cannot, or there is none.
    """
    instead = f'Give the kernel osimage\'s loader: env.Bootloader("{name}", sysroot=…).'
    if package is None:
        fault = f"kernel= is '{kernel}', which does not use the crate bootloader 0.9. {instead}"
        raise DeclarationError(call.where, fault)
    if not package.specification:
        fault = (
            f"bootloader {package.version} names no target of its loader in its manifest: it cannot be built. {instead}"
        )
        raise DeclarationError(call.where, fault)
    if package.source is not None and package.source.startswith("registry+") and _is_too_old(package.version):
        fault = (
            f"the loader of bootloader {package.version} does not compile with rustc {call.project.rustc.release}: "
            f"take 0.9.{FIRST_0_9} or later, by `cargo update -p bootloader`, or osimage's own loader."
        )
        raise DeclarationError(call.where, fault)
    return package


def _is_too_old(version: str) -> bool:
    patch = version.removeprefix("0.9.")
    return patch.isdecimal() and int(patch) < FIRST_0_9
