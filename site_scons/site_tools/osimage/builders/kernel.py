"""`env.Kernel`: a Cargo package compiled into a kernel ELF."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ..action import Action, Input
from ..errors import Where
from ..graph.project import Project
from .arguments import output_name, switch, text, texts
from .declare import Planned, Planner, caller, declare, method, project_of, upstream_of


@method
def Kernel(
    env: Any,
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
    inputs: Sequence[str] = (),
) -> Any:
    """Declare a kernel, `build/NAME` (NAME ends in `.elf`): the binary of a Cargo package, with its debug information.

    MANIFEST is the package's Cargo.toml; SYSROOT is what `env.Sysroot` returned. BIN names the binary where the package
    has several. FEATURES are added to those of `FEATURES=` on the command line; DEFAULT_FEATURES=False leaves out the
    package's default ones. PROFILE is a Cargo profile (default: `PROFILE=` on the command line, else `dev`). RUSTFLAGS
    are added to those of `.cargo/config.toml`. ALLOC=True gives the kernel the crate `alloc`. INPUTS are files outside
    the project, or made below the build folder, that the sources include; what they read inside it needs no word.

    Cargo resolves and describes the crates; every rustc call is a step of the graph with cargo's own arguments.

    Returns the ELF file's node.
    """
    where = caller(f'env.Kernel("{name}")')
    project = project_of(env)
    name = output_name(where, name)
    call = _Call(
        manifest=env.File(text(where, "manifest", manifest)).get_path(),
        bin=text(where, "bin", bin) if bin is not None else None,
        features=_features(where, features, project.setting("FEATURES")),
        default_features=switch(where, "default_features", default_features),
        profile=text(where, "profile", profile or project.setting("PROFILE") or "dev"),
        rustflags=texts(where, "rustflags", rustflags),
        alloc=switch(where, "alloc", alloc),
        inputs=tuple(env.File(file).get_path() for file in texts(where, "inputs", inputs)),
    )
    upstream = {"sysroot": upstream_of(where, "sysroot", "Sysroot", sysroot)}
    args = (*call, project.cargo_environ())
    return declare(env, "Kernel", name, args, upstream, _planner(name, call), where)


class _Call(NamedTuple):
    """What a call says, checked; all of it plain values, since it is part of the plan's key."""

    manifest: str
    bin: str | None
    features: tuple[str, ...]
    default_features: bool
    profile: str
    rustflags: tuple[str, ...]
    alloc: bool
    inputs: tuple[str, ...]


def _planner(name: str, call: _Call) -> Planner:
    def plan(project: Project, upstream: dict[str, Any], where: Where) -> Planned:
        from ..crates import plan as stage

        declaration = stage.KernelDeclaration(name, *call[:-1], where=where)
        plan, kernel = stage.plan(
            declaration,
            upstream["sysroot"],
            project.rustc,
            project.cargo,
            root=project.root,
            environ=project.environ(),
            build=project.build,
        )
        return Planned(plan._replace(actions=_reading(plan.actions, call.inputs)), kernel, (kernel.elf,))

    return plan


def _features(where: Where, declared: Any, setting: str) -> tuple[str, ...]:
    """The features of the call and of the command line, each once."""
    return tuple(dict.fromkeys((*texts(where, "features", declared), *texts(where, "FEATURES", setting))))


def _reading(actions: Sequence[Action], files: Sequence[str]) -> tuple[Action, ...]:
    """ACTIONS where those that compile a package of the project also read FILES."""
    more = tuple(Input(file) for file in files)
    return tuple(a._replace(inputs=(*a.inputs, *more)) if a.local else a for a in actions)
