"""The disk image of one executable: the stages' Actions for it, kept as a stored plan, made without SCons."""

from __future__ import annotations

import pickle
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import chdir
from typing import TYPE_CHECKING, Any, NamedTuple

from ..action import Plan
from ..errors import DeclarationError, OsimageError, Where
from ..graph import alone
from ..graph.engine import Engine, Machine
from ..graph.plans import Entry, PlanFile, key_of
from ..graph.state import STATE
from ..own import own_digest
from ..toolchain.find import Found, find_rustc
from .executable import Executable

if TYPE_CHECKING:
    from ..boot.handover import Bootloader09
    from ..toolchain.cargo import Cargo

BUILD = "osimage"  # the folder for what is made, in cargo's target folder
TARGET = "x86_64-osimage"  # what the loader is compiled for; the kernel has its own target
WHERE = Where("", 0, "osimage runner")


class Kernel(NamedTuple):
    """What an image needs to know of a kernel: its ELF file and what it expects at its start."""

    elf: str
    handover: Bootloader09 | None


def make(executable: Executable, environ: Mapping[str, str], *, quiet: bool) -> str:
    """Make the image of EXECUTABLE, below `osimage/` in its target folder; returns its absolute path.

    QUIET prints no line of a step.

    Raises:
        OsimageError: that is impossible.
    """
    with chdir(executable.root):
        images = _Images(executable, environ)
        images.engine.console.silent = quiet
        try:
            return str(executable.root / images.make())
        finally:
            images.engine.close()


class _Images:
    """Plans and steps of the images in one target folder; the working directory is that folder."""

    def __init__(self, executable: Executable, environ: Mapping[str, str]) -> None:
        self.executable = executable
        self.environ = environ
        self.project = executable.manifest.parent
        self.found: Found = find_rustc(self.project, environ)
        self.links: dict[str, str] = {}
        self.engine = Engine(executable.root, BUILD, self._machine, self.links)
        self.plans = PlanFile(executable.root / BUILD / STATE / "plan")
        self.base_key = key_of(own_digest(), self.found.identity, self.found.places, BUILD)

    def make(self) -> str:
        """Make the image; returns its path relative to the target folder."""
        handover = self._planned(f"handover {self.executable.manifest}", (), self._handover)
        loader = self._planned("loader", (), self._loader)
        parts = (handover.key, handover.consulted, loader.key, loader.consulted)
        image = self._planned(f"image {self.executable.path}", parts, lambda: self._image(handover, loader))
        alone.make(self.engine, (*loader.actions, *image.actions), image.returns[0])
        self.plans.save()
        return image.returns[0]

    def _planned(self, name: str, parts: tuple[object, ...], plan: Callable[[], tuple[Plan, Any]]) -> Entry:
        """The plan NAME, which PARTS and our own code decide: stored, or made by PLAN."""
        key = key_of(name, parts, self.base_key)
        today = self.engine.today
        entry = self.plans.get(name, key, today.consulted)
        if entry is None:
            began_ns = time.time_ns()
            made, result = plan()
            consulted = tuple((path, today.consulted(path)) for path in made.consulted)
            returns = made.actions[-1].outputs if made.actions else ()
            entry = Entry(key, consulted, made.actions, made.links, made.notes, returns, pickle.dumps(result))
            if not any(today.was_written_since(path, began_ns) for path in made.consulted):
                self.plans.put(name, entry)
            for note in made.notes:
                print(f"osimage: {note}", file=sys.stderr)
        self.links.update(entry.links)
        return entry

    def _handover(self) -> tuple[Plan, Any]:
        """What the kernel expects at its start, by the crate `bootloader` that it depends on: None without it."""
        from ..boot import handover
        from ..crates import dependency

        manifest = str(self.executable.manifest)
        crate, consulted = dependency.ask(self._cargo(), manifest, self.environ)
        if crate is None:
            return Plan((), consulted=consulted), None
        if not crate.version.startswith("0.9."):
            raise OsimageError(
                f"{manifest} depends on bootloader {crate.version}, and osimage hands over as bootloader 0.9 does, or "
                "by its own boot information record."
            )
        found, faults = handover.read(crate.table, crate.features)
        if faults:
            raise DeclarationError(Where("", 0, manifest), faults)
        return Plan((), consulted=consulted, notes=tuple(handover.warnings(found))), found

    def _loader(self) -> tuple[Plan, Any]:
        """The loader's stages, on a core that all projects share."""
        from ..boot import plan as boot
        from ..sysroot import plan as sysroot
        from ..target import spec

        rustc = self.found.need_rustc()
        root = self.executable.root
        specified, target = spec.plan(spec.TargetSpec(TARGET, None, None, {}, WHERE), rustc, root, BUILD)
        library, made = sysroot.plan(sysroot.SysrootDeclaration("sysroot", (), WHERE, lto=False), target, rustc, BUILD)
        stages, loader = boot.plan(boot.LoaderDeclaration("bios", None, WHERE), made, rustc, root, BUILD)
        plans = (specified, library, stages)
        return (
            Plan(
                tuple(action for plan in plans for action in plan.actions),
                tuple(link for plan in plans for link in plan.links),
                tuple(name for plan in plans for name in plan.consulted),
            ),
            loader,
        )

    def _image(self, handover: Entry, loader: Entry) -> tuple[Plan, Any]:
        from ..image import plan as image

        path = self.executable.path
        kernel = Kernel(path, pickle.loads(handover.result))
        return image.plan(image.DiskDeclaration(f"{path}.img", None, WHERE), kernel, pickle.loads(loader.result), BUILD)

    def _cargo(self) -> Cargo:
        """The cargo that built the executable."""
        from ..toolchain.cargo import Cargo

        own = self.environ.get("CARGO", "")
        return Cargo(own, "") if own else self.found.need_cargo()

    def _machine(self) -> Machine:
        from ..cache.location import open_store
        from ..graph.machine import machine_of

        return machine_of(self.found, self.project, self.environ, open_store(self.environ))
