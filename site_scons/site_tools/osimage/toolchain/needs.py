"""What this machine lacks, in lines for the script `dev`: `python3 -m osimage.toolchain.needs FOLDER`.

Each line is a word and a text. `rely PATH`: what was found there is used. `lack TEXT`: something is missing.
`over TEXT`: a compiler that does not do, and why. `apt NAMES`: the packages that bring what is missing.
`way TEXT`: what to do where apt has none. `also NAMES`: packages that make things better.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

from . import advice
from .find import find_rustc
from .report import examine

_KEYS = {"compiler": "compiler", "cc": "cc", "QEMU": "qemu", "mimalloc": "allocator", "display": "window"}


def lines(root: Path, environ: Mapping[str, str]) -> Iterator[str]:
    """What to tell `dev` about this machine and the project in ROOT."""
    rows = examine(root, environ)
    needed: list[str] = []
    better: list[str] = []
    if find_spec("ensurepip") is None:  # Debian packs it apart; without it a virtual environment has no pip
        needed.append("python3-venv")
        yield "lack venv: Python's module ensurepip"
    apt = advice.ask_apt() if needed or any(row.verdict != "good" for row in rows) else None
    for row in rows:
        if row.verdict == "good":
            yield from [f"rely {row.found}"] if row.found.startswith("/") else []
            continue
        packages = apt.packages(_KEYS[row.name]) if apt else None
        if row.verdict == "worse":
            better += packages or ()
            continue
        found = find_rustc(root, environ)
        # What a toolchain file or RUSTC= demands, no package can bring.
        demanded = row.name == "compiler" and found.origin
        yield f"lack {row.name}: {found.problem}" if row.name == "compiler" and not demanded else f"lack {row.name}"
        if row.name == "compiler":
            yield from (f"over {path}: {why}" for path, why in found.passed)
        if packages and not demanded:
            needed += packages
        elif row.name == "compiler":
            yield f"way {found.problem if demanded else advice.compiler_advice(apt)}"
        else:
            yield f"way {row.advice}"
    yield from [f"apt {' '.join(needed)}"] if needed else []
    yield from [f"also {' '.join(better)}"] if better else []


if __name__ == "__main__":
    for line in lines(Path(sys.argv[1]), os.environ):
        print(line)
