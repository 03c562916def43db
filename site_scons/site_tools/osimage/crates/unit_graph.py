"""Cargo's unit graph: which crate is compiled how, for what, and with which others."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .fault import FaultError
from .metadata import PROGRAMS
from .profile import Profile
from .profile import parse as parse_profile

VERSION = 1  # of the format (The Cargo Book, "Unstable Features", unit-graph)


# Crate types that another crate can name by `--extern`.
_LINKABLE = frozenset({"lib", "rlib", "dylib", "proc-macro"})


@dataclass(frozen=True)
class CrateTarget:
    """What of a package is compiled: its kinds (lib, bin, proc-macro, custom-build …), name, root file (absolute)."""

    kind: tuple[str, ...]
    crate_types: tuple[str, ...]
    name: str
    src_path: str
    edition: str

    @property
    def crate_name(self) -> str:
        """The name of the crate for rustc."""
        return self.name.replace("-", "_")

    @property
    def is_proc_macro(self) -> bool:
        """Whether it is a library of procedural macros, which the compiler itself loads."""
        return "proc-macro" in self.kind

    @property
    def is_library(self) -> bool:
        """Whether it is what a package is used by: `[lib]`, of whatever crate type."""
        return not PROGRAMS.intersection(self.kind)


@dataclass(frozen=True)
class Dependency:
    """The unit `index` under the name `extern_name`; `public` as declared."""

    index: int
    extern_name: str
    public: bool


@dataclass(frozen=True)
class Unit:
    """One compilation; `platform` is None for the machine that builds."""

    package_id: str
    target: CrateTarget
    profile: Profile
    platform: str | None
    mode: str
    features: tuple[str, ...]
    dependencies: tuple[Dependency, ...]

    @property
    def is_for_host(self) -> bool:
        """Whether it runs on, or is compiled for, the machine that builds."""
        return self.platform is None

    @property
    def is_script(self) -> bool:
        """Whether it is a build script's compilation."""
        return "custom-build" in self.target.kind and not self.is_script_run

    @property
    def is_script_run(self) -> bool:
        """Whether it is a run of a build script; its platform is the one that the script prepares for."""
        return self.mode == "run-custom-build"

    @property
    def is_test(self) -> bool:
        """Whether it is compiled with `cfg(test)`."""
        return self.mode == "test"

    @property
    def is_doctest(self) -> bool:
        """Whether it stands for the examples in a library's documentation."""
        return self.mode == "doctest"

    @property
    def is_program(self) -> bool:
        """Whether executables come of it."""
        return self.is_test or self.is_doctest or "bin" in self.target.crate_types

    @property
    def is_linkable(self) -> bool:
        """Whether another unit can name it by `--extern`."""
        return self.target.is_library and not self.is_program and not _LINKABLE.isdisjoint(self.target.crate_types)

    @property
    def is_rlib(self) -> bool:
        """Whether it is a Rust library and nothing else, so that its users need only its metadata to be compiled."""
        return not self.is_program and all(kind in ("lib", "rlib") for kind in self.target.crate_types)


@dataclass(frozen=True)
class UnitGraph:
    """All compilations; `roots` are those that were asked for."""

    units: tuple[Unit, ...]
    roots: tuple[int, ...]

    def users_first(self) -> tuple[int, ...]:
        """The roots and all that they use, each before what it uses."""
        return tuple(reversed(self.used_first()))

    def used_first(self) -> tuple[int, ...]:
        """The roots and all that they use, each after what it uses, in the same order every time."""
        order: dict[int, None] = {}

        def visit(index: int) -> None:
            if index not in order:
                for dependency in self.units[index].dependencies:
                    visit(dependency.index)
                order[index] = None

        for index in self.roots:
            visit(index)
        return tuple(order)

    def of_tests(self, binary: str | None, *, doctests: bool = False) -> UnitGraph:
        """This graph with the tests that are executables as its only roots, and with DOCTESTS these.

        With BINARY the own tests of other binaries are left out.
        """

        def is_meant(unit: Unit) -> bool:
            if unit.is_doctest:
                return doctests
            return unit.is_test and (binary is None or "bin" not in unit.target.kind or unit.target.name == binary)

        return replace(self, roots=tuple(index for index in self.roots if is_meant(self.units[index])))

    def crates_used_by(self, index: int) -> tuple[int, ...]:
        """The crates that rustc loads for unit INDEX, in the order of the graph.

        These are what it uses, and what that uses; of procedural macros only they themselves, since they are loaded
        with all that they need.
        """
        found: set[int] = set()
        waiting = [index]
        while waiting:
            for dependency in self.units[waiting.pop()].dependencies:
                used = self.units[dependency.index]
                if used.is_linkable and dependency.index not in found:
                    found.add(dependency.index)
                    waiting += [] if used.target.is_proc_macro else [dependency.index]
        return tuple(sorted(found))

    def script_runs_used_by(self, index: int, order: Callable[[str], Any]) -> tuple[int, ...]:
        """The runs of build scripts whose libraries unit INDEX may be linked with, its own package's first.

        Those of what it uses follow, packages ordered by ORDER of their id, as cargo does (`build_map`).
        """
        found: dict[int, None] = {}
        seen: set[int] = set()

        def visit(index: int) -> None:
            if index in seen:
                return
            seen.add(index)
            used = [dependency.index for dependency in self.units[index].dependencies]
            found.update(dict.fromkeys(each for each in used if self.units[each].is_script_run))
            for each in sorted(used, key=lambda each: order(self.units[each].package_id)):
                if self.units[each].is_linkable and not self.units[each].target.is_proc_macro:
                    visit(each)

        if not self.units[index].is_script_run:
            visit(index)
        return tuple(found)


def parse(text: str) -> UnitGraph:
    """The unit graph in TEXT, what `cargo build --unit-graph` prints.

    Raises:
        FaultError: it is no JSON, of another version, or a profile in it says something that is not known here.
    """
    try:
        graph = json.loads(text)
    except ValueError:
        raise _unknown("it is no JSON") from None
    version = graph.get("version") if isinstance(graph, dict) else None
    if version != VERSION:
        raise _unknown(f"version {version}, not {VERSION}")
    try:
        return UnitGraph(tuple(_units(graph["units"])), tuple(graph["roots"]))
    except (KeyError, TypeError) as error:
        raise _unknown(f"version {version}: {type(error).__name__} {error}") from None


def _unknown(found: str) -> FaultError:
    return FaultError(
        f"cargo describes the project in a form that is not known here (unit graph: {found}). Use another compiler: "
        "RUSTC=…"
    )


def _units(described: list[Mapping[str, Any]]) -> Iterator[Unit]:
    for unit in described:
        target = unit["target"]
        yield Unit(
            unit["pkg_id"],
            CrateTarget(
                tuple(target["kind"]),
                tuple(target["crate_types"]),
                target["name"],
                target["src_path"],
                target["edition"],
            ),
            parse_profile(unit["profile"]),
            unit["platform"],
            unit["mode"],
            tuple(unit["features"]),
            tuple(Dependency(d["index"], d["extern_crate_name"], d.get("public", False)) for d in unit["dependencies"]),
        )
