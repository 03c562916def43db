"""Starting a program of this machine at plan time, to ask it something."""

from __future__ import annotations

import os
from collections.abc import Mapping

# Looked at after PATH: what the system's packages bring is found also where PATH leaves it out.
SYSTEM_FOLDER = "/usr/bin"

_TIME_LIMIT = 60.0  # seconds; what is asked here takes a tenth


def output_of(argv: tuple[str, ...], environ: Mapping[str, str] | None = None, cwd: str = "/") -> str:
    """What the program ARGV prints; an empty text where it cannot be started, fails or does not end."""
    import subprocess

    try:
        done = subprocess.run(argv, env=environ, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, check=False,
                              timeout=_TIME_LIMIT)  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode(errors="replace") if done.returncode == 0 else ""


def is_program(path: str) -> bool:
    """Whether PATH is a file that may be executed."""
    return os.path.isfile(path) and os.access(path, os.X_OK)


def folders_of(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The absolute folders in which programs are looked for: those of PATH, then the system's; each once."""
    folders = (folder.rstrip("/") or "/" for folder in (*environ.get("PATH", "").split(":"), SYSTEM_FOLDER))
    return tuple(dict.fromkeys(folder for folder in folders if folder.startswith("/")))
