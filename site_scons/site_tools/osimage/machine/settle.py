"""When the screen of a machine is the kernel's and has come to rest: a pure rule over what was seen.

The firmware writes to the same screen, so its text must not be taken for the kernel's. A busy host may leave QEMU no
time, so quiet counts only while the machine sleeps or has used processor time.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import NamedTuple

from . import screen
from .cpu import Processors

# What SeaBIOS and its network boot ROM leave on the screen when nobody clears it.
_FIRMWARE = re.compile(r"^(SeaBIOS \(version |iPXE \(http|Booting from (Hard Disk|DVD/CD|Floppy|ROM)\.\.\.)")
_ALSO_FIRMWARE = re.compile(r"^(Machine UUID |Press |iPXE |Boot failed|Booting from |\s*$)")
# What osimage's loader shows of a large kernel, and how it begins to say why it stopped, or why the kernel did.
_LOADING = re.compile(r"^Loading the kernel: \d+ of \d+ MiB")
_STOPPED = re.compile(r"^osimage: (.*)")
_NOTHING_TO_BOOT = re.compile(r"^(No bootable device|Boot failed: not a bootable disk)")


class Sight(NamedTuple):
    """What was seen of a machine at one moment."""

    at: float  # seconds since the machine was started
    used: float  # seconds of processor time that QEMU has used
    memory: bytes  # the text screen
    serial: int  # bytes received so far
    processors: Processors


class Patience(NamedTuple):
    """How long, in seconds, nothing may change before the screen counts as settled, and when to stop waiting."""

    resting: float = 0.3  # the kernel's text is there and the processor does nothing any more
    busy: float = 1.5  # the text is there, the processor computes
    empty: float = 1.0  # no text, the processor does nothing
    starting: float = 3.0  # neither: firmware or boot sector, waiting in the processor modes of the BIOS
    limit: float = 5.0  # from the kernel's first sign
    start_limit: float = 30.0  # from the start, or the last sign of loading, where no sign of the kernel comes


class Rest(Enum):
    """How the waiting ended."""

    SETTLED = "the screen is the kernel's and at rest"
    CHANGING = "the kernel was still busy at the limit"
    NOT_SEEN = "no sign of the kernel came"
    STOPPED = "osimage's loader stopped the machine and says why"
    NOT_BOOTABLE = "the firmware found nothing to boot"


class Watch(NamedTuple):
    """What is to be remembered of all sights so far; `step` takes the next one."""

    patience: Patience = Patience()
    last: Sight | None = None
    changed: Sight | None = None  # since then screen and serial line are the same
    moved: Sight | None = None  # since then the processors' registers are the same too
    firmware_seen: bool = False
    firmware_left: bytes = b""  # the screen when the processor was last seen outside long mode
    kernel_since: float | None = None
    rest: Rest | None = None

    def step(self, sight: Sight) -> Watch:
        """The watch after SIGHT; `rest` says whether the waiting is over."""
        last = self.last or sight
        same = sight.memory == last.memory and sight.serial == last.serial
        asleep = sight.processors.halted and last.processors.halted
        still = same and (asleep or sight.processors.registers == last.processors.registers)
        now = self._replace(
            last=sight,
            changed=self.changed if self.changed and same else sight,
            moved=self.moved if self.moved and still else sight,
            firmware_seen=self.firmware_seen or is_firmware(sight.memory),
            firmware_left=self.firmware_left if sight.processors.long_mode else sight.memory,
        )
        if _first_match(_LOADING, sight.memory):
            now = now._replace(kernel_since=None)
        elif now.kernel_since is None and now._kernel_shows(sight, self.last):
            now = now._replace(kernel_since=sight.at)
        return now._replace(rest=now._judge(sight))

    def _kernel_shows(self, sight: Sight, before: Sight | None) -> bool:
        """Whether screen or serial line have something of the kernel, or at least nothing of the firmware any more.

        The screen is read before the processors, which may reach long mode in between: the sight BEFORE has to have
        them there too.
        """
        long_mode = before is not None and before.processors.long_mode and sight.processors.long_mode
        if is_firmware(sight.memory):
            # The firmware may have written between the last sight outside long mode and now, but not such rows.
            written = sight.memory != self.firmware_left and has_other_rows(sight.memory)
            return long_mode and (written or sight.serial > 0)
        # A blank screen may also be one that the firmware has not yet begun to use, or was too quick to be seen on.
        in_ram = before is not None and before.processors.in_ram and sight.processors.in_ram
        return self.firmware_seen or long_mode or in_ram or not screen.is_blank(sight.memory)

    def _judge(self, sight: Sight) -> Rest | None:
        if _quiet(self.moved, sight) >= self.patience.resting and is_not_bootable(sight.memory):
            return Rest.NOT_BOOTABLE
        if sight.processors.dead and self.moved is not sight:  # twice: the screen is read before the processors
            return Rest.STOPPED if reason(sight.memory) else Rest.SETTLED
        shows = self.kernel_since is not None
        has_text = shows and not screen.is_blank(sight.memory)
        if has_text:
            needed = self.patience.resting
        else:
            needed = self.patience.empty if shows or sight.processors.long_mode else self.patience.starting
        busy_for = _quiet(self.changed, sight) if has_text else 0.0
        if _quiet(self.moved, sight) >= needed or busy_for >= self.patience.busy:
            return Rest.SETTLED if shows else Rest.NOT_SEEN
        if self.kernel_since is not None and sight.at - self.kernel_since >= self.patience.limit:
            return Rest.CHANGING
        loading_since = self.changed.at if self.changed and _first_match(_LOADING, sight.memory) else 0.0
        return Rest.NOT_SEEN if not shows and sight.at - loading_since >= self.patience.start_limit else None


def is_firmware(memory: bytes) -> bool:
    """Whether the text screen MEMORY still has lines of the firmware."""
    return _first_match(_FIRMWARE, memory)


def has_other_rows(memory: bytes) -> bool:
    """Whether the text screen MEMORY has rows, or overwritten ones, that the firmware has not written."""
    return any(not _FIRMWARE.match(row) and not _ALSO_FIRMWARE.match(row) for row in _rows(memory))


def is_not_bootable(memory: bytes) -> bool:
    """Whether the text screen MEMORY says that the firmware found nothing to boot."""
    return _first_match(_NOTHING_TO_BOOT, memory)


def reason(memory: bytes) -> str:
    """Why osimage's loader stopped the machine, from the text screen MEMORY; empty where it does not say."""
    said: list[str] = []
    for row in _rows(memory):
        begins = _STOPPED.match(row)
        if begins:
            said.append(begins[1])
        elif said and row.strip():
            said[-1] += row  # a row that is full goes on in the next
        elif said:
            break
    return "; ".join(" ".join(sentence.split()) for sentence in said)


def _first_match(pattern: re.Pattern[str], memory: bytes) -> bool:
    return any(pattern.match(row) for row in _rows(memory))


def _rows(memory: bytes) -> list[str]:
    text = memory[::2].decode("cp437")
    return [text[i : i + screen.COLUMNS] for i in range(0, len(text), screen.COLUMNS)]


def _quiet(since: Sight | None, now: Sight) -> float:
    """Seconds without change since SINCE, of which a machine that does not sleep must have been running half."""
    if since is None:
        return 0.0
    waited = now.at - since.at
    return waited if now.processors.halted else min(waited, 2 * (now.used - since.used))
