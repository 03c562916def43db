"""Work that goes on behind SCons' back once others may begin, and how many programs may run at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Work:
    """Something done in a thread of its own, a part of which may be ready before it ends."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.is_told = False  # whether SCons was told of the error
        self.moved = threading.Event()  # a part is ready, or all has ended
        self.ended = threading.Event()

    def run(self, do: Callable[[], None]) -> None:
        """DO it, and keep what goes wrong."""
        try:
            do()
        except Exception as error:
            self.error = error
        finally:
            self.ended.set()
            self.moved.set()

    def join(self) -> None:
        """Wait for the end.

        Raises:
            Exception: what went wrong.
        """
        self.ended.wait()
        if self.error is not None:
            self.is_told = True
            raise self.error


class Pipeline:
    """All such work of one build, in which JOBS programs may run at a time."""

    def __init__(self, jobs: int) -> None:
        self.pays = jobs > 1  # whether anybody could begin earlier
        self._slots = threading.BoundedSemaphore(jobs)
        self._running: list[Callable[[], int]] = []
        self._begun: list[Work] = []

    @contextmanager
    def slot(self, urgency: Callable[[], int]) -> Iterator[Callable[[], bool]]:
        """A place for a program as soon as there is one; what tells whether none of those that run is more urgent.

        URGENCY tells how many wait for it, which may change while it runs.
        """
        with self._slots:
            self._running.append(urgency)
            try:
                yield lambda: all(other() <= urgency() for other in tuple(self._running))
            finally:
                self._running.remove(urgency)

    def begin(self, work: Work, do: Callable[[], None]) -> None:
        """Let WORK be done by DO, and come back when a part of it is ready or all has ended."""
        self._begun.append(work)
        threading.Thread(target=work.run, args=(do,), daemon=True).start()
        work.moved.wait()

    def settle(self) -> list[Exception]:
        """Wait for all of it; what went wrong that SCons did not come to ask."""
        for work in self._begun:
            work.ended.wait()
        return [work.error for work in self._begun if work.error is not None and not work.is_told]
