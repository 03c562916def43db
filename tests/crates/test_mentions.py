"""Which units may use the crate alloc, by what their packages' sources say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from osimage.crates import mentions
from osimage.crates.metadata import Package
from unit_graphs import graph, unit


def packages(folder: Path, sources: dict[str, dict[str, str | bytes]], local: str = "") -> dict[str, Package]:
    """Packages with SOURCES, by name; LOCAL is the project's own."""
    for name, files in sources.items():
        for file, text in files.items():
            path = folder / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return {
        name: Package(name, name, "1.0.0", None if name == local else "registry+x", f"{folder}/{name}/Cargo.toml", (), (),
                      None, (), None, None, (), ())
        for name in sources
    }  # fmt: skip


@pytest.mark.parametrize(("files", "named"), [
    ({"src/lib.rs": "pub fn f() {}"}, False),
    ({"src/lib.rs": "extern crate alloc;"}, True),
    ({"src/deep/inner.rs": '#[cfg(feature = "alloc")]\nuse alloc::vec::Vec;'}, True),
    ({"src/lib.rs": "use r#alloc as a;"}, True),
    ({"src/lib.rs": "pub use ::alloc::*;"}, True),
    ({"src/lib.rs": "fn allocate(dealloc: u8, alloc_frame: u8, alloc2: u8) {}"}, False),
    ({"src/lib.rs": "//! needs no `alloc`\n    /// alloc\n// alloc"}, False),
    ({"src/lib.rs": "fn f() {} // alloc"}, True),
    ({"src/lib.rs": "/* alloc */"}, True),
    ({"build.rs": 'fn main() { write("extern crate alloc;") }'}, True),
    ({"src/generated.in": "extern crate alloc;"}, True),
    ({"src/lib.rs": b"\xff\xfe alloc"}, True),
    ({"Cargo.toml": "[features]\nalloc = []", "Cargo.toml.orig": "alloc", "README.md": "alloc", "Cargo.lock": "alloc"}, False),
])  # fmt: skip
def test_a_source_names_alloc(files: dict[str, str | bytes], named: bool, tmp_path: Path) -> None:
    found = mentions.units(graph(unit("a")), packages(tmp_path, {"a": files}))
    assert found == ({0} if named else frozenset())


def test_what_uses_one_that_names_it_may_load_it_too(tmp_path: Path) -> None:
    """Also by a macro of a procedural macro's crate, or by what a build script wrote."""
    units = graph(
        unit("uses", "proc-macro", platform=None),
        unit("plain"),
        unit("above", "lib", 0, 1),
        unit("beside", "lib", 1),
        unit("kernel", "bin", 2, 3),
    )
    sources = {"uses": {"lib.rs": 'quote("alloc")'}, "plain": {}, "above": {}, "beside": {}, "kernel": {}}
    assert mentions.units(units, packages(tmp_path, sources)) == {0, 2, 4}


def test_code_that_may_include_what_lies_outside_its_folder_may_load_it(tmp_path: Path) -> None:
    """A crate of a registry is packed whole; one of a git repository may reach into the rest of that."""
    found = packages(tmp_path, {"a": {"lib.rs": ""}})
    assert mentions.units(graph(unit("a")), {"a": replace(found["a"], source="git+x#1")}) == {0}
    (tmp_path / "a" / "linked").symlink_to(tmp_path)
    assert mentions.units(graph(unit("a")), found) == {0}


def test_code_that_may_change_without_a_new_plan_may_load_it(tmp_path: Path) -> None:
    units = graph(unit("plain"), unit("kernel", "bin", 0))
    assert mentions.units(units, packages(tmp_path, {"plain": {}, "kernel": {}}, local="kernel")) == {1}


def test_a_source_that_cannot_be_read_may_say_anything(tmp_path: Path) -> None:
    found = packages(tmp_path, {"a": {"lib.rs": ""}})
    (tmp_path / "a" / "gone.rs").symlink_to("nowhere")
    assert mentions.units(graph(unit("a")), found) == {0}
