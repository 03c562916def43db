"""What tests need to start small boot sectors in QEMU."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from boot_sectors import SECTORS
from optional import program
from osimage.errors import Where
from osimage.machine.declaration import MachineDeclaration
from osimage.machine.run import run

WHERE = Where("SConstruct", 7, "env.Machine(image)")


class Ran(NamedTuple):
    """What a run gave: the exit status and all that it printed."""

    status: int
    text: str

    @property
    def lines(self) -> list[str]:
        """The text without the headline."""
        return self.text.splitlines()[1:]


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(scope="session")
def qemu_path() -> str:
    return program("qemu-system-x86_64", "qemu-system-x86")


@pytest.fixture
def disk(tmp_path: Path) -> Callable[[str], Path]:
    """Writes the disk image of one of SECTORS and gives its path."""

    def write(name: str) -> Path:
        path = tmp_path / "a disk, really.img"
        path.write_bytes(SECTORS[name].image())
        return path

    return write


@pytest.fixture
def boot(disk: Callable[[str], Path], qemu_path: str) -> Callable[..., Ran]:
    """Runs one of SECTORS without a display; keywords go to the machine (`memory`, `disk`, `serial`) or to `run`."""

    def start(name: str, *args: str, colour: bool = False, **settings: object) -> Ran:
        given = {key: settings.pop(key) for key in ("memory", "disk", "serial") if key in settings}
        machine = MachineDeclaration("run", str(disk(name)), WHERE, qemu_args=args, **given)
        out = Terminal() if colour else io.StringIO()
        defaults = {"qemu_path": qemu_path, "display": False, "terminal": False, "environ": dict(os.environ)}
        return Ran(run(machine, out=out, **defaults | settings), out.getvalue())

    return start
