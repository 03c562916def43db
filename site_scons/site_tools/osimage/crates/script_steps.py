"""The step that runs a build script, as data: what it reads, its environment, what it leaves."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Sequence

from ..action import CARGO, RUSTC, Action, Input
from ..own import code_identity
from .files import DEP_INFO, LIBRARIES, METADATA, OUT_DIR, SEARCH, VARIABLES, for_rustc
from .layout import Layout
from .run_script import Script
from .script_env import of_run, root_of
from .variables import of_package, placed

_STEP = "osimage.crates.run_script"
_COMPILED = ("bin", "test")  # the programs of a package that may be compiled


def run_of(index: int, layout: Layout) -> Action:
    """The run of the build script that is unit INDEX of LAYOUT."""
    _, package = layout.at(index)
    files = layout.files
    others = [used for used, unit in layout.used_by(index) if unit.is_script_run]
    script = _script(index, layout, others)
    step, label = layout.called(index)
    names = (SEARCH, VARIABLES, METADATA, LIBRARIES, *(file for file, *_ in script.crates), DEP_INFO, OUT_DIR)
    return Action(
        step=step,
        label=label,
        argv=script.argv(_variables(index, layout)),
        inputs=(
            Input(script.program),
            Input(script.folder, layout.counted(package)),
            *map(Input, layout.more_inputs(package)),
            *(Input(files.said(other, METADATA)) for other in others),
            *map(Input, script.searched),
            *(Input(layout.out_dir(each), "tree") for each in dict.fromkeys((*others, *_linked(index, layout)))),
        ),
        outputs=tuple(files.said(index, name) for name in names),
        toolchain=hashlib.sha256(f"{code_identity(_STEP)} {layout.tools.host.identity}".encode()).hexdigest(),
        where=layout.declaration.where,
        dep_info=files.said(index, DEP_INFO),
        shared=package.name not in layout.declaration.not_deterministic,
        user_env=True,
        local=not package.is_external,
        external=package.is_external,
        reads_outside=True,
    )


def _linked(index: int, layout: Layout) -> tuple[int, ...]:
    """The runs of scripts with whose libraries the script is linked that unit INDEX runs."""
    program = next(used for used, unit in layout.used_by(index) if unit.is_script)
    return layout.runs_used_by(program)


def _script(index: int, layout: Layout, others: Sequence[int]) -> Script:
    """What there is to run as unit INDEX; OTHERS are the runs that speak to it."""
    _, package = layout.at(index)
    files, folder = layout.files, layout.folders[package.id]
    program = next(used for used, unit in layout.used_by(index) if unit.is_script)
    # All that the package has, so that kernels and tests share the run.
    crates = {for_rustc(kind, name): (kind, name) for kind, name in package.targets if kind in _COMPILED}
    crates |= {for_rustc("lib", ""): ("lib", "")} if package.has_library else {}
    return Script(
        program=files.program(program),
        folder=folder,
        place=posixpath.dirname(files.said(index, SEARCH)),
        base=layout.base if package.id in layout.resolved.members else folder,
        package=f"{package.name}@{package.version}",
        rust_version=package.rust_version,
        is_local=not package.is_external,
        targets=package.targets,
        crates=tuple(
            # Native libraries are linked with the package's library, where it has one.
            (file, kind, name, kind == "lib" or not package.has_library)
            for file, (kind, name) in crates.items()
        ),
        metadata=tuple((layout.at(other)[1].links or "", files.said(other, METADATA)) for other in others),
        searched=tuple(files.said(run, SEARCH) for run in _linked(index, layout)),
    )


def _variables(index: int, layout: Layout) -> tuple[tuple[str, str], ...]:
    """The environment of the build script INDEX, as far as it is the same everywhere."""
    unit, package = layout.at(index)
    tools = layout.tools
    is_for_host, resolved = unit.is_for_host, layout.resolved
    cfg = tools.host.cfg() if is_for_host else tools.cfg(resolved.flags)
    target = tools.host.name if is_for_host else tools.target
    linker = tools.host.linker if is_for_host else resolved.linker
    values = dict(of_package(package, layout.folders[package.id], layout.configured))
    root = root_of(unit.profile.name, resolved.profiles)
    values |= of_run(unit, package, target, tools.host.name, cfg, () if is_for_host else resolved.written, root)
    values |= {"RUSTC": RUSTC, "RUSTC_BOOTSTRAP": "1", "CARGO": CARGO}
    values |= dict(placed([("RUSTC_LINKER", linker)], layout.place)) if linker is not None else {}
    return tuple(sorted(values.items()))
