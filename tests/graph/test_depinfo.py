"""What rustc's dep-info says was read, and what of it nobody declared."""

from __future__ import annotations

import pytest
from osimage.action import Action, Input
from osimage.errors import Where
from osimage.graph import depinfo

TEXT = r"""build/hello.elf: kernel/src/main.rs kernel/src/a\ b.rs build/sysroot/lib/libcore.rmeta

build/hello.d: kernel/src/main.rs kernel/src/a\ b.rs build/sysroot/lib/libcore.rmeta

kernel/src/main.rs:
kernel/src/a\ b.rs:
build/sysroot/lib/libcore.rmeta:

# env-dep:CARGO_PKG_NAME=hello
# env-dep:NOT_SET
"""


LINKED = r"""build/hello.elf: \
  kernel/link.ld \
  kernel/more\ symbols.ld \
  /pro/ject$$a\ \#1:\ x/build/.osimage/scratch/1/symbols.o \
  kernel/back/slash.ld

kernel/link.ld:

kernel/more\ symbols.ld:
"""


def action(*inputs: Input) -> Action:
    return Action("kernel", "kernel hello", ("rustc",), inputs, ("build/hello.elf",), "id", Where("SConstruct", 5, "k"))


def test_files_and_variables_are_parsed() -> None:
    info = depinfo.parse(TEXT)
    assert info.files == ("build/sysroot/lib/libcore.rmeta", "kernel/src/a b.rs", "kernel/src/main.rs")
    assert info.env == ("CARGO_PKG_NAME", "NOT_SET")


def test_what_the_linker_read_is_told_without_its_escapes() -> None:
    places = [("/pro\\ject$a #1: x/build", "build"), ("/pro\\ject$a #1: x", "")]
    assert depinfo.linked(LINKED, places, ["kernel/back\\slash.ld", "kernel/link.ld"]) == [
        "kernel/link.ld",
        "kernel/more symbols.ld",
        "build/.osimage/scratch/1/symbols.o",
        "kernel/back\\slash.ld",
    ]


@pytest.mark.parametrize(
    ("file", "sources", "undeclared"),
    [
        ("kernel/src/main.rs", ("kernel/src/main.rs",), ()),
        ("./kernel/src/../src/main.rs", ("kernel/src/main.rs",), ()),
        ("/project/shared/logo.bin", ("shared/logo.bin",), ()),  # absolute, by CARGO_MANIFEST_DIR, but in the project
        ("build/core.rmeta", (), ()),  # a declared file
        ("build/external/rust-src/core/src/lib.rs", (), ()),  # below a declared tree
        ("/usr/lib/rustlib/x/libstd.rlib", (), ()),  # the compiler's own
        ("build/sysroot/alloc/liballoc.rmeta", (), ("build/sysroot/alloc/liballoc.rmeta",)),
        ("kernel/../../logo.bin", (), ("../logo.bin",)),
        ("/etc/hostname", (), ("/etc/hostname",)),
        ("build/external/rust-src/corelike/lib.rs", (), ("build/external/rust-src/corelike/lib.rs",)),
    ],
)
def test_what_was_read_is_a_source_or_undeclared(
    file: str, sources: tuple[str, ...], undeclared: tuple[str, ...]
) -> None:
    inputs = (Input("kernel", "package"), Input("build/core.rmeta"), Input("build/external/rust-src/core", "tree"))
    assert depinfo.split([file], action(*inputs), "/project", "build", "/usr/lib") == (sources, undeclared)
