"""QEMU's command line: a pure function of the machine, the person's own arguments and how it is looked at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from .declaration import MachineDeclaration

DEFAULT_ACCELERATOR = "tcg"


class Wishes(NamedTuple):
    """What a person's own arguments decide, so that ours must not."""

    accelerator: str = ""
    display: str = ""  # what `-display` or its like names; empty where nothing does
    memory: str = ""
    serial: bool = False
    monitor: bool = False
    nographic: bool = False
    terminal: bool = False  # something of QEMU's is to use the terminal
    debugger: bool = False  # the machine waits for a debugger, or may at any time


def wishes(arguments: Sequence[str]) -> Wishes:
    """What ARGUMENTS, the person's own, decide."""
    found = Wishes()
    for option, value in _options(arguments):
        if option == "accel":
            found = found._replace(accelerator=value.partition(",")[0])
        elif option == "enable-kvm":
            found = found._replace(accelerator="kvm")
        elif option in ("machine", "M"):
            named = [part.partition("=")[2] for part in value.split(",") if part.startswith("accel=")]
            found = found._replace(accelerator=named[-1] if named else found.accelerator)
        elif option in ("display", "vnc", "spice", "curses", "nographic", "sdl"):
            shown = {"display": value, "nographic": "none"}.get(option, option)
            found = found._replace(display=shown.partition(",")[0], nographic=found.nographic or option == "nographic")
        elif option == "m":
            found = found._replace(memory=value.partition(",")[0].removeprefix("size="))
        elif option in ("S", "s", "gdb"):
            found = found._replace(debugger=True)
        elif option == "serial":
            found = found._replace(serial=True)
        elif option in ("monitor", "mon"):
            found = found._replace(monitor=True)
        # `stdio` may stand in -serial, -monitor, -qmp, -chardev, -gdb.
        if option in ("curses", "nographic") or "stdio" in value.replace(":", ",").split(",") or value == "curses":
            found = found._replace(terminal=True)
    return found


def command_line(
    machine: MachineDeclaration, qemu_path: str, own: Sequence[str], display: str = "none", *, reboot: bool = False
) -> tuple[str, ...]:
    """The command that starts MACHINE, stopped; the channels of `channels` are to be added.

    OWN are all the person's arguments, the machine's and those of `QEMU_ARGS=`: they come last and win. DISPLAY is what
    `-display` gets. With REBOOT a reset starts the machine again instead of ending it. Writes to the disk go to a
    temporary file that QEMU has already unlinked, never to the image.
    """
    wish = wishes(own)
    argv = [qemu_path, "-name", escape(_base_name(machine.image)), "-m", machine.memory]
    if not wish.accelerator:
        argv += ["-accel", DEFAULT_ACCELERATOR]
    argv += _disk(machine)
    if not wish.display:
        argv += ["-display", display]
    if not reboot:
        argv.append("-no-reboot")  # a reset ends the machine
    argv.append("-no-shutdown")  # an ended machine stays, stopped, until its screen and registers have been read
    if "-S" not in own:
        argv.append("-S")  # until QMP is there, so that no event is missed
    return (*argv, *own)


def channels(
    machine: MachineDeclaration, own: Sequence[str], qmp: int, serial: int, *, watched: bool = False
) -> tuple[str, ...]:
    """The arguments that connect QMP and the first serial port to the inherited sockets QMP and SERIAL.

    The serial port of a machine whose arguments OWN name one themselves is left to them. WATCHED says that a person has
    the machine's window or terminal: a QMP connection takes the monitor away that QEMU would give them, so it is named.
    """
    wish = wishes(own)
    argv = ["-chardev", f"socket,id=osimage-qmp,fd={qmp}", "-mon", "chardev=osimage-qmp,mode=control"]
    if watched and wish.nographic and not wish.serial and not wish.monitor:
        return (*argv, "-serial", "mon:stdio")
    if watched and not wish.terminal and not wish.monitor:
        argv += ["-monitor", "vc"]
    if wish.serial:
        return tuple(argv)
    if machine.serial == "none":
        return (*argv, "-serial", "none")
    if machine.serial == "stdio":
        serial_line = f"socket,id=osimage-serial,fd={serial}"
    else:
        serial_line = f"file,id=osimage-serial,path={escape(machine.serial)}"
    return (*argv, "-chardev", serial_line, "-serial", "chardev:osimage-serial")


def headline(machine: MachineDeclaration, own: Sequence[str], version: str) -> str:
    """The line that tells a person what runs: `hello.img on QEMU 7.2.22 (tcg, 128M, virtio)`."""
    wish = wishes(own)
    facts = (wish.accelerator or DEFAULT_ACCELERATOR, wish.memory or machine.memory, machine.disk)
    return f"{_base_name(machine.image)} on QEMU {version} ({', '.join(facts)})"


def escape(value: str) -> str:
    """VALUE as a part of a QEMU option, where a comma begins the next part."""
    return value.replace(",", ",,")


def _disk(machine: MachineDeclaration) -> list[str]:
    # With a slash in front of any colon, QEMU does not take the name for a protocol (`nbd:`).
    path = machine.image if machine.image.startswith("/") else f"./{machine.image}"
    drive = f"if=none,id=osimage-disk,format=raw,snapshot=on,file={escape(path)}"
    device = "virtio-blk-pci" if machine.disk == "virtio" else "ide-hd"
    # Ours boots, whatever disks a person adds; `-kernel` has index 0 and still comes first.
    return ["-drive", drive, "-device", f"{device},drive=osimage-disk,bootindex=1"]


def _options(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The options in ARGUMENTS, without their dashes, each with the argument after it if that is its value."""
    for place, argument in enumerate(arguments):
        if argument.startswith("-") and argument != "-":
            after = arguments[place + 1] if place + 1 < len(arguments) else ""
            yield argument.removeprefix("-").removeprefix("-"), "" if after.startswith("-") else after


def _base_name(path: str) -> str:
    return path.rpartition("/")[2]
