"""Whether a step's inputs were edited while it ran: then nobody knows which content its outputs come from."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

from ..action import Action
from ..cache.readset import ReadSet
from .keys import CLOCK_MARGIN_NS, Today, finds_modules
from .record import Stat
from .sources import others, package_files


class Watch:
    """The state of ACTION's inputs when it begins; BEFORE is what its last run read, where that is known."""

    def __init__(self, action: Action, before: ReadSet | None, today: Today) -> None:
        self._action = action
        self._today = today
        known = before.files if before else ()
        self._stats = {path: Stat.of(path) for path in (*self._sources(), *known) if not path.endswith("/")}
        folders = (*self._trees(), *(name for name in known if name.endswith("/")))
        self._listings = {path: today.scan(path) for path in folders}
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
        new = sorted(set(self._sources()).difference(self._stats))
        if read is not None and read.everything:
            for path in (*new, *(path for path in self._stats if Stat.of(path) != self._stats[path])):
                return path
        elif finds_modules(self._action):
            for path in (*others(files), *(path for path in new if path.endswith(".rs"))):
                if self._is_young(path):
                    return path
        return next((path for path in self._trees() if self._today.scan(path) != self._listings[path]), None)

    def _is_changed(self, path: str) -> bool:
        if path.endswith("/"):
            known = path in self._listings
            return self._today.scan(path) != self._listings[path] if known else self._is_young_below(path)
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

    def _is_young_below(self, folder: str) -> bool:
        """Whether something in FOLDER may have been written, added or removed since the step began."""
        if not os.path.isdir(folder):
            return True
        for above, inner, names in os.walk(folder):
            inner[:] = [name for name in inner if not self._today.is_ours(f"{above}/{name}")]
            if any(self._is_young(path) for path in (above, *(f"{above}/{name}" for name in names))):
                return True  # by the time of a folder it is seen that a name in it was added or removed
        return False

    def _sources(self) -> Iterator[str]:
        for entry in self._action.inputs:
            if entry.kind == "file" and self._today.output(entry.path) is None:
                yield entry.path
            elif entry.kind == "package":
                yield from package_files(".", entry.path)

    def _trees(self) -> Iterator[str]:
        return (entry.path for entry in self._action.inputs if entry.kind == "tree")
