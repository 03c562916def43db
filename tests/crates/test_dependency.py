"""The crate `bootloader` among a kernel's dependencies: found by cargo, with the features that all its users ask for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from osimage.crates import dependency
from osimage.crates.dependency import LoaderCrate
from osimage.errors import OsimageError
from osimage.toolchain.cargo import Cargo
from osimage.toolchain.find import find_rustc

KERNEL = '[package]\nname = "hello"\nversion = "0.1.0"\nedition = "2024"\n\n'
CRATE = '[package]\nname = "bootloader"\nversion = "0.9.35"\n\n[features]\nmap_physical_memory = []\nsse = []\nbinary = []\n'
HELPER = '[package]\nname = "helper"\nversion = "0.1.0"\n\n[dependencies]\n'
PATH = 'path = "../bootloader"'


@pytest.fixture(scope="module")
def cargo() -> Cargo:
    return find_rustc(Path("/"), os.environ).need_cargo()


def write(folder: Path, manifest: str, helper: str = "") -> str:
    """A kernel with MANIFEST beside the crate `bootloader`, and a crate with the dependency HELPER; its Cargo.toml."""
    for name, text in (("hello", KERNEL + manifest), ("bootloader", CRATE), ("helper", HELPER + helper)):
        (folder / name / "src").mkdir(parents=True)
        (folder / name / "Cargo.toml").write_text(text)
        (folder / name / "src/lib.rs").write_text("#![no_std]\n")
    return str(folder / "hello/Cargo.toml")


def lock(cargo: Cargo, manifest: str) -> None:
    """Let CARGO write the lock file, as it has when it built the kernel."""
    words = ("generate-lockfile", "--offline", "--manifest-path", manifest)
    assert cargo.run_in(os.path.dirname(manifest), words, os.environ)[0] == 0


@pytest.mark.parametrize(
    ("manifest", "helper", "finds"),
    [
        ("", "", None),
        (f"[dependencies]\nbootloader = {{ {PATH} }}", "", LoaderCrate("0.9.35", (), {})),
        (
            f'[dependencies]\nbootloader = {{ {PATH}, features = ["sse"] }}\nhelper = {{ path = "../helper" }}\n'
            '[package.metadata.bootloader]\nkernel-stack-size = 128\n',
            f'bootloader = {{ {PATH}, features = ["map_physical_memory"] }}',
            LoaderCrate("0.9.35", ("map_physical_memory", "sse"), {"kernel-stack-size": 128}),
        ),
        (f'[dependencies]\nboot = {{ package = "bootloader", {PATH} }}', "", LoaderCrate("0.9.35", (), {})),
        (f"[target.'cfg(target_os = \"none\")'.dependencies]\nbootloader = {{ {PATH} }}", "",
         LoaderCrate("0.9.35", (), {})),
        (f"[build-dependencies]\nbootloader = {{ {PATH} }}", "", None),
        ('[dependencies]\nhelper = { path = "../helper" }', f"bootloader = {{ {PATH} }}", None),
    ],
)  # fmt: skip
def test_it_is_found_with_its_features(
    manifest: str, helper: str, finds: LoaderCrate | None, cargo: Cargo, tmp_path: Path
) -> None:
    path = write(tmp_path, manifest, helper)
    lock(cargo, path)
    found = dependency.ask(cargo, path, os.environ)
    assert found.loader == finds
    assert {path, str(tmp_path / "hello/Cargo.lock")} <= set(found.consulted)
    assert finds is None or str(tmp_path / "bootloader/Cargo.toml") in found.consulted


def test_what_cargo_refuses_is_told_in_its_words(cargo: Cargo, tmp_path: Path) -> None:
    path = write(tmp_path, "[dependencies]\nbootloader = { path = '../nowhere' }")
    with pytest.raises(OsimageError, match=f"^cargo does not say what {path} depends on:\nerror: failed to get"):
        dependency.ask(cargo, path, os.environ)
