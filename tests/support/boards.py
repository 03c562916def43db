"""A machine in QEMU for one boot: an image on some disk, what it says on COM1, and what its text screen shows."""

from __future__ import annotations

import json
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TIME_LIMIT = 120.0  # seconds for a boot; one takes well under a second, on a busy machine and from IDE many
PATIENCE = 0.01
ENDED_BY_KERNEL = 33  # QEMU's status after a kernel wrote 0x10 to the port of isa-debug-exit
SCREEN = 0xB8000
COLUMNS, ROWS = 80, 25

DISKS = {
    "virtio": ("-device", "virtio-blk-pci,drive=image,bootindex=0"),
    "ide": ("-device", "ide-hd,drive=image,bootindex=0"),
    "ahci": ("-machine", "q35", "-device", "ide-hd,drive=image,bus=ide.0,bootindex=0"),
    "nvme": ("-device", "nvme,drive=image,serial=1,bootindex=0"),
    "usb": ("-device", "qemu-xhci", "-device", "usb-storage,drive=image,bootindex=0"),
}


@dataclass(frozen=True)
class Cell:
    """A character on the text screen and its colour byte."""

    character: str
    colour: int


@dataclass(frozen=True)
class Boot:
    """What is left of a boot: QEMU's status (None: ended by us), COM1's lines, the screen's lines, the fault log."""

    status: int | None
    serial: tuple[str, ...]
    screen: tuple[str, ...]
    cells: tuple[Cell, ...]
    log: str
    seconds: float

    def said(self, words: str) -> bool:
        """Whether WORDS stand both on COM1 and, however its lines are broken, on the screen."""
        return words in "\n".join(self.serial) and words in "".join(self.screen)


Wanted = Callable[["Machine"], bool]


class Machine:
    """A running QEMU; a context manager that ends the process it started."""

    def __init__(self, image: Path, disk: str = "virtio", *options: str, vga: str = "std", log_faults: bool = False):
        self._folder = tempfile.TemporaryDirectory(prefix="osimage-boot-")
        folder = Path(self._folder.name)
        self._serial, self._monitor, self._log = folder / "serial", folder / "monitor", folder / "log"
        self._memory = folder / "memory"
        self._argv = [
            "qemu-system-x86_64", "-accel", "tcg", "-display", "none", "-nodefaults", "-no-user-config", "-no-reboot",
            "-vga", vga, "-serial", f"file:{self._serial}", "-qmp", f"unix:{self._monitor},server=on,wait=off",
            "-device", "isa-debug-exit,iobase=0xf4,iosize=4",
            "-drive", f"file={image},format=raw,if=none,id=image,snapshot=on", *DISKS[disk], *options,
        ]  # fmt: skip
        if log_faults:
            self._argv += ["-d", "int", "-D", str(self._log)]

    def __enter__(self) -> Machine:
        self._process = subprocess.Popen(self._argv, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.started = time.monotonic()
        self._qmp = self._connect()
        return self

    def __exit__(self, *_: object) -> None:
        self._qmp.close()
        self._process.kill()
        self._process.communicate()
        self._folder.cleanup()

    def status(self) -> int | None:
        """QEMU's exit status, or None while it runs."""
        return self._process.poll()

    def serial(self) -> str:
        """Everything that COM1 sent."""
        try:
            return self._serial.read_bytes().decode("utf-8", "replace")
        except FileNotFoundError:
            return ""

    def log(self) -> str:
        """QEMU's log of exceptions."""
        return self._log.read_text(encoding="ascii", errors="replace") if self._log.exists() else ""

    def memory(self, address: int, size: int) -> bytes:
        """SIZE bytes of physical memory."""
        self._command("pmemsave", val=address, size=size, filename=str(self._memory))
        return self._memory.read_bytes()

    def cells(self) -> tuple[Cell, ...]:
        """The text screen, row by row."""
        shown = self.memory(SCREEN, COLUMNS * ROWS * 2)
        return tuple(Cell(chr(shown[at] or 32), shown[at + 1]) for at in range(0, len(shown), 2))

    def registers(self) -> str:
        """The processor's registers as QEMU's monitor shows them."""
        return str(self._command("human-monitor-command", **{"command-line": "info registers"}))

    def picture(self, path: Path) -> None:
        """Write the screen to PATH as a PNG."""
        self._command("screendump", filename=str(path), format="png")

    def _connect(self) -> socket.socket:
        while self._process.poll() is None and time.monotonic() - self.started < TIME_LIMIT:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                connection.connect(str(self._monitor))
            except OSError:
                connection.close()
                time.sleep(PATIENCE / 2)
                continue
            self._stream = connection.makefile("rb")
            self._stream.readline()  # the greeting
            self._qmp = connection
            self._command("qmp_capabilities")
            return connection
        self._process.kill()
        raise AssertionError(f"QEMU did not start: {self._process.communicate()[1].decode()}")

    def _command(self, name: str, **arguments: object) -> Any:
        self._qmp.sendall(json.dumps({"execute": name, "arguments": arguments}).encode() + b"\n")
        while True:
            answer = json.loads(self._stream.readline() or b'{"error": "QEMU ended"}')
            if "error" in answer:
                raise ConnectionError(str(answer["error"]))
            if "return" in answer:
                return answer["return"]


def boot(image: Path, until: Wanted, disk: str = "virtio", *options: str, vga: str = "std", log_faults: bool = False,
         time_limit: float = TIME_LIMIT) -> Boot:  # fmt: skip
    """Boot IMAGE and look on until UNTIL holds, QEMU ends, or TIME_LIMIT (seconds) is over.

    Raises:
        AssertionError: neither happened in time; with what was on COM1 and on the screen.
    """
    with Machine(image, disk, *options, vga=vga, log_faults=log_faults) as machine:
        cells: tuple[Cell, ...] = ()
        while machine.status() is None:
            try:
                if until(machine):
                    cells = machine.cells()
                    break
            except (ConnectionError, OSError):
                continue  # it ended meanwhile
            if time.monotonic() - machine.started > time_limit:
                raise AssertionError(
                    f"nothing in {time_limit} s; COM1: {machine.serial()!r}; screen: {_lines(machine.cells())}"
                )
            time.sleep(PATIENCE)
        seconds = time.monotonic() - machine.started
        serial = tuple(line for line in machine.serial().replace("\r", "").split("\n") if line)
        return Boot(machine.status(), serial, _lines(cells), cells, machine.log(), seconds)


def halted(words: str = "osimage: ") -> Wanted:
    """Whether COM1 has WORDS in a line that is complete, and nothing came after for a moment."""
    seen: list[tuple[str, float]] = []

    def check(machine: Machine) -> bool:
        text = machine.serial()
        if not seen or seen[-1][0] != text:
            seen.append((text, time.monotonic()))
        return words in text and text.endswith("\n") and time.monotonic() - seen[-1][1] > 0.15

    return check


def ended(machine: Machine) -> bool:
    """Never: for kernels that end QEMU themselves."""
    return False


def shows(words: str) -> Wanted:
    """Whether a line of the text screen holds WORDS."""
    return lambda machine: any(words in line for line in _lines(machine.cells()))


def _lines(cells: tuple[Cell, ...]) -> tuple[str, ...]:
    text = "".join(cell.character for cell in cells)
    return tuple(text[at : at + COLUMNS] for at in range(0, len(text), COLUMNS))
