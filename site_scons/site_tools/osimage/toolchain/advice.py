"""What to do about a program that is missing: the packages of this machine's distribution, or rustup."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from .process import output_of

# What apt may have, by what it is for; of a row's names the first that apt has is taken.
PACKAGES: dict[str, tuple[tuple[str, ...], ...]] = {
    "compiler": (("rustc-web",), ("cargo-web",), ("rust-web-src",), ("lld-22", "lld")),
    "cc": (("gcc",), ("libc6-dev",)),
    "qemu": (("qemu-system-x86",),),
    "window": (("qemu-system-gui",),),
    "allocator": (("libmimalloc2.0", "libmimalloc3"),),
}
RUSTUP = (
    "Install rustup (https://rustup.rs), then run "
    "`rustup toolchain install nightly --profile minimal --component rust-src`."
)
_LISTS = Path("/var/lib/apt/lists")
_OLDEST_PACKAGE = (1, 95)  # of rustc-web, as for any compiler


class Apt(NamedTuple):
    """Whether this machine HAS apt, and what it can install, name to version; None: it has no lists of packages yet."""

    has: bool
    versions: Mapping[str, str] | None

    def packages(self, what: str) -> tuple[str, ...] | None:
        """The names to install for WHAT, a key of PACKAGES, or None: it has not all of them, or too old ones."""
        if not self.has:
            return None
        if self.versions is None:  # Debian's names; `apt-get update` comes first
            return tuple(names[0] for names in PACKAGES[what])
        chosen = [next((name for name in names if name in self.versions), None) for names in PACKAGES[what]]
        found = re.match(r"(\d+)\.(\d+)", self.versions.get("rustc-web", ""))
        if None in chosen or (what == "compiler" and found and (int(found[1]), int(found[2])) < _OLDEST_PACKAGE):
            return None
        return tuple(name for name in chosen if name)


def ask_apt() -> Apt:
    """What apt knows of PACKAGES; takes half a second, so it is asked only when something is missing."""
    if shutil.which("apt-get") is None:
        return Apt(False, None)
    if not any("_Packages" in file.name for file in _LISTS.glob("*")):
        return Apt(True, None)
    every = [name for row in PACKAGES.values() for names in row for name in names]
    output = output_of(("env", "LC_ALL=C", "apt-cache", "policy", *every))
    return Apt(True, candidates(output))


def candidates(policy: str) -> dict[str, str]:
    """Package name to version, without the epoch, of what `apt-cache policy` says can be installed."""
    found = re.findall(r"^(\S+):\n(?:  .*\n)*?  Candidate: (?:\d+:)?(\S+)", policy, re.MULTILINE)
    return {name: version for name, version in found if version != "(none)"}


def install(packages: Sequence[str]) -> str:
    """What to do to get PACKAGES."""
    return f"As root: `apt-get install {' '.join(packages)}`."


def compiler_advice(apt: Apt | None = None) -> str:
    """How to get a compiler that has all it needs."""
    apt = apt or ask_apt()
    packages = apt.packages("compiler")
    if packages:
        return install(packages)
    return f"apt has no fitting packages (`apt-get update` may bring them). {RUSTUP}" if apt.has else RUSTUP


def qemu_advice(apt: Apt | None = None) -> str:
    """How to get QEMU."""
    packages = (apt or ask_apt()).packages("qemu")
    return install(packages) if packages else "Install your distribution's package of QEMU for x86-64."
