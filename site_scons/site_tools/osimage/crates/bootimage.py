"""`[package.metadata.bootimage]`: how `cargo bootimage` was told to run and test a kernel, with its own strictness."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ..errors import did_you_mean

TABLE = "[package.metadata.bootimage]"
IMAGE = "{}"  # in a run command: the path of the image
RUN_COMMAND = ("qemu-system-x86_64", "-drive", f"format=raw,file={IMAGE}")  # where none is said

# What each key wants, as a sentence goes on after "wants".
_TEXTS = "a list of texts"
_INTEGER = "an integer"
_BOOLEAN = "true or false"
KEYS = {
    "build-command": _TEXTS,
    "run-command": _TEXTS,
    "run-args": _TEXTS,
    "test-args": _TEXTS,
    "test-timeout": _INTEGER,
    "test-success-exit-code": _INTEGER,
    "test-no-reboot": _BOOLEAN,
}

# Keys of earlier versions, and what says the same today.
RETIRED = {
    "default-target": " Earlier versions of bootimage had it: leave it out, and write target under [build] in "
    ".cargo/config.toml.",
}


class Bootimage(NamedTuple):
    """The table's values, or bootimage's defaults for them."""

    build_command: tuple[str, ...] = ("build",)  # the subcommand of cargo that builds the kernel
    run_command: tuple[str, ...] = RUN_COMMAND
    run_args: tuple[str, ...] = ()  # after the run command, where the executable is no test
    test_args: tuple[str, ...] = ()  # after the run command, where it is one
    test_timeout: int = 300  # seconds
    test_success_exit_code: int | None = None
    test_no_reboot: bool = True


def read(table: object) -> tuple[Bootimage, list[str]]:
    """What TABLE says, the value of `package.metadata.bootimage` as TOML reads it, and a sentence for each fault in it.

    Keys and types are those of bootimage 0.10 (its `config.rs`); a fault leaves its key at the default.
    """
    if not isinstance(table, Mapping):
        return Bootimage(), [f"{TABLE} wants to be a table, not {_shown(table)}."]
    faults = [fault for key, value in table.items() if (fault := _fault(key, value))]
    said = {key.replace("-", "_"): _plain(value) for key, value in table.items() if not _fault(key, value)}
    return Bootimage(**said), faults


def of_manifest(manifest: Mapping[str, Any]) -> tuple[Bootimage, list[str]]:
    """What the MANIFEST of a kernel's package says, as `read`; no table is an empty one."""
    metadata = manifest.get("package", {}).get("metadata", {})
    return read(metadata.get("bootimage", {}) if isinstance(metadata, Mapping) else {})


def _fault(key: str, value: object) -> str:
    """What is wrong with VALUE for KEY, or an empty text."""
    wanted = KEYS.get(key)
    if wanted is None:
        return f"{TABLE} has no key '{key}' (it has: {', '.join(KEYS)}).{RETIRED.get(key) or did_you_mean(key, KEYS)}"
    if not _fits(value, wanted):
        return f"{TABLE}: {key} wants {wanted}, not {_shown(value)}."
    if key == "run-command" and not value:
        return f"{TABLE}: run-command is empty, and the program to run is its first text."
    if key == "test-timeout" and isinstance(value, int) and value < 0:
        return f"{TABLE}: test-timeout is {value}: it counts seconds, and must not be negative."
    return ""


def _fits(value: object, wanted: str) -> bool:
    if wanted == _TEXTS:
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    if wanted == _BOOLEAN:
        return isinstance(value, bool)
    return isinstance(value, int) and not isinstance(value, bool)


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _shown(value: object) -> str:
    """VALUE as TOML writes it where that is short, else its kind."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, value))}]"
    if isinstance(value, (str, int, float)):
        return repr(value)
    return "a table" if isinstance(value, Mapping) else "a time"


def machine(command: Sequence[str]) -> tuple[str, tuple[str, ...], list[str]]:
    """How the `run-command` COMMAND attaches the disk, what else it gives to QEMU, and what is wrong with it."""
    if tuple(command) == RUN_COMMAND:
        return "virtio", (), []  # it says nothing of the disk, and IDE through the BIOS is slow
    program, *words = command or ("",)
    if os.path.basename(program) != "qemu-system-x86_64":
        return "", (), [f"run-command starts '{program}', but osimage boots images with qemu-system-x86_64 only."]
    kept: list[str] = []
    disks = []
    for word in words:
        if "{}" not in word:
            kept.append(word)
        elif kept and kept[-1] in ("-hda", "-drive"):
            kept.pop()
            disks.append("virtio" if "if=virtio" in word.split(",") else "ide")
        else:
            disks.append("")
    if len(disks) == 1 and disks[0]:
        return disks[0], tuple(kept), []
    return "", (), ['run-command wants the image once, as in "-drive", "format=raw,file={}".']
