"""What the builders that compile a Cargo package are told about it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import Where
from ..graph.project import Project
from .call import Call

if TYPE_CHECKING:
    from ..crates.given import Given
    from ..crates.kernel import KernelDeclaration


class Said(NamedTuple):
    """The arguments of a call, checked; all of it plain values, since it is part of the plan's key."""

    manifest: str
    bin: str | None
    features: tuple[str, ...]
    default_features: bool
    profile: str
    rustflags: tuple[str, ...]
    alloc: bool
    not_deterministic: tuple[str, ...]
    incremental: bool | None
    inputs: tuple[str, ...]

    def declared(self, name: str, where: Where, *, tests: bool = False, doctests: bool = False) -> KernelDeclaration:
        """What is declared by the name NAME at WHERE: a kernel, or the package's TESTS, perhaps with its DOCTESTS."""
        from ..crates.kernel import KernelDeclaration

        return KernelDeclaration(name, where=where, tests=tests, doctests=doctests, **self._asdict())


def said(
    call: Call,
    manifest: Any,
    *,
    bin: Any = None,
    features: Any,
    default_features: Any,
    profile: Any,
    rustflags: Any,
    alloc: Any,
    not_deterministic: Any,
    inputs: Any,
) -> Said:
    """The arguments of CALL about its package, with what the settings on the command line add."""
    setting = call.project.setting
    result = Said(
        manifest=call.path("manifest", manifest),
        bin=call.text("bin", bin) if bin is not None else None,
        features=features_of(call, features),
        default_features=call.switch("default_features", default_features),
        profile=call.text("profile", profile or setting("PROFILE") or "dev"),
        rustflags=call.texts("rustflags", rustflags),
        alloc=call.switch("alloc", alloc),
        not_deterministic=call.texts("not_deterministic", not_deterministic),
        incremental=_incremental(call),
        inputs=call.paths("inputs", inputs),
    )
    folders = [file for file in result.inputs if (call.project.root / file).is_dir()]
    call.faults += [f"inputs= has the folder {folder}: name the files in it." for folder in folders]
    return result


def _incremental(call: Call) -> bool | None:
    """What `INCREMENTAL=` says; None leaves it to the stage. Where nobody edits, nothing is gained."""
    choices = {"": None, "auto": None, "yes": True, "no": False}
    word = call.project.setting("INCREMENTAL")
    if word not in choices:
        call.faults.append(f"INCREMENTAL={word}: write auto, yes or no.")
    found = choices.get(word)
    return False if found is None and os.environ.get("CI") else found


def features_of(call: Call, said: Any) -> tuple[str, ...]:
    """The features that CALL has SAID, and those of `FEATURES=`."""
    on_the_command_line = call.texts("FEATURES", call.project.setting("FEATURES"))
    return tuple(dict.fromkeys((*call.texts("features", said), *on_the_command_line)))


def given(project: Project) -> Given:
    """What planning a package of PROJECT needs besides its declaration.

    Raises:
        ToolchainError: there is no compiler, or no cargo.
    """
    from ..crates.given import Given
    from ..crates.place import Place

    return Given(project.rustc, project.cargo, project.environ(), Place(str(project.root), project.build))
