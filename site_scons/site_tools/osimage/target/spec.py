"""`env.TargetSpec`: a kernel's target spec as canonical JSON, right for the compiler before anything compiles."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..action import Plan
from ..errors import DeclarationError, Where
from ..text import write_text
from ..toolchain.rustc import Rustc
from . import verdict
from .generate import DEFAULT_BASE, generate, soft_float_follows
from .migrate import migrate
from .schema import Checker, shown
from .source import read

# What changes the data layout that LLVM has for a target.
_LAYOUT_KEYS = frozenset({"arch", "llvm-abiname", "llvm-target", "target-pointer-width"})


@dataclass(frozen=True)
class TargetSpec:
    """What `env.TargetSpec` says: where the spec comes from, and what differs from it.

    `name` is that of the JSON file below the build folder, without its suffix. `source` is an existing spec, relative
    to the project, or None for one made from the built-in target `base` (None: x86_64-unknown-none); with
    `freestanding` it gets what a kernel needs. A None among `overrides` takes its key away.
    """

    name: str
    base: str | None
    source: str | None
    overrides: Mapping[str, Any]
    where: Where
    freestanding: bool = True

    @property
    def target(self) -> str:
        """The target's name: the stem of the JSON file, by which rustc knows it."""
        return self.name.rpartition("/")[2]


@dataclass(frozen=True)
class Target:
    """A target: its name, the path of its JSON file relative to the project, the file's text, and the same as data.

    `source` is the existing spec that it was migrated from, relative to the project.
    """

    name: str
    path: str
    json: str
    described: Mapping[str, Any]
    source: str | None = None


def plan(spec: TargetSpec, rustc: Rustc, root: Path, build: str = "build") -> tuple[Plan, Target]:
    """The step that writes SPEC for RUSTC as `BUILD/<name>.json`; a source is read in the project root ROOT.

    Raises:
        DeclarationError: every fault that the compiler or LLVM would find, all at once where they can be found at once.
        ToolchainError: the compiler cannot be asked.
    """
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", spec.target):
        fault = f"a target's name has letters, digits, '_', '-' and '.': not '{spec.target}'."
        raise DeclarationError(spec.where, fault)
    checker = Checker(rustc.target_spec_schema(), f"rustc {rustc.release}")
    described, notes = _migrated(spec, rustc, checker, root) if spec.source else (_generated(spec, rustc, checker), [])
    text = canonical_json(described)
    # A layout is filled in where the rest is right.
    faults = checker.faults({"data-layout": "", **described}) or checker.faults(described)
    faults = faults or verdict.llvm_faults(described, text, spec.target, rustc, checker)
    if faults:
        raise DeclarationError(spec.where, [f"{spec.source}: {fault}" for fault in faults] if spec.source else faults)
    target = Target(spec.target, f"{build}/{spec.name}.json", text, described, spec.source)
    if notes:
        notes.append(f"{spec.source}: the file itself stays as it is; `scons spec --write` changes it.")
    action = write_text("spec", f"target spec {spec.target}", target.path, target.json, spec.where)
    action = action._replace(external=True)  # its text is in the plan already
    return Plan((action,), consulted=(spec.source or f"{spec.name}.json",), notes=tuple(notes)), target


def rewritten(source: str, rustc: Rustc, root: Path, where: Where) -> tuple[str, list[str]]:
    """The file SOURCE, relative to ROOT, as it would be for RUSTC, its keys in their order; and what is changed.

    Raises:
        DeclarationError, ToolchainError: as `plan`.
    """
    name = Path(source).stem
    checker = Checker(rustc.target_spec_schema(), f"rustc {rustc.release}")
    described, changes = _migrated(TargetSpec(name, None, source, {}, where), rustc, checker, root)
    order = [key for key in read(root, source) if key in described]
    described = {key: described[key] for key in (*order, *described)}
    found = re.search(r"\n([ \t]+)", (root / source).read_text(encoding="utf-8-sig"))
    return json.dumps(described, indent=found[1] if found else 2, ensure_ascii=False) + "\n", changes


def flag_faults(flags: tuple[str, ...], target: Target, rustc: Rustc) -> list[str]:
    """The features and processors in FLAGS that LLVM does not know for TARGET, a sentence each."""
    return verdict.flag_faults(flags, target.described["llvm-target"], target.json, target.name, rustc)


def canonical_json(described: Mapping[str, Any]) -> str:
    """DESCRIBED as text: sorted keys, two spaces, a newline at the end."""
    return json.dumps(described, sort_keys=True, indent=2, ensure_ascii=False) + "\n"


def _generated(spec: TargetSpec, rustc: Rustc, checker: Checker) -> dict[str, Any]:
    """The spec of the base target with the overrides."""
    try:
        made = generate(spec.base or DEFAULT_BASE, rustc, checker, freestanding=spec.freestanding)
    except ValueError as error:
        raise DeclarationError(spec.where, str(error)) from None
    described = soft_float_follows(_overridden(made, spec.overrides), spec.overrides, checker)
    if _LAYOUT_KEYS & spec.overrides.keys() and "data-layout" not in spec.overrides and not checker.faults(described):
        described["data-layout"] = rustc.data_layout(canonical_json(described), spec.target) or described["data-layout"]
    return described


def _migrated(spec: TargetSpec, rustc: Rustc, checker: Checker, root: Path) -> tuple[dict[str, Any], list[str]]:
    """The spec of the source file as the compiler wants it with the overrides, and what was changed."""
    source = spec.source or ""
    if spec.base is not None:
        raise DeclarationError(spec.where, f"base= and the file {source} exclude each other: a spec has one origin.")
    try:
        migrated, changes = migrate(read(root, source), checker)
    except ValueError as error:
        raise DeclarationError(spec.where, str(error)) from None
    described = _overridden(migrated, spec.overrides)
    if "data-layout" not in spec.overrides and not checker.faults({"data-layout": "", **described}):
        layout = described.get("data-layout")
        wanted = rustc.data_layout(canonical_json({"data-layout": "", **described}), spec.target)
        if wanted and layout != wanted:
            described["data-layout"] = wanted
            told = f"{shown(layout)} became {shown(wanted)}" if layout else f"added {shown(wanted)}"
            llvm = f"LLVM {rustc.llvm_version} has it for {described['llvm-target']}"
            changes.append(f"data-layout: {told} ({llvm})")
    return described, [f"{source}: {change}" for change in changes]


def _overridden(described: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in {**described, **overrides}.items() if value is not None}
