"""What `env.CargoProject` found in a project, apart from what finds it: an unchanged build loads no more than this."""

from __future__ import annotations

from typing import NamedTuple

from .bootimage import Bootimage, machine


class CargoProject(NamedTuple):
    """The kernel of a Cargo project: its package, and what it is built for.

    `manifest` and `specification`, a target's JSON file (None for the built-in `target`), are relative to the project
    root. `bins` are the binaries that become images, none where there are only tests; `default` the one of them that
    `run` boots, None where nobody chose; `named` the one that the declaration names, if it does. `alloc` says whether
    the kernel has that crate, `lto` whether a profile optimises at link time.
    """

    manifest: str
    bins: tuple[str, ...]
    default: str | None
    named: str | None
    target: str
    specification: str | None
    alloc: bool
    lto: bool
    settings: Bootimage

    @property
    def machine(self) -> tuple[str, tuple[str, ...]]:
        """How `run-command` attaches the disk, and what else it gives to QEMU."""
        disk, arguments, _ = machine(self.settings.run_command)
        return disk, arguments
