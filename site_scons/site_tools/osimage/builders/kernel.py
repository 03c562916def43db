"""`env.Kernel`: a Cargo package compiled into a kernel ELF."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import Where
from ..graph.project import Project
from . import package
from .call import Call
from .declare import Declaration, Planned, Planner, declare, method


@method
def Kernel(
    call: Call,
    name: str,
    manifest: str,
    *,
    sysroot: Any,
    bin: str | None = None,
    features: Sequence[str] | str = (),
    default_features: bool = True,
    profile: str | None = None,
    rustflags: Sequence[str] | str = (),
    alloc: bool = False,
    not_deterministic: Sequence[str] | str = (),
    inputs: Sequence[Any] | str = (),
) -> Any:
    """Declare a kernel, `build/NAME` (NAME ends in `.elf`): the binary of a Cargo package, with its debug information.

    MANIFEST is the package's Cargo.toml; SYSROOT is what `env.Sysroot` returned. BIN names the binary where the package
    has several. FEATURES are added to those of `FEATURES=` on the command line; DEFAULT_FEATURES=False leaves out the
    package's default ones. PROFILE is a Cargo profile (default: `PROFILE=` on the command line, else `dev`). RUSTFLAGS
    are added to those of `.cargo/config.toml`. ALLOC=True gives the kernel the crate `alloc`. INPUTS are files outside
    the project, or made below the build folder, that the sources include; what they read inside it needs no word.
    NOT_DETERMINISTIC names packages whose build scripts or crates come out otherwise each time (`scons TWICE=yes` finds
    them): no result of theirs is shared.

    Cargo resolves and describes the crates; every rustc call is a step of the graph with cargo's own arguments.

    Returns the ELF file's node.
    """
    name = call.name(name)
    said = package.said(
        call,
        manifest,
        bin=bin,
        features=features,
        default_features=default_features,
        profile=profile,
        rustflags=rustflags,
        alloc=alloc,
        not_deterministic=not_deterministic,
        inputs=inputs,
    )
    upstream = {"sysroot": call.upstream("sysroot", "Sysroot", sysroot)}
    call.stop()
    args = (*said, call.project.cargo_environ())
    plan, check = _planner(name, said), lambda: _check(call, name, said)
    return declare(call, Declaration("Kernel", name, args, upstream, plan, check))


def _planner(name: str, said: package.Said) -> Planner:
    def plan(project: Project, upstream: dict[str, Any], where: Where) -> Planned:
        from ..crates import plan as stage

        plan, kernel = stage.plan(said.declared(name, where), upstream["sysroot"], package.given(project))
        return Planned(plan, kernel, (kernel.elf,))

    return plan


def _check(call: Call, name: str, said: package.Said) -> None:
    from ..crates import plan as stage

    stage.check(said.declared(name, call.where), package.given(call.project))
