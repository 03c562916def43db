"""Lints, settings of manifests, and what cargo's own messages become."""

from __future__ import annotations

import tomllib

import pytest
from osimage.crates import lints, query, settings

LINTS = {
    "one of rustc's": ('[lints.rust]\nunused = "warn"\n', ("--warn=unused",)),
    "of other tools": (
        '[lints.clippy]\nall = "deny"\n[lints.rustdoc]\nx = "allow"\n[lints.cargo]\ny = "warn"\n',
        ("--allow=rustdoc::x", "--deny=clippy::all"),
    ),
    "low priority first, then falling names": (
        '[lints.rust]\na = "warn"\nb = "forbid"\nz = { level = "allow", priority = -1 }\n'
        'c = { level = "deny", priority = 1 }\n',
        ("--allow=z", "--forbid=b", "--warn=a", "--deny=c"),
    ),
    "cfg that are expected": (
        "[lints.rust]\nunexpected_cfgs = { level = \"warn\", check-cfg = ['cfg(a)', 'cfg(b, values(\"c\"))'] }\n",
        ("--warn=unexpected_cfgs", "--check-cfg", "cfg(a)", "--check-cfg", 'cfg(b, values("c"))'),
    ),
    "the workspace's": ("[lints]\nworkspace = true\n", ("--deny=of_workspace",)),
    "the workspace's, refused": ('[lints]\nworkspace = false\n[lints.rust]\nown = "warn"\n', ("--warn=own",)),
    "none": ("", ()),
}


@pytest.mark.parametrize(("said", "flags"), LINTS.values(), ids=LINTS.keys())
def test_lints_become_flags_in_cargos_order(said: str, flags: tuple[str, ...]) -> None:
    workspace = tomllib.loads('[workspace.lints.rust]\nof_workspace = "deny"\n')
    assert lints.flags(lints.table(tomllib.loads(said), workspace)) == flags


def test_artifact_dependencies_are_found_in_every_table() -> None:
    said = """
    [build-dependencies]
    one = { path = "a", artifact = "bin" }
    [target.'cfg(unix)'.dependencies]
    two = { path = "a", artifact = ["staticlib"] }
    three = "1"
    [patch."https://example.org/x"]
    core = { path = "a" }
    """
    assert list(settings.of_manifest(tomllib.loads(said), "Cargo.toml")) == [
        "Cargo.toml: the artifact dependency 'two' is not supported: build it on its own.",
        "Cargo.toml: the artifact dependency 'one' is not supported: build it on its own.",
        "Cargo.toml: [patch.https://example.org/x] replaces 'core', which is not supported: the sysroot is made from "
        "the compiler's own rust-src.",
    ]


def test_cargos_words_are_split_into_warnings_and_the_error() -> None:
    said = (
        "    Updating an index\nwarning: a\n  more of a\n\n     Locking 1 package to latest\n"
        "warning: b\nerror: wrong\n\nCaused by:\n  reason\n"
    )
    assert query.split(said) == (("a\n    more of a", "b"), "wrong\n  Caused by:\n    reason")


def test_an_end_without_an_error_line_is_told_whole() -> None:
    assert query.split("thread 'main' panicked\n") == ((), "thread 'main' panicked")
