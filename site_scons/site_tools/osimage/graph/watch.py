"""Whether a step's inputs were edited while it ran: then nobody knows which content its outputs come from."""

from __future__ import annotations

import time
from collections.abc import Iterator

from ..action import Action
from ..cache.files import scan
from ..cache.readset import ReadSet
from .keys import CLOCK_MARGIN_NS, Today
from .record import Stat
from .sources import others, package_files


class Watch:
    """The state of ACTION's inputs when it begins; BEFORE is what its last run read, where that is known."""

    def __init__(self, action: Action, before: ReadSet | None, today: Today) -> None:
        self._action = action
        self._today = today
        self._stats = {path: Stat.of(path) for path in (*self._sources(), *(before.files if before else ()))}
        self._listings = dict(self._trees())
        self._began_ns = time.time_ns()
        youngest = max((stat.ctime_ns for stat in self._stats.values() if stat is not None), default=0)
        if 0 <= self._began_ns - youngest < CLOCK_MARGIN_NS:
            time.sleep(CLOCK_MARGIN_NS / 1e9)  # so that a later write gets another time

    def changed(self, read: ReadSet | None) -> str | None:
        """The first of the inputs, among them what was READ, that is not what it was when the step began; or None."""
        files = read.files if read else ()
        inputs = (entry.path for entry in self._action.inputs if entry.kind == "file")
        for path in (*inputs, *files):
            if self._is_changed(path):
                return path
        new = set(self._sources()).difference(self._stats)
        for path in (*others(files), *(path for path in new if path.endswith(".rs"))):
            if self._is_young(path):
                return path
        now = dict(self._trees())
        return next((path for path, listing in self._listings.items() if now[path] != listing), None)

    def _is_changed(self, path: str) -> bool:
        made = self._today.output(path)
        if made is not None:
            return Stat.of(path) != made.stat
        if path in self._stats:
            return Stat.of(path) != self._stats[path]
        return self._is_young(path, absent=True)

    def _is_young(self, path: str, absent: bool = False) -> bool:
        """Whether PATH may have been written since the step began; ABSENT is the answer where it is not there."""
        stat = Stat.of(path)
        return absent if stat is None else stat.ctime_ns >= self._began_ns - CLOCK_MARGIN_NS

    def _sources(self) -> Iterator[str]:
        for entry in self._action.inputs:
            if entry.kind == "file" and self._today.output(entry.path) is None:
                yield entry.path
            elif entry.kind == "package":
                yield from package_files(".", entry.path)

    def _trees(self) -> Iterator[tuple[str, object]]:
        return ((entry.path, scan(entry.path)) for entry in self._action.inputs if entry.kind == "tree")
