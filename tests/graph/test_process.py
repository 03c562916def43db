"""The environment of a step's program: what of the person's it sees."""

from __future__ import annotations

from pathlib import Path

import pytest
from osimage.action import Action
from osimage.errors import Where
from osimage.graph.process import environment
from osimage.toolchain.programs import Programs

PROGRAMS = Programs({"rustc": "/usr/bin/rustc"}, "/usr/bin", {})


@pytest.mark.parametrize(
    ("name", "is_seen"),
    [
        *((name, True) for name in ("COLOUR", "CARGO_FOO", "RUST_LOG", "RUST_LOG_DEFAULT", "RUSTFLAGS", "RUSTUP_HOME")),
        *((name, False) for name in ("RUSTC_LOG", "RUSTC_FORCE_RUSTC_VERSION", "RUST_TARGET_PATH", "CARGO_MAKEFLAGS")),
        *((name, False) for name in ("MAKEFLAGS", "LD_PRELOAD", "LLD_REPRODUCE", "LLVM_OVERRIDE_PRODUCER")),
        *((name, False) for name in ("MIMALLOC_VERBOSE", "MALLOC_CHECK_")),
        ("PATH", False),
    ],
)
def test_a_crate_sees_what_does_not_steer_the_compiler(name: str, is_seen: bool) -> None:
    action = Action("crate", "a", ("rustc",), (), ("build/a",), "1", Where("SConstruct", 1, ""))
    for sees_some in (False, True):
        env = environment(action._replace(user_env=sees_some), "out", Path("/project"), PROGRAMS, {name: "mine"})
        assert (env.get(name) == "mine") == (is_seen and sees_some)
