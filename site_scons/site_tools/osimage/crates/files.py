"""Where the files of each unit lie: what it is compiled to, what its build script says and makes."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from .metadata import PROGRAMS
from .unit_graph import UnitGraph

# What a run of a build script leaves in its folder: `-L` for all that may be linked with its libraries, variables for
# its own package, what it says to scripts of packages that use it, the digests of the native libraries that it names
# (rustc copies them into an rlib and says nothing of it), what it read, and OUT_DIR.
SEARCH, VARIABLES, METADATA, LIBRARIES = "search.args", "rustc.env", "metadata", "libraries"
DEP_INFO, OUT_DIR = "script.d", "out/"


class Produced(NamedTuple):
    """The files of a compiled unit: those that others use, and dep-info."""

    results: tuple[str, ...]
    dep_info: str


def for_rustc(kind: str, name: str) -> str:
    """What a run of a build script calls its arguments for the target NAME of KIND in its package."""
    return f"{kind}-{name}.args" if kind in PROGRAMS else "lib.args"


@dataclass(frozen=True)
class Files:
    """Where the files of GRAPH's units lie, relative to the project root.

    HASHES and the packages' NAMES ("spin-0.9.8", by id) tell the units apart. `crates` is the folder of what is
    compiled for the target, `host` that of what runs while building, `own` that of what only these roots have;
    `programs` are the executables of the roots, by index.
    """

    graph: UnitGraph
    hashes: tuple[str, ...]
    names: Mapping[str, str]
    crates: str
    host: str
    own: str
    programs: Mapping[int, str]

    def produced(self, index: int) -> Produced:
        """What the compilation of unit INDEX leaves."""
        unit, hash = self.graph.units[index], self.hashes[index]
        if unit.is_program:
            program = self.program(index)
            folder = self.own if index in self.programs else posixpath.dirname(program)
            return Produced((program,), f"{folder}/{posixpath.basename(program).removesuffix('.elf')}.d")
        folder = self.host if unit.is_for_host else self.crates
        stem = f"{unit.target.crate_name}-{hash}"
        suffixes = dict.fromkeys(_SUFFIXES.get(kind, "rlib") for kind in unit.target.crate_types)
        metadata = (f"{folder}/lib{stem}.rmeta",) if unit.is_rlib else ()
        return Produced((*(f"{folder}/lib{stem}.{suffix}" for suffix in suffixes), *metadata), f"{folder}/{stem}.d")

    def program(self, index: int) -> str:
        """The executable of unit INDEX."""
        unit = self.graph.units[index]
        if index in self.programs:
            return self.programs[index]
        if unit.is_script:
            return f"{self.host}/build/{self._name(index)}/{unit.target.crate_name}"
        return f"{self.crates}/{self._name(index)}/{unit.target.name}"

    def loaded(self, index: int) -> tuple[str, ...]:
        """Every file of a crate that rustc may load to compile unit INDEX."""
        return tuple(file for used in self.graph.crates_used_by(index) for file in self.produced(used).results)

    def said(self, index: int, name: str) -> str:
        """The file or folder NAME of a run of a build script, the unit INDEX."""
        folder = self.host if self.graph.units[index].is_for_host else self.crates
        return f"{folder}/build/{self._name(index)}/{name}"

    def _name(self, index: int) -> str:
        return f"{self.names[self.graph.units[index].package_id]}-{self.hashes[index]}"


_SUFFIXES = {"staticlib": "a", "proc-macro": "so"}
