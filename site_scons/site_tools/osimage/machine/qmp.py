"""QEMU's monitor protocol: JSON objects, one a line, over a connected socket (QEMU's qmp-spec)."""

from __future__ import annotations

import json
from typing import Any, NamedTuple


class Failure(NamedTuple):
    """QEMU's answer to a command that it could not do."""

    description: str


class Protocol:
    """One end of QMP without its transport: bytes in, messages kept; commands out, as bytes."""

    def __init__(self) -> None:
        self.version = ""  # of QEMU, known once it has greeted
        self.events: list[dict[str, Any]] = []
        self._answers: dict[int, Any] = {}
        self._rest = b""
        self._serial = 0

    def feed(self, data: bytes) -> None:
        """Take DATA, as it came."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if line.strip():
                self._take(json.loads(line))

    def command(self, name: str, arguments: dict[str, Any]) -> tuple[int, bytes]:
        """The number that the answer to NAME will have, and what to send."""
        self._serial += 1
        message = {"execute": name, "arguments": arguments, "id": self._serial}
        return self._serial, json.dumps(message).encode() + b"\n"

    def answered(self, number: int) -> bool:
        """Whether the answer to command NUMBER is there."""
        return number in self._answers

    def answer(self, number: int) -> Any:
        """The answer to command NUMBER, a Failure where QEMU could not do it; it can be taken once."""
        return self._answers.pop(number)

    def shutdown_reasons(self) -> tuple[str, ...]:
        """The reasons of the SHUTDOWN events so far."""
        return tuple(event["data"].get("reason", "") for event in self.events if event["event"] == "SHUTDOWN")

    def _take(self, message: dict[str, Any]) -> None:
        if "QMP" in message:
            numbers = message["QMP"]["version"]["qemu"]
            self.version = f"{numbers['major']}.{numbers['minor']}.{numbers['micro']}"
        elif "event" in message:
            self.events.append(message)
        elif "error" in message:
            self._answers[message.get("id", 0)] = Failure(message["error"].get("desc", "it did not say why"))
        else:
            self._answers[message.get("id", 0)] = message["return"]
