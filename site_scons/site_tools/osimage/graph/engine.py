"""Deciding about steps: whether what one made is up to date, by its record; and all that making one needs."""

from __future__ import annotations

import os
import shutil
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..action import Action
from ..cache.memo import Memo
from ..cache.readset import ReadSet
from ..errors import StepError
from .console import Console
from .keys import NOTHING_READ, Today, is_narrowed, key
from .lock import BuildLock
from .record import Output, Record, Records, Stat
from .state import STATE

if TYPE_CHECKING:
    from ..cache.store import DiskStore
    from ..toolchain.programs import Programs


class Machine(NamedTuple):
    """What running steps needs of this machine; made when the first step has to run."""

    programs: Programs
    toolchain_folder: str  # the compiler's own folder (absolute): what is read there is in its identity
    store: DiskStore | None
    verbose: bool


MachineSource = Callable[[], Machine]


class Engine:
    """Decides about and runs the steps of one project root and build folder (relative to it).

    LINKS are the sources outside the project: name below `<build>/external/` to absolute path.
    """

    def __init__(self, root: Path, build: str, machine: MachineSource, links: Mapping[str, str]) -> None:
        self.root = root
        self.build = build
        self.console = Console()
        self.state = root / build / STATE
        self.memo = Memo(self.state / "memo")
        self.today = Today(self.memo)
        self.records = Records(self.state / "records")
        self.lock = BuildLock(self.state / "lock")
        self._machine_source = machine
        self._machine: Machine | None = None
        self._links = links
        self._ready = False
        self._serial = 0
        self._guard = threading.Lock()

    @property
    def machine(self) -> Machine:
        """This machine's programs and store, found when first needed."""
        with self._guard:
            if self._machine is None:
                self._machine = self._machine_source()
            return self._machine

    def is_current(self, action: Action) -> bool:
        """Whether ACTION's outputs are those of today's inputs; its inputs must be up to date.

        Raises:
            StepError: the build folder cannot be used, or an input is missing.
        """
        self.prepare()
        record = self.records.get(action.outputs[0])
        if record is None or not record.digest or record.outputs.keys() != set(action.outputs):
            return False
        intact = self._intact(action, record)
        if intact is None:
            return False
        encoded = key(action, record.read, self.today, str(self.root))
        if encoded is None or encoded.digest.hash != record.digest:
            return False
        self.today.made(intact)
        self.show_diagnostics(action, record.stderr)
        return True

    def output_digest(self, path: str) -> str:
        """The SHA-256 (hex) of the output at PATH, empty where no step of this run made or checked it."""
        output = self.today.output(path)
        return output.hash if output else ""

    def candidates(self, action: Action) -> list[ReadSet | None]:
        """What ACTION may have read, newest first: as its record here says, then as the store's manifest says."""
        if not is_narrowed(action):
            return [None]
        record = self.records.get(action.outputs[0])
        found: list[ReadSet | None] = [record.read] if record and record.read else []
        store = self.machine.store
        base = key(action, NOTHING_READ, self.today, str(self.root))
        if store is not None and base is not None:
            found += store.read_sets(base.digest.hash)
        return list(dict.fromkeys(found))

    def prepare(self) -> None:
        """Make the build folder usable and take its lock; once a run.

        Raises:
            StepError: the folder cannot be made or written.
        """
        if self._ready:
            return
        try:
            for folder in (self.state / "records", self.state / "scratch"):
                folder.mkdir(parents=True, exist_ok=True)
            _write_once(self.root / self.build / ".gitignore", "*\n")
            _write_once(self.root / self.build / "CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55\n")
            self.lock.acquire()
            _remove_leftovers(self.state / "scratch")
            for name, target in self._links.items():
                _link(self.root / self.build / "external" / name, target)
        except OSError as error:
            raise StepError(
                f"cannot write the build folder {self.build}/: {error.strerror} ({error.filename}). "
                "Make it writable for you, or name another with BUILD_DIR."
            ) from error
        self._ready = True

    def show_diagnostics(self, action: Action, stderr: str) -> None:
        """Print what rustc said about the project's own code; what it said about other crates is theirs to fix."""
        if stderr and action.local:
            from .diagnostics import rendered

            self.console.write(rendered(stderr, self.console.colour))

    def new_scratch(self) -> Path:
        """An empty folder below the build folder (absolute), of this process alone."""
        with self._guard:
            self._serial += 1
            folder = self.state / "scratch" / f"{os.getpid()}-{self._serial}"
        folder.mkdir(parents=True)
        return folder

    def close(self) -> None:
        """Keep what was learned about files, let others build, and keep the store within its limit."""
        self.console.close()
        if self._ready:
            self.memo.save()
        if self._machine is not None and self._machine.store is not None:
            self._machine.store.finish()
            for message in self._machine.store.take_messages():
                print(f"osimage: {message}", file=sys.stderr)
        self.lock.release()
        self._ready = False

    def _intact(self, action: Action, record: Record) -> Mapping[str, Output] | None:
        """The recorded outputs where they are still there; one that was only touched is, with its stat of today."""
        outputs = dict(record.outputs)
        for path, output in record.outputs.items():
            stat = Stat.of(path)
            if stat == output.stat:
                continue
            digest = self.memo.digest(path)
            if stat is None or digest is None or digest.hash != output.hash:
                return None
            if os.access(path, os.X_OK) != output.executable:
                return None
            outputs[path] = output._replace(stat=stat)
        if outputs != record.outputs:
            self.records.put(action.outputs[0], record._replace(outputs=outputs))
        return outputs


def _write_once(path: Path, text: str) -> None:
    if not path.exists():
        path.write_text(text, encoding="utf-8")


def _remove_leftovers(scratch: Path) -> None:
    """Clear what a killed build left; nobody else builds here while the lock is held."""
    for name in os.listdir(scratch):
        shutil.rmtree(scratch / name, ignore_errors=True)


def _link(link: Path, target: str) -> None:
    try:
        if os.readlink(link) == target:
            return
    except OSError:
        link.parent.mkdir(parents=True, exist_ok=True)
    temporary = link.with_name(f".{link.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    temporary.replace(link)
