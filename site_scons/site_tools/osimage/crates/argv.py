"""From a unit to its rustc command: cargo's own arguments, in cargo's order, then ours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..action import OUT
from .lto import flags as lto_flags
from .profile import assertion_flags, linking_flags, optimisation_flags
from .unit_graph import CrateTarget, Unit

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

    Paths are relative to the project root. `lints` are rustc's flags of the package's `[lints]`; `declared_features`
    all features of the package; `rustflags` the flags for every crate of the kernel; `for_sysroot` the arguments that
    name target and sysroot; `elf` is the base name of a binary.
    """

    unit: Unit
    source: str
    hash: str
    need: str
    lints: tuple[str, ...]
    declared_features: tuple[str, ...]
    externs: tuple[Extern, ...]
    searched: str | None
    for_sysroot: tuple[str, ...]
    rustflags: tuple[str, ...]
    remapped: tuple[str, ...]
    linker: tuple[str, ...]
    elf: str


def file_names(target: CrateTarget, hash: str, elf: str) -> tuple[str, ...]:
    """The base names of the files that the command of a unit writes, the dep-info file last; ELF is a binary's."""
    if "bin" in target.crate_types:
        return elf, f"{elf.removesuffix('.elf')}.d"
    stem = f"{target.crate_name}-{hash}"
    suffixes = dict.fromkeys("a" if kind == "staticlib" else "rlib" for kind in target.crate_types)
    metadata = (f"lib{stem}.rmeta",) if target.is_rlib else ()
    return (*(f"lib{stem}.{suffix}" for suffix in suffixes), *metadata, f"{stem}.d")


def argv(command: Command) -> tuple[str, ...]:
    """The whole command."""
    unit, target = command.unit, command.unit.target
    return (
        *("rustc", "--crate-name", target.crate_name, f"--edition={target.edition}", command.source, *DIAGNOSTICS),
        *(word for kind in target.crate_types for word in ("--crate-type", kind)),
        *_emit(command),
        *optimisation_flags(unit.profile, lto_flags(command.need)),
        *command.lints,
        *unit.profile.rustflags,
        *assertion_flags(unit.profile),
        *(word for feature in unit.features for word in ("--cfg", f'feature="{feature}"')),
        *("--check-cfg", "cfg(docsrs,test)", "--check-cfg", _known_features(command.declared_features)),
        *(f"-Cmetadata={command.hash}", f"-Cextra-filename=-{command.hash}"),
        *(("-Crpath",) if unit.profile.rpath else ()),
        *command.for_sysroot,
        *linking_flags(unit.profile),
        *((*command.linker, f"-Clink-arg=--dependency-file={OUT}/{LINK_INFO}") if "bin" in target.crate_types else ()),
        *(("-L", f"dependency={command.searched}") if command.searched else ()),
        *(word for extern in command.externs for word in ("--extern", _extern(extern))),
        *command.rustflags,
        *command.remapped,
        "-Zbinary-dep-depinfo",
    )


def _emit(command: Command) -> Iterator[str]:
    target = command.unit.target
    if "bin" in target.crate_types:
        elf, dep_info = file_names(target, command.hash, command.elf)
        yield f"--emit=dep-info={OUT}/{dep_info},link={OUT}/{elf}"
    else:
        yield "--emit=dep-info,metadata,link" if target.is_rlib else "--emit=dep-info,link"
    yield f"--out-dir={OUT}"  # for objects too: where a link fails, rustc leaves them


def _known_features(names: tuple[str, ...]) -> str:
    listed = ", ".join(f'"{name}"' for name in names)
    return f"cfg(feature, values({listed}))"


def _extern(extern: Extern) -> str:
    return f"{'priv:' if extern.private else ''}{extern.name}={extern.file}"
