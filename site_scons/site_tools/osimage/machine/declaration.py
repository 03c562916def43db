"""Machines: what a person says of one, checked before anything is built."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ..errors import DeclarationError, StepError, Where, did_you_mean

DISKS = ("virtio", "ide")
SERIAL_LINES = ("stdio", "none")
SMALLEST_MEMORY = 2 << 20  # with less, the firmware does not get as far as the disk

_UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


class MachineDeclaration(NamedTuple):
    """A machine that boots an image in QEMU.

    `image` is a path relative to the project root. `serial` is "stdio", "none", or such a path for a file that takes
    what the kernel sends. `qemu_args` are the person's own arguments; they come last on the command line.
    """

    name: str
    image: str
    where: Where
    memory: str = "128M"
    disk: str = "virtio"
    qemu_args: tuple[str, ...] = ()
    serial: str = "stdio"


def declare_machine(
    *,
    name: object,
    image: str,
    where: Where,
    memory: object = "128M",
    disk: object = "virtio",
    qemu_args: object = (),
    serial: object = "stdio",
) -> MachineDeclaration:
    """The machine that a call describes. QEMU_ARGS may be a list of texts, or one text as a shell would read it.

    Raises:
        DeclarationError: all that is wrong, at once.
    """
    arguments: tuple[str, ...] = ()
    faults = [*_name_faults(name), *_memory_faults(memory), *_disk_faults(disk), *_serial_faults(serial)]
    try:
        arguments = _arguments(qemu_args)
        faults += [f"qemu_args= {fault}" for fault in argument_faults(arguments)]
    except StepError as error:
        faults.append(str(error))
    if faults:
        raise DeclarationError(where, faults)
    return MachineDeclaration(str(name), image, where, str(memory), str(disk), arguments, str(serial))


def split_arguments(setting: str, text: str) -> tuple[str, ...]:
    """TEXT, the value of SETTING, as a shell would split it.

    Raises:
        StepError: a quotation is not closed, or an argument is refused.
    """
    import shlex

    try:
        arguments = tuple(shlex.split(text))
    except ValueError as error:
        what = "ends with a lone backslash" if "escaped" in str(error) else "has a quotation mark without its partner"
        raise StepError(f"{setting}={text} {what}.") from error
    faults = list(argument_faults(arguments))
    if faults:
        raise StepError("\n".join(f"{setting}= {fault}" for fault in faults))
    return arguments


def argument_faults(arguments: Sequence[str]) -> Iterator[str]:
    """What is wrong with ARGUMENTS for QEMU, each as the rest of a sentence."""
    for argument in arguments:
        option, _, rest = argument.partition(" ")
        if option.startswith("-") and rest:
            yield f"has '{argument}' as one argument. Write '{option}', '{rest.strip()}'."
        if option.lstrip("-") == "daemonize" and option.startswith("-"):
            yield "has '-daemonize', which would leave QEMU running unseen. Leave it out."


def size_of(memory: str) -> int | None:
    """The bytes that MEMORY ("128M") means, or None where it is no size."""
    found = re.fullmatch(r"(\d+)([KMGT])", memory, re.IGNORECASE)
    return int(found[1]) * _UNITS[found[2].upper()] if found else None


def _arguments(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return split_arguments("qemu_args", value)
    if isinstance(value, Sequence) and all(isinstance(item, str) for item in value):
        return tuple(value)
    raise StepError(f'qemu_args= wants texts such as ["-smp", "2"], not {value!r}.')


def _name_faults(name: object) -> Iterator[str]:
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9][\w.+-]*", name, re.ASCII):
        yield f"name= wants a word that can be typed after 'scons', not {name!r}."


def _memory_faults(memory: object) -> Iterator[str]:
    if not isinstance(memory, str):
        yield f'memory= wants a text such as "128M", not {memory!r}.'
        return
    size = size_of(memory)
    if size is not None and size < SMALLEST_MEMORY:
        yield f'memory="{memory}" is too little: the firmware alone needs "2M".'
    elif size is None:
        meant = _meant(memory)
        wants = "a number with the unit K, M, G or T"
        yield f'memory="{memory}" wants {wants}' + (f'. Did you mean "{meant}"?' if meant else ', such as "128M".')


def _meant(memory: str) -> str:
    """The size that somebody who wrote MEMORY meant (`128`, `128 MiB`, `1.5G`), or an empty text."""
    found = re.fullmatch(r"\s*(\d+)(?:\.(\d+))?\s*(?:([KMGT])i?)?(?:B|bytes?)?\s*", memory, re.IGNORECASE)
    if not found:
        return ""
    whole, fraction, unit = found[1], found[2], (found[3] or "M").upper()
    if not fraction:
        return f"{whole}{unit}"
    smaller = {"M": "K", "G": "M", "T": "G"}.get(unit)
    scaled = round(float(f"{whole}.{fraction}") * 1024)
    return f"{scaled}{smaller}" if smaller else ""


def _disk_faults(disk: object) -> Iterator[str]:
    if disk not in DISKS:
        guess = did_you_mean(disk, DISKS) if isinstance(disk, str) else ""
        yield f'disk= wants "virtio" or "ide", not {disk!r}.{guess}'


def _serial_faults(serial: object) -> Iterator[str]:
    if not isinstance(serial, str):
        yield f'serial= wants "stdio", "none" or the name of a file, not {serial!r}.'
    elif serial not in SERIAL_LINES and not set("./") & set(serial):
        guess = did_you_mean(serial, SERIAL_LINES)
        yield f'serial= wants "stdio", "none" or a file such as "build/serial.log", not {serial!r}.{guess}'
