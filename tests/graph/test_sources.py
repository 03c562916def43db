"""Which files of a package count as its sources."""

from __future__ import annotations

from pathlib import Path

import pytest
from osimage.graph.sources import package_files, rust_names


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in (
        "kernel/Cargo.toml", "kernel/src/main.rs", "kernel/src/deep/mod.rs", "kernel/logo.bin", "kernel/.hidden/x.rs",
        "kernel/target/debug/x.rs", "kernel/build/link.ld", "kernel/nested/Cargo.toml", "kernel/nested/src/lib.rs",
        "kernel/src/target/mod.rs",
        "kernel/out/CACHEDIR.TAG",
        "kernel/out/layout.rs",
        "other.rs",
    ):  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    return tmp_path


def test_nested_packages_build_folders_and_dot_folders_are_left_out(tree: Path) -> None:
    found = sorted(package_files(str(tree), "kernel"))
    # A folder that happens to be called so is no build folder.
    assert found == ["kernel/Cargo.toml", "kernel/build/link.ld", "kernel/logo.bin", "kernel/src/deep/mod.rs", "kernel/src/main.rs",
                     "kernel/src/target/mod.rs"]  # fmt: skip


def test_the_project_root_itself_may_be_the_package(tree: Path) -> None:
    assert sorted(package_files(str(tree), ".")) == ["other.rs"]


def test_names_of_rust_files(tree: Path) -> None:
    assert rust_names(str(tree), "kernel") == (
        "kernel/src/deep/mod.rs",
        "kernel/src/main.rs",
        "kernel/src/target/mod.rs",
    )


def test_a_link_that_leads_back_ends(tree: Path) -> None:
    (tree / "kernel/src/loop").symlink_to(".")
    found = [name for name in package_files(str(tree), "kernel") if name.startswith("kernel/src/loop/")]
    assert sorted(found) == ["kernel/src/loop/deep/mod.rs", "kernel/src/loop/main.rs", "kernel/src/loop/target/mod.rs"]
