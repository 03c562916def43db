"""From a unit to its rustc command: cargo's own arguments, in cargo's order, then ours."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass

from ..action import OUT
from .files import Produced
from .lto import flags as lto_flags
from .profile import assertion_flags, linking_flags, optimisation_flags
from .unit_graph import Unit

DIAGNOSTICS = ("--error-format=json", "--json=diagnostic-rendered-ansi")

# What the linker read: also what a linker script takes in by INPUT or GROUP, which no flag names.
LINK_INFO = "link.d"


@dataclass(frozen=True)
class Extern:
    """A crate that a unit uses: its name there, the file to compile against, whether the dependency is private."""

    name: str
    file: str
    private: bool


@dataclass(frozen=True)
class Command:
    """All that decides the command of one unit.

    Paths are relative to the project root. `incremental` is the folder for incremental compilation; `produced` are the
    files that come of it; `need` is what link-time optimisation asks of it; `lints` are rustc's flags of the package's
    `[lints]`; `declared_features` all features of the package; `is_capped` is whether its warnings are nobody's
    business; `has_harness` whether a test has rustc's `main`; `searched` are the folders of crates; `for_sysroot` the
    arguments that name target and sysroot; `rustflags` the flags for every crate of the kernel; `said` the files with
    what build scripts say, one argument a line.
    """

    unit: Unit
    source: str
    hash: str
    incremental: str | None
    produced: Produced
    need: str
    lints: tuple[str, ...]
    declared_features: tuple[str, ...]
    is_capped: bool
    has_harness: bool
    externs: tuple[Extern, ...]
    searched: tuple[str, ...]
    for_sysroot: tuple[str, ...]
    rustflags: tuple[str, ...]
    said: tuple[str, ...]
    remapped: tuple[str, ...]
    linker: tuple[str, ...]


def argv(command: Command) -> tuple[str, ...]:
    """The whole command."""
    unit, target = command.unit, command.unit.target
    return (
        *("rustc", "--crate-name", target.crate_name, f"--edition={target.edition}", command.source, *DIAGNOSTICS),
        *(("--json=artifacts",) if unit.is_rlib else ()),
        *(word for kind in target.crate_types if not unit.is_test for word in ("--crate-type", kind)),
        *_emit(command),
        *(("-Cprefer-dynamic",) if target.is_proc_macro else ()),
        *optimisation_flags(unit.profile, lto_flags(command.need)),
        *command.lints,
        *unit.profile.rustflags,
        *assertion_flags(unit.profile),
        *_test_flags(command),
        *(word for feature in unit.features for word in ("--cfg", f'feature="{feature}"')),
        *("--check-cfg", "cfg(docsrs,test)", "--check-cfg", known_features(command.declared_features)),
        *(f"-Cmetadata={command.hash}", f"-Cextra-filename=-{command.hash}"),
        *((f"-Cincremental={command.incremental}",) if command.incremental else ()),
        *(("-Crpath",) if unit.profile.rpath else ()),
        *command.for_sysroot,
        *command.linker,
        *linking_flags(unit.profile),
        *(word for folder in command.searched for word in ("-L", f"dependency={folder}")),
        *(word for extern in command.externs for word in ("--extern", named(extern))),
        *(("--extern", "proc_macro") if target.is_proc_macro else ()),
        *(("-Zunstable-options",) if any(extern.private for extern in command.externs) else ()),
        *(("--cap-lints", "allow") if command.is_capped else ()),
        *command.rustflags,
        *(f"@{file}" for file in command.said),
        *command.remapped,
        "-Zbinary-dep-depinfo",
    )


def _emit(command: Command) -> Iterator[str]:
    unit, (results, dep_info) = command.unit, command.produced
    if unit.is_program:
        yield f"--emit=dep-info={OUT}/{posixpath.basename(dep_info)},link={OUT}/{posixpath.basename(results[0])}"
    else:
        yield "--emit=dep-info,metadata,link" if unit.is_rlib else "--emit=dep-info,link"
    yield f"--out-dir={OUT}"  # for objects too: where a link fails, rustc leaves them


def _test_flags(command: Command) -> Iterator[str]:
    if command.unit.is_test and command.has_harness:
        yield "--test"
        if command.unit.profile.panic == "abort":
            yield "-Zpanic-abort-tests"
    elif command.unit.is_test:
        yield from ("--cfg", "test")


def known_features(names: tuple[str, ...]) -> str:
    """What `--check-cfg` takes for features called NAMES."""
    listed = ", ".join(f'"{name}"' for name in names)
    return f"cfg(feature, values({listed}))"


def named(extern: Extern) -> str:
    """What `--extern` takes for EXTERN."""
    return f"{'priv:' if extern.private else ''}{extern.name}={extern.file}"
