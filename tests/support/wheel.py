"""The wheel of a checkout, and virtual environments that it is installed in, made without a network."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from importlib import metadata, util
from pathlib import Path

from optional import missing

NEEDED = ("SCons", "pyelftools", "toml")  # distributions
LIMIT_S = 120


def build(source: Path, folder: Path) -> Path:
    """The wheel of the checkout SOURCE, in FOLDER."""
    if util.find_spec("hatchling") is None:
        missing("hatchling is not installed: `./dev` does that")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    environ = os.environ | {"SOURCE_DATE_EPOCH": "1700000000"}
    done = subprocess.run(
        command, cwd=source, env=environ, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("*.whl")
    return wheel


def install(wheel: Path, home: Path) -> Path:
    """Make the virtual environment HOME with WHEEL in it; returns its folder of programs."""
    if util.find_spec("pip") is None:
        missing("pip is not installed")
    venv.create(home, symlinks=True)
    library = Path(sysconfig.get_path("purelib", vars={"base": str(home), "platbase": str(home)}))
    for name in NEEDED:  # what pip would fetch
        for file in metadata.files(name) or []:
            if ".." not in file.parts:
                (library / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file.locate(), library / file)
    pip = [sys.executable, "-m", "pip", f"--python={home / 'bin/python'}", "--disable-pip-version-check", "install"]
    done = subprocess.run(
        [*pip, "--no-index", str(wheel)], capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert done.returncode == 0, done.stderr
    scons = home / "bin/scons"
    scons.write_text(f"#!{home / 'bin/python'}\nfrom SCons.Script.Main import main\nmain()\n")
    scons.chmod(0o755)
    return home / "bin"
