"""The environment variables that cargo sets for a crate while it is compiled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ..action import CARGO, ROOT
from .metadata import Package
from .place import Place
from .unit_graph import Unit


def of_unit(
    unit: Unit,
    package: Package,
    folder: str,
    is_primary: bool,
    out_dir: str | None,
    programs: Mapping[str, str],
    configured: Iterable[tuple[str, str]],
    place: Place,
) -> tuple[tuple[str, str], ...]:
    """The variables of UNIT, sorted by name; FOLDER is its package's, relative to the project root.

    OUT_DIR is that of its package's build script, where there is one, and PROGRAMS are the package's binaries that a
    test of it may start; CONFIGURED as for `of_package`. (The Cargo Book, "Environment variables Cargo sets for
    crates")
    """
    values = dict(of_package(package, folder, configured))
    values |= {"CARGO": CARGO, "CARGO_CRATE_NAME": unit.target.crate_name, "RUSTC_BOOTSTRAP": "1"}
    values |= {f"CARGO_BIN_EXE_{name}": f"{ROOT}/{file}" for name, file in programs.items()}
    if "bin" in unit.target.kind:
        values["CARGO_BIN_NAME"] = unit.target.name
    if "test" in unit.target.kind:
        values["CARGO_TARGET_TMPDIR"] = f"{ROOT}/{place.build}/tmp"
    if is_primary:
        values["CARGO_PRIMARY_PACKAGE"] = "1"
    if out_dir is not None:
        values["OUT_DIR"] = f"{ROOT}/{out_dir}"
    return tuple(sorted(values.items()))


def of_package(package: Package, folder: str, configured: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """The variables that tell a program of PACKAGE; FOLDER is relative to the project root.

    CONFIGURED are those of `[env]`, as `placed` gives them.
    """
    here = ROOT if folder == "." else f"{ROOT}/{folder}"
    values = {**dict(configured), **dict(package.variables)}
    values |= {"CARGO_MANIFEST_DIR": here, "CARGO_MANIFEST_PATH": f"{here}/Cargo.toml"}
    return tuple(values.items())


def placed(configured: Iterable[tuple[str, str]], place: Place) -> tuple[tuple[str, str], ...]:
    """CONFIGURED, the variables of `[env]` in cargo's configuration, with paths in the project from its placeholder."""
    return tuple(
        (name, value.replace(place.root, ROOT, 1) if f"{value}/".startswith(f"{place.root}/") else value)
        for name, value in configured
    )


def read_records(file: Path, root: str) -> Iterator[tuple[str, str]]:
    """The names and values in FILE, which has what a build script says, with ROOT in the place of its placeholder."""
    for record in filter(None, file.read_text(encoding="utf-8").split("\0")):
        name, _, value = record.partition("=")
        yield name, value.replace(ROOT, root)
