"""Cargo's unit graph: which crate is compiled how, for what, and with which others."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .fault import FaultError
from .profile import Profile
from .profile import parse as parse_profile

VERSION = 1  # of the format (The Cargo Book, "Unstable Features", unit-graph)


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
    def is_rlib(self) -> bool:
        """Whether it is a Rust library and nothing else, so that its users need only its metadata to be compiled."""
        return all(kind in ("lib", "rlib") for kind in self.crate_types)


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


@dataclass(frozen=True)
class UnitGraph:
    """All compilations; `roots` are those that were asked for."""

    units: tuple[Unit, ...]
    roots: tuple[int, ...]

    def users_first(self) -> tuple[int, ...]:
        """All units, each before those that it uses."""
        return tuple(reversed(self.used_first()))

    def used_first(self) -> tuple[int, ...]:
        """All units, each after those that it uses, in the same order every time."""
        order: dict[int, None] = {}

        def visit(index: int) -> None:
            if index not in order:
                for dependency in self.units[index].dependencies:
                    visit(dependency.index)
                order[index] = None

        for index in range(len(self.units)):
            visit(index)
        return tuple(order)

    def all_used_by(self, index: int) -> tuple[int, ...]:
        """The units that unit INDEX uses, directly or through others, in the order of the graph."""
        found: set[int] = set()
        waiting = [index]
        while waiting:
            for dependency in self.units[waiting.pop()].dependencies:
                if dependency.index not in found:
                    found.add(dependency.index)
                    waiting.append(dependency.index)
        return tuple(sorted(found))


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
