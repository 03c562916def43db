"""The steps of a project that is laid out: one rustc call for each crate, one run for each build script."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator, Sequence

from ..action import OUT, Action, Input
from .argv import LINK_INFO, Command, Extern, argv
from .doctests import doctests_of
from .fault import FaultError
from .files import LIBRARIES, VARIABLES
from .layout import Layout
from .metadata import Package
from .script_steps import run_of
from .unit_graph import Unit
from .variables import of_unit


def actions(layout: Layout) -> tuple[Action, ...]:
    """One step for each unit, each after those it uses.

    Raises:
        FaultError: a source or a file of the link lies where no step can reach it.
    """
    units = layout.resolved.graph.units
    order = layout.resolved.graph.used_first()
    return tuple(_step(units[index], index, layout) for index in order)


def _step(unit: Unit, index: int, layout: Layout) -> Action:
    if unit.is_script_run:
        return run_of(index, layout)
    step = _compile(index, layout)
    return doctests_of(layout, _command(index, layout), step) if unit.is_doctest else step


def _compile(index: int, layout: Layout) -> Action:
    unit, package = layout.at(index)
    results, dep_info = layout.files.produced(index)
    step, label = layout.called(index)
    links_here = unit.is_for_host and not unit.is_rlib
    return Action(
        step=step,
        label=label,
        argv=argv(_command(index, layout)),
        inputs=tuple(dict.fromkeys(_inputs(index, layout))),
        outputs=(*results, dep_info),
        toolchain=layout.tools.host.identity if links_here else layout.tools.identity,
        where=layout.declaration.where,
        env=_environment(index, layout),
        dep_info=dep_info,
        shared=package.name not in layout.declaration.not_deterministic,
        user_env=True,
        local=not package.is_external,
        link_info=LINK_INFO if _is_linked_for_target(unit) else None,
        env_from=tuple(layout.files.said(run, VARIABLES) for run, used in layout.used_by(index) if used.is_script_run),
        external=package.is_external,
        incremental=layout.incremental(index),
    )


def _command(index: int, layout: Layout) -> Command:
    unit, package = layout.at(index)
    files, tools, manifests = layout.files, layout.tools, layout.resolved.manifests
    searched = (files.host,) if unit.is_for_host else (files.crates, files.host)
    return Command(
        unit=unit,
        source=_source(unit, package, layout),
        hash=layout.hashes[index],
        incremental=layout.incremental(index),
        produced=files.produced(index),
        need=layout.needs[index],
        lints=manifests.lints_of(package),
        declared_features=package.features,
        is_capped=package.is_external,
        has_harness=manifests.has_harness(package, unit.target),
        externs=tuple(_externs(index, layout)),
        searched=searched if files.loaded(index) else (),
        for_sysroot=() if unit.is_for_host else tools.for_sysroot,
        rustflags=() if unit.is_for_host else layout.link.flags,
        said=layout.said_to(index),
        remapped=_remapped(package, layout),
        linker=_linker(unit, layout),
    )


def _linker(unit: Unit, layout: Layout) -> tuple[str, ...]:
    """The flags that name the linker of UNIT, where it has one."""
    tools = layout.tools
    if _is_linked_for_target(unit):
        return (*tools.linker, f"-Clink-arg=--dependency-file={OUT}/{LINK_INFO}")
    if unit.is_for_host and tools.host.called is not None:
        return (f"-Clinker={tools.host.called}",)
    return ()


def _inputs(index: int, layout: Layout) -> Iterator[Input]:
    unit, package = layout.at(index)
    files, source, folder = layout.files, _source(unit, package, layout), layout.folders[package.id]
    yield Input(folder, layout.counted(package))
    if folder != "." and not source.startswith(f"{folder}/"):
        yield Input(source)
    yield from map(Input, layout.more_inputs(package))
    loaded = (*layout.sysroot_inputs(index), *map(Input, files.loaded(index)))
    yield from _without_code(loaded) if unit.is_rlib else loaded
    for used, other in layout.used_by(index):
        if other.is_script_run:
            yield from (Input(files.said(used, name)) for name in (VARIABLES, LIBRARIES))
        elif other.is_program:
            yield Input(files.program(used))
    yield from map(Input, layout.said_to(index))
    for run in layout.runs_used_by(index):
        # A library alone is linked with nothing that other packages' scripts have made.
        if not unit.is_rlib or layout.at(run)[0].package_id == unit.package_id:
            yield Input(layout.out_dir(run), "tree")
    if _is_linked_for_target(unit):
        yield from layout.link.inputs


def _without_code(loaded: Sequence[Input]) -> Iterator[Input]:
    """LOADED, crates, without the code of those whose metadata lies beside it: a library is linked with nothing."""
    paths = {entry.path for entry in loaded}
    return (entry for entry in loaded if f"{entry.path.removesuffix('.rlib')}.rmeta" not in paths)


def _environment(index: int, layout: Layout) -> tuple[tuple[str, str], ...]:
    unit, package = layout.at(index)
    used = tuple(layout.used_by(index))
    out_dir = next((layout.out_dir(run) for run, other in used if other.is_script_run), None)
    programs = {other.target.name: layout.files.program(each) for each, other in used if "bin" in other.target.kind}
    folder, is_primary = layout.folders[package.id], layout.is_primary(package)
    return of_unit(unit, package, folder, is_primary, out_dir, programs, layout.configured, layout.place)


def _externs(index: int, layout: Layout) -> Iterator[Extern]:
    unit, package = layout.at(index)
    # Nothing is re-exported from a program.
    has_private = not unit.is_program and layout.resolved.manifests.has_private_dependencies(package)
    for dependency in unit.dependencies:
        used, _ = layout.at(dependency.index)
        if used.is_linkable:
            # A library that is nothing else needs only the metadata of what it uses.
            suffixes = (".rmeta",) if unit.is_rlib and used.is_rlib else (".rlib", ".so")
            results = layout.files.produced(dependency.index).results
            file = next(name for name in results if name.endswith(suffixes))
            yield Extern(dependency.extern_name, file, has_private and not dependency.public)


def _source(unit: Unit, package: Package, layout: Layout) -> str:
    """The root file of UNIT's crate, relative to the project root."""
    inside = os.path.relpath(unit.target.src_path, package.folder)
    source = layout.place.relative(unit.target.src_path)
    if source is None and inside.startswith("../"):
        raise FaultError(
            f"the crate {unit.target.name} has its root file outside the project and its own package: "
            f"{unit.target.src_path}."
        )
    return source or posixpath.normpath(f"{layout.folders[package.id]}/{inside}")


def _remapped(package: Package, layout: Layout) -> tuple[str, ...]:
    """What keeps paths of this machine, and of our links, out of everything that rustc writes.

    Sources of a registry or of git keep the links' names, which are the same in every checkout, and can be opened.
    """
    place, folder = layout.place, layout.folders[package.id]
    remapped = [f"--remap-path-prefix={place.external('rust-src')}=/rustc/library", "-Zremap-cwd-prefix=."]
    if place.relative(package.folder) is None and not package.is_external:
        remapped.append(f"--remap-path-prefix={folder}={place.beside(package.folder)}")
    return tuple(remapped)


def _is_linked_for_target(unit: Unit) -> bool:
    return unit.is_program and not unit.is_for_host
