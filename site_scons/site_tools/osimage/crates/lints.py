"""`[lints]`: a manifest's table as the flags that cargo gives rustc."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def table(manifest: Mapping[str, Any], workspace: Mapping[str, Any]) -> Mapping[str, Any]:
    """The lints of MANIFEST, by tool; those of its WORKSPACE's manifest where it says `lints.workspace = true`."""
    own = manifest.get("lints", {})
    if own.get("workspace") is True:
        inherited: Mapping[str, Any] = workspace.get("workspace", {}).get("lints", {})
        return inherited
    return {tool: lints for tool, lints in own.items() if tool != "workspace"}


def flags(lints: Mapping[str, Any]) -> tuple[str, ...]:
    """LINTS as flags in cargo's order: rising priority, then falling names, since for rustc the last one counts.

    `unexpected_cfgs` may bring `--check-cfg` arguments along (The Cargo Book, "The lints section").
    """
    levels = sorted(_levels(lints), key=lambda entry: entry[2])
    levels.sort(key=lambda entry: entry[1], reverse=True)
    levels.sort(key=lambda entry: entry[0])
    unexpected = lints.get("rust", {}).get("unexpected_cfgs", {})
    declared = unexpected.get("check-cfg", []) if isinstance(unexpected, Mapping) else []
    return (*(flag for _, _, flag in levels), *(word for cfg in declared for word in ("--check-cfg", cfg)))


def _levels(lints: Mapping[str, Any]) -> Iterator[tuple[int, str, str]]:
    """(priority, name, flag) of each lint; those of the tool `cargo` are not for rustc."""
    for tool, entries in lints.items():
        for name, setting in entries.items() if tool != "cargo" else ():
            level, priority = (
                (setting, 0) if isinstance(setting, str) else (setting["level"], setting.get("priority", 0))
            )
            yield priority, name, f"--{level}={name if tool == 'rust' else f'{tool}::{name}'}"
