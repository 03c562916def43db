"""Cargo's configuration: `.cargo/config.toml` from a folder upwards and in CARGO_HOME, merged by cargo's rules."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import toml_file

# Lists of which the nearest file's counts alone; all others are joined (The Cargo Book, "Hierarchical structure").
_NOT_JOINED = frozenset({"runner", "credential-provider", "rustc-wrapper", "rustc-workspace-wrapper"})
# The tables that decide how cargo resolves and describes. Flags and programs are handed over otherwise, or not at all.
_HANDED_ON = ("profile", "source", "registry", "registries", "net", "http", "patch", "paths", "resolver", "unstable")
_BUILD_STD = ("build-std", "build-std-features")  # of [unstable]: the sysroot is ours


@dataclass(frozen=True)
class ConfigFile:
    """One file: its name for people, what it says with every path in it absolute, whether it is CARGO_HOME's own."""

    shown: str
    values: Mapping[str, Any]
    is_home: bool


@dataclass(frozen=True)
class Config:
    """The configuration that holds for a folder: its files, nearest first, and all they say merged.

    `consulted` are all the files, absolute, that were there or could have been.
    """

    files: tuple[ConfigFile, ...]
    merged: Mapping[str, Any]
    consulted: tuple[str, ...]

    def origin(self, *keys: str) -> str:
        """The nearest file that says something under KEYS; empty where none does."""
        for file in self.files:
            value: Any = file.values
            for key in keys:
                value = value.get(key) if isinstance(value, Mapping) else None
            if value is not None:
                return file.shown
        return ""

    def table(self, *keys: str) -> Mapping[str, Any]:
        """The merged table under KEYS; empty where there is none."""
        value: Any = self.merged
        for key in keys:
            value = value.get(key) if isinstance(value, Mapping) else None
        return value if isinstance(value, Mapping) else {}

    def handed_on(self) -> dict[str, Any]:
        """What cargo is given as its configuration: it reads CARGO_HOME's by itself and sees no other."""
        merged = _merged_files([file for file in self.files if not file.is_home])
        chosen = {name: merged[name] for name in _HANDED_ON if name in merged}
        if "unstable" in chosen:
            chosen["unstable"] = {name: value for name, value in chosen["unstable"].items() if name not in _BUILD_STD}
        return chosen


def load(folder: Path, environ: Mapping[str, str], shown: str) -> Config:
    """The configuration that cargo would read in FOLDER (absolute); files are named in messages relative to SHOWN.

    Raises:
        MalformedError: a file is no TOML, two files cannot be merged, or an included one is missing.
    """
    home = environ.get("CARGO_HOME") or os.path.join(environ.get("HOME", ""), ".cargo")
    folders = [(path, path == home) for path in (str(above / ".cargo") for above in (folder, *folder.parents))]
    if os.path.isabs(home) and not any(is_home for _, is_home in folders):
        folders.append((home, True))
    consulted: list[str] = []
    files: list[ConfigFile] = []
    for path, is_home in folders:
        # Where there are both, cargo takes the old name.
        for name in ("config", "config.toml"):
            consulted.append(os.path.join(path, name))
        found = next((file for file in consulted[-2:] if os.path.isfile(file)), None)
        if found is not None:
            files += _with_included(found, is_home, shown, consulted, ())
    return Config(tuple(files), _merged_files(files), tuple(consulted))


def environment(config: Config, environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """(name, value) of `[env]` for ENVIRON: what is set there already counts, unless `force` says otherwise."""
    for name, said in sorted(config.table("env").items()):
        value, force = (said.get("value", ""), said.get("force", False)) if isinstance(said, Mapping) else (said, False)
        if force or name not in environ:
            yield name, str(value)


def _with_included(
    path: str, is_home: bool, shown: str, consulted: list[str], above: tuple[str, ...]
) -> list[ConfigFile]:
    """The file PATH and, behind it, those that it includes, the last of them first."""
    name = _relative(path, shown)
    if path in above:
        raise toml_file.MalformedError(f"{name}: it includes itself.")
    values = toml_file.read(Path(path), name)
    if values is None:
        raise toml_file.MalformedError(f"{_relative(above[-1], shown)}: it includes {name}, which does not exist.")
    files = [ConfigFile(name, _absolute_paths(values, path), is_home)]
    included = values.get("include", [])
    if not isinstance(included, list):
        raise toml_file.MalformedError(f"{name}: include wants a list of files.")
    for entry in reversed(included):
        described = entry if isinstance(entry, Mapping) else {"path": entry}
        other = os.path.normpath(os.path.join(os.path.dirname(path), str(described.get("path", ""))))
        consulted.append(other)
        if os.path.exists(other) or not described.get("optional", False):
            files += _with_included(other, is_home, shown, consulted, (*above, path))
    return files


def _absolute_paths(values: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    """VALUES of the file PATH with its relative paths, which count from the folder above its own, made absolute."""
    base = os.path.dirname(os.path.dirname(path))
    result = dict(values)
    if isinstance(values.get("env"), Mapping):
        result["env"] = {name: _variable(said, base) for name, said in values["env"].items()}
    if isinstance(values.get("build"), Mapping):
        result["build"] = {**values["build"], **_specifications(values["build"].get("target"), base)}
    if isinstance(values.get("target"), Mapping):
        result["target"] = {name: _with_linker(said, base) for name, said in values["target"].items()}
    if isinstance(values.get("paths"), list):
        result["paths"] = [os.path.join(base, str(entry)) for entry in values["paths"]]
    if isinstance(values.get("source"), Mapping):
        result["source"] = {
            name: _located(source, base, ("directory", "local-registry")) for name, source in values["source"].items()
        }
    if isinstance(values.get("patch"), Mapping):
        result["patch"] = {
            name: {crate: _located(entry, base, ("path",)) for crate, entry in patches.items()}
            for name, patches in values["patch"].items()
            if isinstance(patches, Mapping)
        }
    return result


def _specifications(target: Any, base: str) -> dict[str, Any]:
    """`build.target` where it says TARGET, one or a list: a JSON file's name is a path, any other a built-in target."""
    if isinstance(target, list):
        return {"target": [os.path.join(base, name) if str(name).endswith(".json") else name for name in target]}
    if isinstance(target, str) and target.endswith(".json"):
        return {"target": os.path.join(base, target)}
    return {}


def _with_linker(said: Any, base: str) -> Any:
    """`target.*` that SAID describes: its linker is a path where it has a slash, else a name for PATH."""
    named = "/" in str(said.get("linker", "")) if isinstance(said, Mapping) else False
    return _located(said, base, ("linker",)) if named else said


def _variable(said: Any, base: str) -> Any:
    if isinstance(said, Mapping) and said.get("relative") is True:
        return {**said, "value": os.path.join(base, str(said.get("value", ""))), "relative": False}
    return said


def _located(entry: Any, base: str, keys: tuple[str, ...]) -> Any:
    if not isinstance(entry, Mapping):
        return entry
    return {
        key: os.path.join(base, value) if key in keys and isinstance(value, str) else value
        for key, value in entry.items()
    }


def _merged_files(files: list[ConfigFile]) -> Mapping[str, Any]:
    merged: Mapping[str, Any] = {}
    for file in reversed(files):
        merged = _merge(merged, file.values, file.shown)
    return merged


def _merge(lower: Mapping[str, Any], higher: Mapping[str, Any], shown: str, above: str = "") -> Mapping[str, Any]:
    """LOWER with HIGHER, of the file SHOWN, on top: tables are merged, lists joined, anything else replaced."""
    result = dict(lower)
    for key, value in higher.items():
        old = result.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            result[key] = _merge(old, value, shown, f"{above}{key}.")
        elif isinstance(old, list) and isinstance(value, list) and key not in _NOT_JOINED:
            result[key] = [*old, *value]
        elif old is not None and _kind(old) != _kind(value):
            raise toml_file.MalformedError(
                f"{shown}: {above}{key} is {_kind(value)}, but {_kind(old)} in a configuration file of lower rank."
            )
        else:
            result[key] = value
    return result


def _kind(value: Any) -> str:
    return "a list" if isinstance(value, list) else "a table" if isinstance(value, Mapping) else "one value"


def _relative(path: str, base: str) -> str:
    return os.path.relpath(path, base) if path.startswith(f"{base}/") else path
