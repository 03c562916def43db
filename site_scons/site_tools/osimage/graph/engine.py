"""Deciding about steps: whether what one made is up to date, by its record; and all that making one needs."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..action import Action, output_files, output_folders
from ..cache.memo import Memo
from ..cache.readset import ReadSet
from ..errors import StepError
from .build_folder import prepare
from .console import Console
from .keys import NOTHING_READ, Today, is_narrowed, key, look
from .lock import BuildLock
from .record import OutputFolder, Record, Records, Stat
from .signals import watch_signals
from .state import STATE

if TYPE_CHECKING:
    from ..cache.store import DiskStore
    from ..toolchain.programs import Programs
    from .pipeline import Pipeline


class Machine(NamedTuple):
    """What running steps needs of this machine; made when the first step has to run."""

    programs: Programs
    toolchain_folder: str  # of the compiler's own crates for this host (absolute): its identity covers them
    store: DiskStore | None
    verbose: bool
    show_cached: bool  # --cache-show: the command also of a step whose outputs come from the store
    twice: bool = False  # every step is run two times and compared
    jobs: int = 1  # programs that may run at a time
    is_same: Callable[[], bool] = lambda: True  # whether compiler, linker and our own code are those of the start


MachineSource = Callable[[], Machine]


class Engine:
    """Decides about and runs the steps of one project root and build folder (relative to it).

    LINKS are the sources outside the project: name below `<build>/external/` to absolute path.
    """

    def __init__(self, root: Path, build: str, machine: MachineSource, links: Mapping[str, str]) -> None:
        self.root = root
        self.build = build
        self.console = Console()
        self.interrupted = watch_signals()
        self.state = root / build / STATE
        self.memo = Memo(self.state / "memo")
        self.today = Today(self.memo, str(root), build)
        self.records = Records(self.state / "records")
        self.lock = BuildLock(self.state / "lock")
        self._machine_source = machine
        self._machine: Machine | None = None
        self._pipeline: Pipeline | None = None
        self._links = links
        self._ready = False
        self._serial = 0
        self._guard = threading.Lock()
        self._preparing = threading.Lock()
        self._working = 0  # steps that are being made

    @property
    def machine(self) -> Machine:
        """This machine's programs and store, found when first needed."""
        with self._guard:
            if self._machine is None:
                self._machine = self._machine_source()
            return self._machine

    @property
    def pipeline(self) -> Pipeline:
        """The steps that go on after they have handed out something, and how many programs may run."""
        jobs = 1 if self.machine.twice else self.machine.jobs
        with self._guard:
            if self._pipeline is None:
                from .pipeline import Pipeline

                self._pipeline = Pipeline(jobs)
            return self._pipeline

    def is_current(self, action: Action) -> bool:
        """Whether ACTION's outputs are those of today's inputs; its inputs must be up to date.

        Raises:
            StepError: the build folder cannot be used, or an input is missing.
        """
        self.prepare()
        record = self.records.get(action.outputs[0])
        if record is None or not record.digest or not _fits(record, action):
            return False
        record = self._intact(action, record)
        if record is None:
            return False
        found = look(action, record.read, self.today, str(self.root))
        if found is None:
            return False
        glance = found.glance()
        if glance != record.glance:
            if found.encoded().digest.hash != record.digest:
                return False
            record = record._replace(glance=glance)
            self.records.put(action.outputs[0], record)
        self.today.made(record.outputs)
        self.today.filled(record.folders)
        self.show_diagnostics(action, record.stderr)
        return True

    def output_digest(self, path: str) -> str:
        """The SHA-256 (hex) of the output at PATH, empty where no step of this run made or checked it."""
        output = self.today.output(path)
        return output.hash if output else ""

    def why(self, action: Action) -> str:
        """Why ACTION's outputs are not up to date, which `is_current` has found."""
        record = self.records.get(action.outputs[0])
        if record is None or not _fits(record, action):
            return "it was not made here before"
        if not record.digest:
            return "an input was edited while it was made, or it did not end"
        other = [path for path, output in record.outputs.items() if Stat.of(path) != output.stat]
        if record.folders and not other:
            from . import folders

            other = [path for name, made in record.folders.items() if (path := folders.difference(name, made))]
        if other:
            return f"{other[0]} was {'changed' if os.path.lexists(other[0]) else 'removed'}"
        return "the command or an input changed"

    def known_reads(self, action: Action) -> tuple[str, ...]:
        """What ACTION read of the project's sources when it last ran here; nothing where that is not known.

        Raises:
            StepError: the build folder cannot be used.
        """
        self.prepare()
        record = self.records.get(action.outputs[0])
        return record.read.files if record and record.read else ()

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
        with self._preparing:
            if self._ready:
                return
            try:
                prepare(self.root / self.build, self._links, lambda: self.lock.acquire(self.interrupted))
            except OSError as error:
                from . import disk

                raise StepError(disk.words(error, self.build)) from error
            self._ready = True

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Around the making of a step: the lock stays."""
        with self._guard:
            self._working += 1
        try:
            self.prepare()
            yield
        finally:
            with self._guard:
                self._working -= 1

    def pause(self) -> None:
        """Let others build for a while, unless a step is being made just now; what comes later prepares again."""
        with self._preparing, self._guard:
            if self._ready and not self._working:
                self.memo.save()
                self.records = Records(self.state / "records")
                self.today = Today(self.memo, str(self.root), self.build)
                self.lock.release()
                self._ready = False

    def show_diagnostics(self, action: Action, stderr: str) -> None:
        """Print what rustc said about the project's own code; what it said about other crates is theirs to fix."""
        if stderr and action.local:
            from .diagnostics import rendered

            self.console.write(rendered(stderr, self.console.colour))

    def new_scratch(self, name: str | None = None) -> Path:
        """An empty folder below the build folder (absolute), called NAME or otherwise than any before."""
        with self._guard:
            self._serial += 1
            folder = self.state / "scratch" / (name or f"{os.getpid()}-{self._serial}")
        folder.mkdir(parents=True)
        return folder

    def settle(self) -> None:
        """Wait for the steps that go on, and tell what went wrong with one, if nobody did."""
        for error in self._pipeline.settle() if self._pipeline is not None else ():
            if not self.interrupted():
                print(f"osimage: {error}", file=sys.stderr)

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

    def _intact(self, action: Action, record: Record) -> Record | None:
        """RECORD where its outputs are still there; one that was only touched is, with its stat of today."""
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
        made = self._intact_folders(record)
        if made is None:
            return None
        today = record._replace(outputs=outputs, folders=made)
        if today != record:
            self.records.put(action.outputs[0], today)
        return today

    def _intact_folders(self, record: Record) -> Mapping[str, OutputFolder] | None:
        if not record.folders:
            return record.folders
        from . import folders

        today = {path: folders.intact(path, made) for path, made in record.folders.items()}
        found = {path: made for path, made in today.items() if made is not None}
        return found if len(found) == len(today) else None


def _fits(record: Record, action: Action) -> bool:
    """Whether RECORD is one of a step with ACTION's outputs."""
    files, folders = record.outputs.keys(), record.folders.keys()
    return files == set(output_files(action)) and folders == set(output_folders(action))
