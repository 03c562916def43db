"""Which rustflags make another standard library."""

from __future__ import annotations

import pytest
from osimage.sysroot.flags import last, of_library


@pytest.mark.parametrize(
    ("rustflags", "library"),
    [
        ([], ()),
        (["-C", "code-model=kernel"], ("-Ccode-model=kernel",)),
        (["-Ccode-model=kernel"], ("-Ccode-model=kernel",)),
        (["--codegen", "code-model=kernel"], ("-Ccode-model=kernel",)),
        (["--codegen=target-cpu=native"], ("-Ctarget-cpu=native",)),
        (["-C", "target-feature=+crt-static", "-Cpanic=abort"], ("-Ctarget-feature=+crt-static", "-Cpanic=abort")),
        (["-g", "-O"], ("-Cdebuginfo=2", "-Copt-level=3")),
        (["-Z", "sanitizer=kcfi"], ("-Zsanitizer=kcfi",)),
        (["--cfg", 'feature="x"', "--cfg=y"], ('--cfg=feature="x"', "--cfg=y")),
        # the link
        (["-C", "link-arg=-Tkernel/linker.ld", "-Clinker=ld.lld"], ()),
        (["-Clink_args=-n", "-Z", "pre-link-arg=-z", "-L", "native=lib", "-lfoo", "-Lx"], ()),
        (["-Cincremental=/here/x", "-Cstrip=debuginfo"], ()),
        (["-Clink-dead-code"], ("-Clink-dead-code",)),
        # warnings, and what is told how
        (["-Dwarnings", "-D", "unused", "--deny=unused", "--warn", "unused", "-Aunused"], ()),
        (["--check-cfg", "cfg(x)", "--cap-lints=warn", "--color", "always"], ()),
        (["--remap-path-prefix", "/here=/x"], ()),
        # what rustc will refuse is left to it
        (["--quux", "-C"], ("--quux", "-C")),
    ],
)
def test_of_library(rustflags: list[str], library: tuple[str, ...]) -> None:
    assert of_library(rustflags) == library


def test_the_last_one_counts() -> None:
    assert last(("-Copt-level=3", "-Copt-level=s"), "opt-level", "0") == "s"
    assert last((), "opt-level", "0") == "0"
