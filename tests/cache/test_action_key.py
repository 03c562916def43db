"""The key of a step: what counts and what does not."""

from __future__ import annotations

from typing import Any

import pytest
from osimage.action import Action
from osimage.cache import merkle, wire
from osimage.cache.action import encode
from osimage.cache.wire import Digest
from osimage.errors import Where

A = Digest.of(b"a")
B = Digest.of(b"b")
STEP = Action(
    "core", "core 1.96.0", ("rustc", "--out-dir={out}"), (), ("build/libcore.rlib", "build/core.d"), "f" * 64,
    Where("SConstruct", 3, "env.Sysroot"), env=(("RUSTC_BOOTSTRAP", "1"), ("A", "{root}")),
)  # fmt: skip
FILES = {"src/lib.rs": (A, False), "spec.json": (B, False)}
TREES = {"build/external/rust-src": A}


def test_the_key_is_the_digest_of_the_reapi_action() -> None:
    encoded = encode(STEP, FILES, TREES, {"env:HOME": "unset"})
    properties = [("env:HOME", "unset"), ("osimage-key", "1"), ("osimage-toolchain", "f" * 64)]
    platform = wire.platform(properties)
    command = wire.command(STEP.argv, STEP.env, STEP.outputs, platform)
    root = merkle.build(FILES, TREES)
    action = wire.action(Digest.of(command), root.digest, platform)
    assert encoded.digest == Digest.of(action)
    assert encoded.blobs == root.blobs | {Digest.of(command): command, Digest.of(action): action}


def test_the_key_stays_from_version_to_version() -> None:
    """The digest that protobuf's own messages come to; another one makes everybody's cache useless."""
    assert encode(STEP, FILES, TREES).digest == Digest(
        "2ed7154c6bbe60c27d31238ac181f9dac03fe6cd9d6b562b25fd94863a0217c1", 249
    )


@pytest.mark.parametrize(
    "changed",
    [
        {"argv": ("rustc", "-O", "--out-dir={out}")},
        {"argv": ("rustc --out-dir={out}",)},
        {"env": (("RUSTC_BOOTSTRAP", "1"),)},
        {"env": (("RUSTC_BOOTSTRAP", "0"), ("A", "{root}"))},
        {"outputs": ("build/libcore.rlib",)},
        {"toolchain": "e" * 64},
        {"shared": False},
    ],
    ids=str,
)
def test_what_counts(changed: dict[str, Any]) -> None:
    assert encode(STEP._replace(**changed), FILES, TREES).digest != encode(STEP, FILES, TREES).digest


@pytest.mark.parametrize(
    "changed",
    [
        {"step": "alloc"},
        {"label": "another"},
        {"where": Where("other/SConstruct", 99, "x")},
        {"local": True},
        {"env": tuple(reversed(STEP.env))},
        {"outputs": tuple(reversed(STEP.outputs))},
    ],
    ids=str,
)
def test_what_does_not_count(changed: dict[str, Any]) -> None:
    assert encode(STEP._replace(**changed), FILES, TREES).digest == encode(STEP, FILES, TREES).digest


@pytest.mark.parametrize(
    ("files", "trees", "extra"),
    [
        ({"src/lib.rs": (B, False), "spec.json": (B, False)}, TREES, {}),
        ({"src/lib.rs": (A, True), "spec.json": (B, False)}, TREES, {}),
        ({"src/main.rs": (A, False), "spec.json": (B, False)}, TREES, {}),
        ({"spec.json": (B, False)}, TREES, {}),
        (FILES, {"build/external/rust-src": B}, {}),
        (FILES, {"build/external/rust": A}, {}),
        (FILES, {}, {}),
        (FILES, TREES, {"env:HOME": "unset"}),
        (FILES, TREES, {"env:HOME": "=/people"}),
        (FILES | {"build/external/rust-src/core/x.rs": (A, False)}, TREES, {}),
        (FILES | {"build/external/rust-src/core/x.rs": (A, True)}, TREES, {}),
        (FILES | {"build/external/rust-src/core/x.rs": (B, False)}, TREES, {}),
        (FILES, TREES | {"build/external/rust-src/core": A}, {}),
        (FILES, TREES | {"build/external/rust-src/core": B}, {}),
    ],
)
def test_inputs_count(files: Any, trees: Any, extra: Any) -> None:
    assert encode(STEP, files, trees, extra).digest != encode(STEP, FILES, TREES).digest


def test_an_input_below_a_tree_leaves_what_was_given_alone() -> None:
    files = FILES | {"build/external/rust-src/x.rs": (A, False)}
    before = dict(files)
    encode(STEP, files, TREES)
    assert files == before
    assert encode(STEP, {"a": (A, False)}, {".": B}).digest != encode(STEP, {"a": (B, False)}, {".": B}).digest


def test_an_output_folder_is_named_as_reapi_has_it() -> None:
    """Without the slash; whether it is a file or a folder, the result says."""
    folder = STEP._replace(outputs=("build/x.args", "build/out/"))
    messages = [blob for blob in encode(folder, FILES, TREES).blobs.values() if b"build/out" in blob]
    assert len(messages) == 1
    assert b"build/out/" not in messages[0]
