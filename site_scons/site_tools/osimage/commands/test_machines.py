"""The machines of `scons test` at work: as many at once as there may be, their results as they come."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ..errors import StepError
from ..graph.verdict import Trial
from ..machine.boot_test import Interrupted, boot
from ..machine.results import Result
from ..machine.transcript import Transcript

if TYPE_CHECKING:
    from .test_board import Board

ATTENTION_S = 0.25


class Machines:
    """Boots TRIALS in QEMU, JOBS at once; STOP is asked whether to end early."""

    def __init__(
        self, trials: Sequence[Trial], jobs: int, qemu_path: str, environ: Mapping[str, str], stop: Callable[[], bool]
    ) -> None:
        self._qemu_path, self._environ, self._stop = qemu_path, environ, stop
        self._waiting: queue.SimpleQueue[Trial] = queue.SimpleQueue()
        self._ended: queue.SimpleQueue[tuple[Trial, Result | BaseException]] = queue.SimpleQueue()
        self._count = len(trials)
        self._broken = False
        self.running: dict[str, Transcript] = {}
        for trial in trials:
            self._waiting.put(trial)
        self._threads = [threading.Thread(target=self._work) for _ in range(min(jobs, self._count))]

    def results(self, board: Board) -> Iterator[tuple[Trial, Result]]:
        """Each trial with its result, in the order in which they end; BOARD is shown what runs meanwhile.

        Raises:
            StepError: STOP said so.
            OSError: a log could not be written.
        """
        for thread in self._threads:
            thread.start()
        try:
            for _ in range(self._count):
                trial, result = self._next(board)
                if isinstance(result, Interrupted):
                    raise StepError("interrupted") from result
                if isinstance(result, BaseException):
                    raise result
                yield trial, result
        finally:
            self._broken = True
            for thread in self._threads:
                thread.join()

    def _next(self, board: Board) -> tuple[Trial, Result | BaseException]:
        while True:
            try:
                return self._ended.get(timeout=ATTENTION_S)
            except queue.Empty:
                board.show(dict(self.running))

    def _work(self) -> None:
        """Boot what waits, one after another. QEMU dies with the thread that started it, so this one stays."""
        while not self._is_over():
            try:
                trial = self._waiting.get_nowait()
            except queue.Empty:
                return
            name = trial.action.label
            transcript = self.running[name] = Transcript()
            try:
                result = boot(
                    name, trial.action.argv, qemu_path=self._qemu_path, log=trial.action.outputs[1],
                    environ=self._environ, stop=self._is_over, transcript=transcript,
                )  # fmt: skip
                self._ended.put((trial, result))
            except BaseException as error:  # told by the thread that waits for it
                self._ended.put((trial, error))
            finally:
                del self.running[name]

    def _is_over(self) -> bool:
        return self._broken or self._stop()
