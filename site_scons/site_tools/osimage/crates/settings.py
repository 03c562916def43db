"""Settings of cargo's that would make another build than ours: each is named, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .config import Config

_WRAPPERS = ("rustc-wrapper", "rustc-workspace-wrapper")
# Of `[unstable]`: they decide flags and linkers of build scripts and procedural macros apart from those of the target.
_FOR_HOST = ("host-config", "target-applies-to-host")
_STD_CRATES = frozenset({"core", "alloc", "std", "compiler_builtins", "test", "proc_macro"})


def of_config(config: Config, environ: Mapping[str, str]) -> Iterator[str]:
    """A sentence for each wrapper around rustc, each setting apart for the machine that builds, another lock file, each
    setting in the place of a build script and each `[patch]` of the standard library in CONFIG and ENVIRON.
    """
    for key in _WRAPPERS:
        name = key.replace("-", "_").upper()
        places = [(f"the variable {variable}", environ.get(variable)) for variable in (name, f"CARGO_BUILD_{name}")]
        places.append((f"build.{key} in {config.origin('build', key)}", config.table("build").get(key)))
        what, program = next((place for place in places if place[1] is not None), ("", ""))
        if program:  # an empty variable switches off what the configuration says
            yield (
                f"{what} puts '{program}' in front of rustc, which is not supported: osimage runs rustc itself and has "
                "its own cache. Take the setting away."
            )
    for key in _FOR_HOST:
        variable = f"CARGO_UNSTABLE_{key.replace('-', '_').upper()}"
        said = environ.get(variable, config.table("unstable").get(key))
        if said not in (None, False, "false"):
            where = f"the variable {variable}" if variable in environ else config.origin("unstable", key)
            yield (
                f"{where} switches on cargo's unstable {key}, which is not supported: build scripts and procedural "
                "macros are compiled as stable cargo does. Take the setting away."
            )
    if environ.get("CARGO_RESOLVER_LOCKFILE_PATH", config.table("resolver").get("lockfile-path")) is not None:
        variable = "the variable CARGO_RESOLVER_LOCKFILE_PATH"
        where = variable if "CARGO_RESOLVER_LOCKFILE_PATH" in environ else config.origin("resolver", "lockfile-path")
        yield (
            f"{where} names another lock file, which is not supported: osimage takes the Cargo.lock of the workspace. "
            "Take the setting away."
        )
    for target in config.table("target"):
        for library, said in config.table("target", target).items():
            if isinstance(said, Mapping):
                yield (
                    f"{config.origin('target', target, library)}: [target.{target}.{library}] takes the place of a "
                    "build script, which is not supported: osimage runs the script. Take the table away."
                )
    yield from _patches(config.table("patch"), config.origin("patch"))


def of_manifest(manifest: Mapping[str, Any], shown: str) -> Iterator[str]:
    """A sentence for each artifact dependency and each `[patch]` of the standard library in MANIFEST, named SHOWN."""
    tables = [manifest, *manifest.get("target", {}).values()]
    for kind in ("dependencies", "dev-dependencies", "build-dependencies"):
        for table in tables:
            for name, described in table.get(kind, {}).items():
                if isinstance(described, Mapping) and "artifact" in described:
                    yield f"{shown}: the artifact dependency '{name}' is not supported: build it on its own."
    yield from _patches(manifest.get("patch", {}), shown)


def _patches(patches: Mapping[str, Any], shown: str) -> Iterator[str]:
    for source, entries in patches.items():
        for key, entry in entries.items() if isinstance(entries, Mapping) else ():
            name = entry.get("package", key) if isinstance(entry, Mapping) else key
            if name in _STD_CRATES:
                yield (
                    f"{shown}: [patch.{source}] replaces '{name}', which is not supported: the sysroot is made from "
                    "the compiler's own rust-src."
                )
