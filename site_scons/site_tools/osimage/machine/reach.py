"""What a machine's command line reaches besides the image: files that it names, and what no digest covers."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator, Sequence

# Options whose value is written, not read.
_WRITTEN = frozenset({"D", "pidfile", "trace", "name"})
# Options by which a machine reaches the network, devices, sockets or folders of the host.
_OUTSIDE = frozenset({"netdev", "nic", "net", "virtfs", "fsdev", "usbdevice", "incoming", "loadvm", "L", "readconfig"})
_OUTSIDE_VALUES = ("fat:", "vfio-", "usb-host", "socket,", "udp", "tcp:", "unix:", "nbd:", "http:", "https:", "ssh:")
_DEVICES_LIKE_FILES = frozenset({"/dev/null", "/dev/zero"})


def files_named(command: Sequence[str]) -> tuple[str, ...]:
    """The files that COMMAND, a QEMU command line, names: as an argument, or as a value in `key=value,key=value`."""
    values = (value for option, value in _options(command) if option not in _WRITTEN and not value.startswith("file,"))
    parts = (item.rpartition("=")[2] for value in values for item in value.split(","))
    return tuple(dict.fromkeys(posixpath.normpath(part) for part in parts if os.path.isfile(part)))


def reaches_outside(command: Sequence[str]) -> bool:
    """Whether the machine of COMMAND sees what may be another the next time, so that its end must not be remembered."""
    if any(_leads_to_another(path) for path in files_named(command)):
        return True
    for option, value in _options(command):
        if option in _OUTSIDE and value != "none":
            return True
        for item in value.split(","):
            part = item.rpartition("=")[2]
            if f"{part},".startswith(_OUTSIDE_VALUES):
                return True
            if part.startswith("/dev/") and part not in _DEVICES_LIKE_FILES:
                return True
    return False


def _leads_to_another(path: str) -> bool:
    """Whether the file PATH is a qcow2 image on top of another (QEMU's docs/interop/qcow2.txt, "Header")."""
    with open(path, "rb") as file:
        header = file.read(16)
    return header[:4] == b"QFI\xfb" and any(header[8:])


def _options(command: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The options after the program's name, without dashes, with their values; a value alone has no option's name."""
    option = ""
    for word in command[1:]:
        if word.startswith("-") and len(word) > 1:
            option = word.lstrip("-")
        else:
            yield option, word
            option = ""
    if option:
        yield option, ""
