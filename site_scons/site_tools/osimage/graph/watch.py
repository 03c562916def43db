"""Whether a step's inputs were edited while it ran: then nobody knows which content its outputs come from."""

from __future__ import annotations

import time

from ..action import Action
from ..cache.files import scan
from ..cache.readset import ReadSet
from .keys import CLOCK_MARGIN_NS, Today
from .record import Stat
from .sources import others, rust_names


class Watch:
    """The state of ACTION's inputs when it begins; BEFORE is what its last run read, where that is known."""

    def __init__(self, action: Action, before: ReadSet | None, today: Today) -> None:
        self._action = action
        self._today = today
        self._files = [entry.path for entry in action.inputs if entry.kind == "file"]
        self._stats = {path: Stat.of(path) for path in (*self._files, *(before.files if before else ()))}
        self._folders = self._listings()
        self._began_ns = time.time_ns() - CLOCK_MARGIN_NS

    def changed(self, read: ReadSet | None) -> str | None:
        """The first of the inputs, among them what was READ, that is not what it was when the step began; or None."""
        now_ns = time.time_ns()
        for path in (*self._files, *(read.files if read else ())):
            if self._is_changed(path, now_ns):
                return path
        for path in others(read.files if read else ()):
            stat = Stat.of(path)
            if stat is not None and stat.ctime_ns >= self._began_ns:
                return path
        listings = self._listings()
        return next((path for path, listing in self._folders.items() if listings[path] != listing), None)

    def _is_changed(self, path: str, now_ns: int) -> bool:
        stat = Stat.of(path)
        made = self._today.output(path)
        if made is not None:
            return stat != made.stat
        if stat is None or stat != self._stats.get(path, stat):
            return True
        # A file from the future (the clock was set back since) is judged by its stat, if that was seen before.
        return stat.ctime_ns >= self._began_ns and (path not in self._stats or stat.ctime_ns <= now_ns)

    def _listings(self) -> dict[str, object]:
        found: dict[str, object] = {}
        for entry in self._action.inputs:
            if entry.kind == "tree":
                found[entry.path] = scan(entry.path)
            elif entry.kind == "package":
                found[entry.path] = rust_names(".", entry.path)
        return found
