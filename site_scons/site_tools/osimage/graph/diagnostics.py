"""rustc's diagnostics: from the JSON lines it writes to the words a person reads."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

ANSI = re.compile(r"\x1b\[[0-9;]*m")


def rendered(stderr: str, colour: bool) -> str:
    """The text of STDERR, rustc's output under `--error-format=json`, as rustc itself would print it.

    Lines that are not JSON (a linker's or a crash's words) pass unchanged; notices of written artifacts are dropped.
    """
    parts = []
    for line, message in messages(stderr):
        if message is None:
            parts.append(line + "\n")
        elif message.get("$message_type", "diagnostic") == "diagnostic" and not _is_summary(message):
            parts.append(message.get("rendered") or "")
    text = "".join(parts)
    return text if colour else ANSI.sub("", text)


def messages(stderr: str) -> Iterator[tuple[str, dict[str, Any] | None]]:
    """Each line of STDERR with what it says, or with None where it is no JSON object."""
    for line in stderr.splitlines():
        if line.startswith("{"):
            try:
                yield line, json.loads(line)
                continue
            except ValueError:
                pass
        yield line, None


def unplaced(stderr: str) -> str:
    """What STDERR says of no place in a source: of files, the linker, the machine."""
    said = []
    for line, message in messages(stderr):
        if message is None:
            said.append(line)
        elif not message.get("spans"):
            said += [message.get("message", ""), *(child.get("message", "") for child in message.get("children", ()))]
    return "\n".join(said)


def warnings_only(stderr: str) -> str:
    """The lines of STDERR worth keeping with a result: the diagnostics, without the notices of written artifacts."""
    kept = [line for line, message in messages(stderr) if message is None or message.get("rendered")]
    return "".join(f"{line}\n" for line in kept)


def _is_summary(message: dict[str, Any]) -> bool:
    """Whether this is one of rustc's closing lines ("aborting due to…", "1 warning emitted"), which repeat the rest."""
    text = message.get("message", "")
    return not message.get("spans") and (text.startswith("aborting due to") or text.endswith(("emitted", "emitted\n")))
