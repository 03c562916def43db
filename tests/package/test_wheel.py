"""The wheel: what is in it, and that the same sources make the same bytes."""

from __future__ import annotations

import shutil
import zipfile
from email import message_from_bytes
from pathlib import Path

import osimage
from project import REPOSITORY
from wheel import build

PACKAGE = REPOSITORY / "site_scons/site_tools/osimage"
INFO = f"osimage-{osimage.__version__}.dist-info"


def sources(folder: Path, *endings: str) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.suffix in endings}


def test_it_holds_the_tool_the_loaders_sources_and_the_licences(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    tool = {f"osimage/{name}" for name in sources(PACKAGE, ".py")}
    loader = {f"osimage/bootloader/{name}" for name in sources(REPOSITORY / "bootloader", ".rs", ".s", ".ld", ".toml")}
    info = {f"{INFO}/{name}" for name in ("METADATA", "RECORD", "WHEEL", "entry_points.txt")}
    licences = {f"{INFO}/licenses/LICENSE-{name}" for name in ("APACHE", "MIT")}
    assert names == tool | loader | info | licences | {"SCons/Tool/osimage.py", "osimage/bootloader/README.md"}


def test_it_says_what_it_is_and_needs(wheel: Path) -> None:
    said = message_from_bytes(zipfile.ZipFile(wheel).read(f"{INFO}/METADATA"))
    assert (said["Version"], said["License-Expression"]) == (osimage.__version__, "MIT OR Apache-2.0")
    assert said["Requires-Python"] == ">=3.11"
    needed = {requirement.partition(">=")[0] for requirement in said.get_all("Requires-Dist", [])}
    assert needed == {"scons", "pyelftools", "toml"}


def test_the_same_sources_make_the_same_bytes(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for name in ("site_scons", "bootloader", "packaging"):
        shutil.copytree(REPOSITORY / name, here / name)
    for name in ("pyproject.toml", ".gitignore", "README.md", "LICENSE-APACHE", "LICENSE-MIT"):
        shutil.copy2(REPOSITORY / name, here / name)
    shutil.copytree(here, there, copy_function=shutil.copyfile)  # other times, other rights
    assert build(here, tmp_path / "one").read_bytes() == build(there, tmp_path / "two").read_bytes()
