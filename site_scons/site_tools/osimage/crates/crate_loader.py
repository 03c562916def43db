"""The loader of the crate `bootloader` 0.9 itself: the rustc calls that compile it for one kernel, as bootimage does.

Its build script is not run: what that makes of the kernel is made when an image is linked, by steps of our own that
need no llvm-tools, and what it makes of `[package.metadata.bootloader]` is written here (build.rs of 0.9.35).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..action import OUT, ROOT, Action, Input, Plan
from ..boot.crate_loader import CrateLoader
from ..boot.handover import Bootloader09
from ..boot.object_list import list_action
from ..errors import DeclarationError, ToolchainError, Where
from ..text import write_text
from . import config as configuration
from . import consulted, linker, sources, steps, supported
from .argv import LINK_INFO
from .fault import FaultError
from .given import Given
from .host import host_of
from .kernel import Kernel, KernelDeclaration, LoaderPackage
from .layout import Layout, Tools
from .manifests import Manifests
from .query import Query, Selection
from .resolve import Resolved
from .unit_graph import Dependency, Unit, UnitGraph

if TYPE_CHECKING:
    from ..sysroot.plan import Sysroot
    from ..toolchain.rustc import Rustc

BINARY = "bootloader"  # the loader's target in the package
FEATURE = "binary"  # what makes it a program
SCRIPT = "--script="


@dataclass(frozen=True)
class CrateLoaderDeclaration:
    """What `env.Bootloader(…, kernel=…)` says: a name below the build folder."""

    name: str
    where: Where


def plan(
    declaration: CrateLoaderDeclaration, kernel: Kernel, sysroot: Sysroot, given: Given
) -> tuple[Plan, CrateLoader]:
    """The steps that compile the loader of the crate that KERNEL uses, for SYSROOT, whose target is the crate's.

    Raises:
        DeclarationError: KERNEL does not use the crate, or what cargo has against the crate's package.
        ToolchainError: the compiler or cargo cannot be run.
    """
    rustc, place = given.rustc, given.place
    if kernel.loader is None or kernel.handover is None:
        raise DeclarationError(declaration.where, f"kernel= is {kernel.name}, which does not use bootloader 0.9.")
    try:
        resolved = _resolved(kernel.loader, sysroot, given)
        layout = _layout(declaration, resolved, sysroot, given)
        script, options = _link(sysroot.target.described, layout.folders[resolved.package.id])
        *crates, last = steps.actions(layout)
    except FaultError as fault:
        raise DeclarationError(declaration.where, f"the loader of bootloader {_version(kernel)}: {fault}") from None
    directory = f"{place.build}/{declaration.name}"
    objects, listed = f"{directory}/objects", f"{directory}/objects.args"
    what = f"loader of bootloader {_version(kernel)}"
    written = f"{directory}/config/bootloader_config.rs"
    actions = (
        *crates,
        write_text("loader", f"settings of the {what}", written, config_source(kernel.handover), declaration.where),
        _compiled(last, objects, written, f"{what} for {kernel.package}"),
        list_action(f"objects of the {what}", objects, listed, declaration.where),
    )
    libraries = (*_libraries(layout), *(crate.rlib for crate in sysroot.crates))
    loader = CrateLoader(declaration.name, objects, listed, script, libraries, options, kernel.handover,
                         _linker(rustc), rustc.identity)  # fmt: skip
    links = tuple(sources.links(resolved.packages.values(), layout.folders, place))
    host = layout.tools.host
    read = consulted.names(
        place, resolved.package.folder, resolved.lock, resolved.packages.values(), resolved.config, host.looked_for
    )
    return Plan(actions, links, read), loader


def config_source(handover: Bootloader09) -> str:
    """`bootloader_config.rs`, which the loader includes from OUT_DIR."""

    def option(value: int | None) -> str:
        return "None" if value is None else f"Some({value})"

    return (
        f"const PHYSICAL_MEMORY_OFFSET: Option<u64> = {option(handover.physical_memory_offset)};\n"
        f"const KERNEL_STACK_ADDRESS: Option<u64> = {option(handover.kernel_stack_address)};\n"
        f"const KERNEL_STACK_SIZE: u64 = {handover.kernel_stack_size};\n"
        f"const BOOT_INFO_ADDRESS: Option<u64> = {option(handover.boot_info_address)};\n"
    )


def _version(kernel: Kernel) -> str:
    return kernel.loader.version if kernel.loader is not None else ""


def _linker(rustc: Rustc) -> str:
    if rustc.linker is None:
        raise ToolchainError("no linker for kernels was found: install lld.")
    return rustc.linker.name


def _resolved(loader: LoaderPackage, sysroot: Sysroot, given: Given) -> Resolved:
    """What cargo says of the package, by its own lock file, with the configuration that holds for the kernel.

    Rust flags are none: bootimage sets them to nothing. The package's source is the one by which the kernel has it.
    """
    place = given.place
    config = configuration.load(Path(loader.kernel), given.environ, place.root)
    query = Query(given, loader.manifest, config)
    workspace = query.workspace()
    lock = os.path.join(workspace.workspace_root, "Cargo.lock")
    package = next(each for each in workspace.packages.values() if each.manifest == loader.manifest)
    package = replace(package, source=loader.source)
    wanted = dict.fromkeys((*loader.features, *([FEATURE] if FEATURE in package.features else [])))
    selection = Selection(package.id, BINARY, tuple(wanted), True, "release")
    target = (sysroot.target.name, sysroot.target.json)
    keeper = "its package" if os.path.exists(lock) else None
    graph = _without_script(query.unit_graph(selection, target, (), lock, keeper), package.id)
    found = {**query.all_packages(selection, target, given.rustc.host).packages, package.id: package}
    packages = {unit.package_id: found[unit.package_id] for unit in graph.units}
    faults = list(supported.faults(graph, packages, place))
    if faults:
        raise FaultError(" ".join(faults))
    manifests = Manifests(place)
    profiles = manifests.at(os.path.join(workspace.workspace_root, "Cargo.toml")).get("profile", {})
    return Resolved(selection, graph, package, packages, workspace.workspace_root, workspace.members,
                    {**profiles, **config.table("profile")}, lock, (), config, manifests, ())  # fmt: skip


def _without_script(graph: UnitGraph, package: str) -> UnitGraph:
    """GRAPH without the build script of PACKAGE, and so without what only that uses."""

    def needs(unit: Unit) -> tuple[Dependency, ...]:
        own = unit.package_id == package
        return tuple(each for each in unit.dependencies if not (own and graph.units[each.index].is_script_run))

    cut = replace(graph, units=tuple(replace(unit, dependencies=needs(unit)) for unit in graph.units))
    moved = {old: new for new, old in enumerate(sorted(cut.used_first()))}
    units = tuple(
        replace(
            cut.units[old],
            dependencies=tuple(replace(each, index=moved[each.index]) for each in cut.units[old].dependencies),
        )
        for old in moved
    )
    return UnitGraph(units, tuple(moved[root] for root in graph.roots))


def _layout(declaration: CrateLoaderDeclaration, resolved: Resolved, sysroot: Sysroot, given: Given) -> Layout:
    """Where everything lies; the link is none of rustc's here, so that the spec's files for it do not count."""
    rustc, _, environ, place = given
    target = sysroot.target

    def cfg_of(flags: Sequence[str]) -> Sequence[str]:
        return rustc.cfg(target.json, target.name, tuple(flags))

    linker.flag(target, _linker(rustc))
    tools = Tools(
        for_sysroot=sysroot.arguments(),
        sysroot_inputs=sysroot.inputs(),
        alloc_inputs=(),
        sysroot=sysroot.name,
        target=target.name,
        spec={},
        linker=(),
        identity=rustc.identity,
        cfg=cfg_of,
        host=host_of(resolved, rustc, environ, place),
    )
    compiled = KernelDeclaration(
        name=f"{declaration.name}/loader.elf", manifest=resolved.package.manifest, bin=BINARY,
        features=resolved.selection.features, default_features=True, profile="release", rustflags=(), alloc=False,
        where=declaration.where,
    )  # fmt: skip
    return Layout(compiled, resolved, tools, place, ())


def _compiled(action: Action, objects: str, config: str, label: str) -> Action:
    """ACTION, which compiles and links the loader, without the link: the objects that rustc would link go to OBJECTS.

    So they are made once for all images, and are those of `cargo build`, which `--emit=obj` would not give.
    """
    directory = objects.rpartition("/")[0]
    dep_info = f"{directory}/loader.d"
    moved = ("--emit=", "--out-dir=", f"-Clink-arg=--dependency-file={OUT}/{LINK_INFO}")
    argv = [word for word in action.argv if not word.startswith(moved)]
    argv += [f"--emit=dep-info={OUT}/loader.d,link", f"--out-dir={objects}", "-Zno-link"]
    return action._replace(
        step="loader",
        label=label,
        argv=tuple(argv),
        inputs=(*action.inputs, Input(config)),
        outputs=(dep_info, f"{objects}/"),
        env=tuple(sorted((*action.env, ("OUT_DIR", f"{ROOT}/{os.path.dirname(config)}")))),
        dep_info=dep_info,
        link_info=None,
        external=False,
    )


def _libraries(layout: Layout) -> list[str]:
    """The crates of the loader for the linker, each before those that it uses, as rustc would name them."""
    graph = layout.resolved.graph
    (root,) = graph.roots
    used = set(graph.crates_used_by(root))
    order = [index for index in graph.users_first() if index in used and not graph.units[index].is_for_host]
    return [layout.files.produced(index).results[0] for index in order]


def _link(spec: Mapping[str, Any], folder: str) -> tuple[str, tuple[str, ...]]:
    """The linker script that SPEC names in the package's FOLDER, and its other options for the linker."""
    words = [str(word) for word in next(iter(spec.get("pre-link-args", {}).values()), [])]
    scripts = [word.removeprefix(SCRIPT) for word in words if word.startswith(SCRIPT)]
    if len(scripts) != 1:
        raise FaultError("its target spec does not name one linker script, so that it cannot be linked here.")
    return f"{folder}/{scripts[0]}", tuple(word for word in words if not word.startswith(SCRIPT))
