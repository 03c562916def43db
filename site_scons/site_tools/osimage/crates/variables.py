"""The environment variables that cargo sets for a crate while it is compiled."""

from __future__ import annotations

from collections.abc import Iterable

from ..action import ROOT
from .metadata import Package
from .place import Place
from .unit_graph import Unit


def of_unit(
    unit: Unit, package: Package, folder: str, is_primary: bool, configured: Iterable[tuple[str, str]], place: Place
) -> tuple[tuple[str, str], ...]:
    """The variables of UNIT, sorted by name; FOLDER is its package's, relative to the project root.

    CONFIGURED are those of `[env]` in cargo's configuration; where they name a path in the project, it is written from
    the placeholder of the root. (The Cargo Book, "Environment variables Cargo sets for crates"; CARGO is not among
    ours, since it is a path of the machine.)
    """
    here = ROOT if folder == "." else f"{ROOT}/{folder}"
    values = {name: _placed(value, place) for name, value in configured}
    values |= dict(package.variables)
    values |= {
        "CARGO_CRATE_NAME": unit.target.crate_name,
        "CARGO_MANIFEST_DIR": here,
        "CARGO_MANIFEST_PATH": f"{here}/Cargo.toml",
        "RUSTC_BOOTSTRAP": "1",
    }
    if "bin" in unit.target.kind:
        values["CARGO_BIN_NAME"] = unit.target.name
    if is_primary:
        values["CARGO_PRIMARY_PACKAGE"] = "1"
    return tuple(sorted(values.items()))


def _placed(value: str, place: Place) -> str:
    return value.replace(place.root, ROOT, 1) if value == place.root or value.startswith(f"{place.root}/") else value
