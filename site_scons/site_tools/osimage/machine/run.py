"""`scons run`: a machine in QEMU's window, or its text screen printed once the kernel has settled."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from typing import TextIO

from . import messages, process, qemu
from .declaration import MachineDeclaration, split_arguments
from .job import Job
from .settle import Patience
from .show import Show

LIMIT_S = 5.0
WINDOWS = ("gtk", "sdl", "cocoa")  # in the order in which they are taken


def run(
    machine: MachineDeclaration,
    *,
    qemu_path: str,
    display: bool,
    terminal: bool,
    out: TextIO,
    environ: Mapping[str, str],
    qemu_args: str = "",
    limit_s: float = LIMIT_S,
    screenshot: str = "",
    stop: Callable[[], bool] = lambda: False,
) -> int:
    """Run MACHINE until it ends or, where nobody looks at it, until its screen has settled.

    DISPLAY and TERMINAL say whether there is one: with both, QEMU opens its window, and the serial line is on the
    terminal. Otherwise the text screen is printed LIMIT_S seconds after the kernel's first sign at the latest, and the
    machine ends. QEMU_ARGS is what `QEMU_ARGS=` says. SCREENSHOT names a PNG to write of the settled screen; with it no
    window is opened. STOP is asked now and then whether to end early: only the main thread hears of signals itself.

    Returns the exit status: 0, or 128 and the number of the signal that ended it. To be called in a thread that stays
    until it returns: QEMU dies with it.

    Raises:
        StepError: QEMU is missing, does not start or dies; the machine was reset or finds nothing to boot.
    """
    own = (*machine.qemu_args, *split_arguments("QEMU_ARGS", qemu_args))
    wish = qemu.wishes(own)
    with process.kept_terminal(), process.Interrupts() as interrupts:
        job = Job(machine, qemu_path, own, environ, Show(out, environ), interrupts, stop)
        if wish.terminal and terminal:
            return job.attend(given=True)
        if wish.debugger or wish.display not in ("", "none"):
            return job.attend(keyboard=terminal)
        note = ""
        if display and terminal and not wish.display and not screenshot:
            window = find_window(qemu_path, environ)
            if window and (status := job.open_window(window)) is not None:
                return status
            note = f"QEMU could not open a {window} window" if window else messages.NO_WINDOW
        return job.look(Patience(limit=limit_s, start_limit=6 * limit_s), screenshot, note)


def has_display(environ: Mapping[str, str]) -> bool:
    """Whether ENVIRON names a display that a window could open on."""
    return bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))


def find_window(qemu_path: str, environ: Mapping[str, str]) -> str:
    """The kind of window that this QEMU can open, or an empty text."""
    try:
        told = subprocess.run([qemu_path, "-display", "help"], env=dict(environ), stdin=subprocess.DEVNULL,
                              capture_output=True, check=False, timeout=20)  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""  # starting it will tell why
    known = told.stdout.decode(errors="replace").split()
    return next((kind for kind in WINDOWS if kind in known), "")
