"""`env.Kernel`: a Cargo package compiled into a kernel ELF."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ..action import Action, Input
from ..errors import Where
from ..graph.project import Project
from .call import Call
from .declare import Planned, Planner, declare, method


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
    inputs: Sequence[Any] | str = (),
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
    setting = call.project.setting
    name = call.name(name)
    said = _Said(
        manifest=call.path("manifest", manifest),
        bin=call.text("bin", bin) if bin is not None else None,
        features=_each_once(*call.texts("features", features), *call.texts("FEATURES", setting("FEATURES"))),
        default_features=call.switch("default_features", default_features),
        profile=call.text("profile", profile or setting("PROFILE") or "dev"),
        rustflags=call.texts("rustflags", rustflags),
        alloc=call.switch("alloc", alloc),
        inputs=call.paths("inputs", inputs),
    )
    folders = [file for file in said.inputs if (call.project.root / file).is_dir()]
    call.faults += [f"inputs= has the folder {folder}: name the files in it." for folder in folders]
    upstream = {"sysroot": call.upstream("sysroot", "Sysroot", sysroot)}
    call.stop()
    args = (*said, call.project.cargo_environ())
    return declare(call, "Kernel", name, args, upstream, _planner(name, said), lambda: _check(call, name, said))


class _Said(NamedTuple):
    """What a call says, checked; all of it plain values, since it is part of the plan's key."""

    manifest: str
    bin: str | None
    features: tuple[str, ...]
    default_features: bool
    profile: str
    rustflags: tuple[str, ...]
    alloc: bool
    inputs: tuple[str, ...]


def _planner(name: str, said: _Said) -> Planner:
    def plan(project: Project, upstream: dict[str, Any], where: Where) -> Planned:
        from ..crates import plan as stage

        declaration = stage.KernelDeclaration(name, *said[:-1], where=where)
        plan, kernel = stage.plan(
            declaration,
            upstream["sysroot"],
            project.rustc,
            project.cargo,
            root=project.root,
            environ=project.environ(),
            build=project.build,
        )
        return Planned(plan._replace(actions=_reading(plan.actions, said.inputs)), kernel, (kernel.elf,))

    return plan


def _check(call: Call, name: str, said: _Said) -> None:
    from ..crates import plan as stage

    project = call.project
    declaration = stage.KernelDeclaration(name, *said[:-1], where=call.where)
    stage.check(declaration, project.rustc, project.cargo, project.root, project.environ(), project.build)


def _each_once(*words: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))


def _reading(actions: Sequence[Action], files: Sequence[str]) -> tuple[Action, ...]:
    """ACTIONS where those that compile a package of the project also read FILES."""
    more = tuple(Input(file) for file in files)
    return tuple(a._replace(inputs=(*a.inputs, *more)) if a.local else a for a in actions)
