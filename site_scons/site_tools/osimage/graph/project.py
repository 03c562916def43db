"""What one SCons run knows: the project's folders, what was declared so far, its faults, its settings."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import DeclarationError, OsimageError, Where
from ..own import own_digest
from . import settings
from .external import Externals, Group, in_folders
from .plans import Entry, PlanFile, key_of
from .state import STATE

if TYPE_CHECKING:
    from ..action import Action
    from ..toolchain.cargo import Cargo
    from ..toolchain.find import Found
    from ..toolchain.rustc import Rustc
    from .engine import Engine, Machine
    from .nodes import Step


class Declared(NamedTuple):
    """What a call left on its nodes: its kind ("Kernel"), its name, and its plan (None where it had faults)."""

    kind: str
    name: str
    entry: Entry | None


class TestKernels(NamedTuple):
    """What a package has for `scons test`.

    `kernels` are (title, ELF file, kernel, pickled) of its test executables, `documented` the file about the examples
    in its documentation (empty: none). PACKAGE is its name, HANDOVER what its kernels expect of a loader.
    """

    kernels: tuple[tuple[str, str, bytes], ...]
    documented: str
    package: str
    handover: Any


class Documented(NamedTuple):
    """The examples in a library's documentation: tests that are known only when they are compiled.

    `results` is the file that says what became of each. `entry` is the plan of the step that writes it, `loader` that
    of their loader; `prefix` begins their names, and `options` are what `env.Test` takes.
    """

    results: str
    entry: Entry
    loader: Entry
    prefix: str
    options: Mapping[str, Any]
    where: Where


def project_in(env: Any) -> Project:
    """The project that ENV belongs to.

    Raises:
        AttributeError: none was made yet.
    """
    project: Project = env.fs.Top.attributes.osimage_project
    return project


class Project:
    """One project root and build folder; made by the first environment that uses the tool, shared by all."""

    def __init__(self, root: Path, build: str, arguments: Mapping[str, str]) -> None:
        self.root = root
        self.build = build
        self.arguments = arguments
        self.faults: list[str] = []
        self.elsewhere = False  # whether it was told that a later environment names another build folder
        self.unusable = False  # whether nothing can be planned, which is among the faults
        self.imageless: list[str] = []  # why a declaration comes to no image, told to who wants one
        self.notes: list[str] = []
        self.declared: dict[str, tuple[str, Where]] = {}
        self.verbs: dict[str, str] = {}  # those that the SConstruct declares, with what help says of them
        self.tests: dict[str, Entry] = {}
        self.documented: list[Documented] = []
        self.links: dict[str, str] = {}
        self.producers: dict[str, Any] = {}  # output path to the SCons node that stands for it
        self.filled: set[str] = set()  # those of its paths that are folders, with their `/`
        self.steps: list[Step | Group] = []  # in the order in which they were declared
        self.externals = Externals(self)
        self.plans = PlanFile(root / build / STATE / "plan")
        self.no_compiler = ""  # the fault that there is none
        self._found: Found | None = None
        self._engine: Engine | None = None
        self._base_key = ""
        self._started = False
        self._speaker: Where | None = None
        self.at_start: Callable[[], None] = lambda: None
        self.equipped = False  # whether the verbs and the checks at the start of a build are in place

    @property
    def engine(self) -> Engine:
        """What decides and runs steps; imported when first needed."""
        if self._engine is None:
            from SCons.Script import GetOption

            from .engine import Engine

            self._engine = Engine(self.root, self.build, self._machine, self.links)
            self._engine.console.silent = bool(GetOption("silent"))
        return self._engine

    @property
    def found(self) -> Found:
        """The machine's compiler and what was passed over."""
        if self._found is None:
            from ..toolchain.find import find_rustc

            self._found = find_rustc(self.root, self.environ())
        return self._found

    def environ(self) -> dict[str, str]:
        """The person's environment, with RUSTC= of the command line in it, which overrules even a toolchain file, and
        LOCKED=.
        """
        said = {"OSIMAGE_RUSTC": self.setting("RUSTC"), "OSIMAGE_LOCKED": self.setting("LOCKED")}
        return dict(os.environ) | {name: value for name, value in said.items() if value}

    def cargo_environ(self) -> tuple[tuple[str, str], ...]:
        """The person's variables by which cargo is configured, sorted; they decide a kernel's plan."""
        names = ("CARGO_", "RUSTFLAGS", "RUSTDOCFLAGS")
        return tuple(sorted(item for item in os.environ.items() if item[0].startswith(names)))

    def setting(self, name: str) -> str:
        """What the command line says for NAME, one of SETTINGS; empty where it says nothing."""
        return str(self.arguments.get(name, ""))

    @property
    def rustc(self) -> Rustc:
        """The compiler in use.

        Raises:
            ToolchainError: there is none that has all it needs; the message says why each was passed over.
        """
        return self.found.need_rustc()

    @property
    def cargo(self) -> Cargo:
        """The cargo that belongs to the compiler.

        Raises:
            ToolchainError: there is none.
        """
        return self.found.need_cargo()

    def base_key(self) -> str:
        """The part of every plan's key that no call says: our own code and the compiler."""
        if not self._base_key:
            self._base_key = key_of(own_digest(), self.found.identity, self.found.places, self.build)
        return self._base_key

    def _machine(self) -> Machine:
        from SCons import CacheDir
        from SCons.Script import GetOption

        from .machine import machine_of

        environ = self.environ()
        store = None
        if CacheDir.cache_enabled:
            from ..cache.location import open_store

            store = open_store(environ, bool(CacheDir.cache_readonly))
        verbose, shown = self.setting("VERBOSE") not in ("", "0"), bool(CacheDir.cache_show)
        twice = self.setting("TWICE") == "yes"
        return machine_of(self.found, self.root, environ, store, verbose=verbose, show_cached=shown, twice=twice,
                          jobs=int(GetOption("num_jobs")))  # fmt: skip

    def start(self) -> None:
        """Do what belongs to the start of a build, once, whoever comes first: SCons' progress or the first step."""
        if not self._started:
            self._started = True
            self.at_start()

    def begin(self, verbs: Sequence[str]) -> None:
        """The start of a build of VERBS: tell every fault and leave with 2 if there is one; keep the plan."""
        if list(verbs) != ["doctor"]:
            self.faults += settings.faults(self.arguments, os.environ)
            self._stop_on_faults()
        self.plans.save()
        if list(verbs) != ["spec"]:  # which tells what is migrated in words of its own
            for note in self.notes:
                print(f"osimage: {note}", flush=True)

    def close(self) -> None:
        """The end of a run, however it came."""
        if self._engine is not None:
            try:
                self._engine.settle()
                self.externals.seal()
            finally:
                self._engine.close()

    def actions(self) -> list[Action]:
        """Every step of the graph, in the order in which it was declared."""
        groups = [step.steps if isinstance(step, Group) else [step] for step in self.steps]
        steps = dict.fromkeys(step for steps in groups for step in steps)
        return [*(step.action for step in steps), *(test.actions[0] for test in self.tests.values())]

    def producer(self, path: str) -> Any:
        """The node of the step that makes PATH, or fills the folder in which it lies; None where it has none."""
        return in_folders(self.producers, path, self.filled)

    def maker(self, path: str) -> Step | None:
        """The step that makes PATH, or fills the folder in which it lies; None where none does."""
        node = self.producer(path)
        step: Step | None = node.attributes.osimage_step if node is not None else self.externals.maker(path)
        return step

    @property
    def speaker(self) -> Where | None:
        """The declaration that makes others of its own, whose line and words are theirs; None where a person speaks."""
        return self._speaker

    @contextmanager
    def speaking_for(self, where: Where) -> Iterator[None]:
        """Around the declarations that the one at WHERE comes to."""
        before, self._speaker = self._speaker, where
        try:
            yield
        finally:
            self._speaker = before

    def claim(self, kind: str, name: str, where: Where) -> None:
        """Take NAME, which is a verb too, for this declaration.

        Raises:
            DeclarationError: another declaration has it.
        """
        taken, earlier = self.declared.setdefault(name, (kind, where))
        if earlier is not where:
            owner = f"the env.{taken} in {earlier.file}:{earlier.line}"
            raise DeclarationError(where, f"the name '{name}' is taken by {owner}. Give one of them another.")

    def fault(self, where: Where, error: OsimageError) -> None:
        """Keep what is wrong with a declaration; it is told when something is to be built."""
        if isinstance(error, DeclarationError):
            self.faults += [f"{error.where}: {fault}" for fault in error.faults]
        elif self._found is not None and self._found.rustc is None:
            if not self.no_compiler:  # it is one fault, and no declaration's, however many need it
                self.no_compiler = str(error)
                self.faults.append(self.no_compiler)
        else:
            self.faults.append(f"{where}: {error}")

    def _stop_on_faults(self) -> None:
        if self.faults:
            for fault in dict.fromkeys(self.faults):
                print(f"osimage: {fault}", file=sys.stderr)
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(2)  # this may be a worker's thread, where SystemExit would end only that
