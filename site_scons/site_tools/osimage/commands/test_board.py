"""What a person sees of `scons test` while it runs: a line a test, and on a terminal how far it has come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..machine.results import Result
from ..machine.test_report import details, headline, total

if TYPE_CHECKING:
    from ..graph.console import Console
    from ..machine.transcript import Transcript


class Board:
    """Tells of the tests NAMES on CONSOLE; VERBOSE also of what passed in them."""

    def __init__(self, console: Console, names: Sequence[str], *, verbose: bool) -> None:
        self._console = console
        self._width = max(map(len, names), default=0)
        self._count = len(names)
        self.verbose = verbose
        self._told = 0
        self._handles: dict[str, int] = {}

    def tell(self, result: Result, command: str = "") -> Result:
        """Print the line of RESULT and what belongs below it, where VERBOSE first the COMMAND that booted it."""
        colour = self._console.colour
        if self.verbose:
            self._console.write(command)
        line = headline(result, self._width, colour=colour)
        if not self._console.silent:
            self._console.line("test", line)
        elif not result.passed:
            self._console.write(line)
        self._told += 1
        more = "\n".join(details(result, colour=colour, verbose=self.verbose))
        if not (self._console.silent and result.passed):
            self._console.write(more)
        return result

    def show(self, running: Mapping[str, Transcript]) -> None:
        """Let a terminal's last line say what is RUNNING, by the name of the test."""
        if not self._console.terminal:
            return
        texts = {"": f"{self._told} of {self._count} tests"}
        texts |= {name: f"{name}: {at.running}" if at.running else name for name, at in running.items()}
        for name in self._handles.keys() - texts.keys():
            self._console.forget(self._handles.pop(name))
        for name, text in texts.items():
            if name in self._handles:
                self._console.rename(self._handles[name], text)
            else:
                self._handles[name] = self._console.start("test", text)

    def end(self, results: Sequence[Result] = (), seconds: float = 0.0) -> None:
        """Take the last line away; of RESULTS, where there are any, tell how many passed."""
        for handle in self._handles.values():
            self._console.forget(handle)
        self._handles.clear()
        if results and not self._console.silent:
            self._console.write(total(results, seconds))
