"""Ending quickly: no interpreter teardown, which costs an unchanged build about a tenth of its time.

Leaving early is safe once SCons has written its signature database, its last act before `sys.exit`; any other way out
(an error, an interrupt) takes the slow path.
"""

from __future__ import annotations

import atexit
import os
import sys


class _EndOfBuild:
    """Stands among SCons' signature files, which are written once, when the build is over."""

    reached = False

    def write(self, sync: int = 1) -> None:
        """Note that SCons has come to writing its database."""
        self.reached = True


def leave_quickly() -> None:
    """At exit, if the build came to its end, flush and leave with SCons' status.

    Not under a debugger, a profiler or coverage, which write their results on the way out.
    """
    if sys.gettrace() is not None or sys.getprofile() is not None or "coverage" in sys.modules:
        return
    from SCons import SConsign
    from SCons.Script import Main

    end = _EndOfBuild()
    SConsign.sig_files.append(end)

    def leave() -> None:
        if end.reached:
            try:
                sys.stdout.flush()
                sys.stderr.flush()
            finally:
                os._exit(Main.exit_status or 0)

    atexit.register(leave)
