"""Programs that see file systems of their own, such as a disk that is full."""

from __future__ import annotations

import shutil
import subprocess

_UNSHARE = ("unshare", "--mount", "--map-root-user")
_TRIED = [*_UNSHARE, "mount", "-t", "tmpfs", "none", "/mnt"]
NO_MOUNTS = shutil.which("unshare") is None or subprocess.run(_TRIED, capture_output=True, check=False).returncode != 0


def alone(script: str, *words: str) -> list[str]:
    """The command that runs the shell SCRIPT with WORDS, the first as `$0`, in a mount namespace of its own."""
    return [*_UNSHARE, "sh", "-c", script, *words]
