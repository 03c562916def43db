"""osimage against `cargo bootimage` on the kernel of "A Minimal Rust Kernel", in one run, as ratios.

    ./dev python tests/bench/bootimage.py [--repeat N] [--cold N] [--only WORK]

Needs `cargo bootimage` on PATH or in CARGO_BOOTIMAGE (`cargo install bootimage`), and the crate registry once. With
Debian's compiler it also needs llvm-22's `llvm-*` tools linked into `<sysroot>/lib/rustlib/<host>/bin`.
Both sides use the same compiler and alternate run by run; a ratio is the median of the paired ratios.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from project import FILES, MAIN, MANIFEST, Project
from sides import Pair, Side, cargo_bootimage, head, tell, tools

PEER_CONFIG = """\
[unstable]
build-std = ["core", "compiler_builtins"]
build-std-features = ["compiler-builtins-mem"]
json-target-spec = true

[build]
target = "x86_64-hello.json"
"""

PEER_SPEC = """\
{
  "llvm-target": "x86_64-unknown-none", "arch": "x86_64", "os": "none", "target-endian": "little",
  "data-layout": "e-m:e-p270:32:32-p271:32:32-p272:64:64-i64:64-i128:128-f80:128-n8:16:32:64-S128",
  "target-pointer-width": 64, "target-c-int-width": 32, "executables": true, "linker-flavor": "ld.lld",
  "linker": "rust-lld", "panic-strategy": "abort", "disable-redzone": true, "rustc-abi": "softfloat",
  "features": "-mmx,-sse,+soft-float"
}
"""


class Bench:
    """Both sides in a temporary folder."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.cache = base / "cache"
        self.serial = 0
        self.tools = tools(base)
        self.peer = self._peer()
        self.ours = self.project("ours", self.cache)

    def project(self, name: str, cache: Path) -> Side:
        """A project of ours in a folder of its own."""
        project = Project(self.base / name, cache).write(FILES)
        environ = self.tools.environ | {"OSIMAGE_CACHE": str(cache), "NO_COLOR": "1"}
        return Side("osimage", project.root, project.command("image"), environ)

    def _peer(self) -> Side:
        folder = self.base / "peer"
        files = {
            "Cargo.toml": MANIFEST + '\n[dependencies]\nbootloader = "0.9"\n',
            "src/main.rs": MAIN,
            ".cargo/config.toml": PEER_CONFIG,
            "x86_64-hello.json": PEER_SPEC,
        }
        Project(folder, self.cache).write(files)
        environ = self.tools.environ | {"CARGO_MANIFEST_DIR": str(folder)}
        subprocess.run([self.tools.cargo, "fetch"], cwd=folder, env=environ, check=True, capture_output=True)
        return Side("cargo bootimage", folder, [cargo_bootimage(), "bootimage"], environ)

    def fresh(self) -> Side:
        """Another folder with the same project, and the cache that the first one filled."""
        self.serial += 1
        return self.project(f"fresh {self.serial}", self.cache)

    def second_project(self) -> Side:
        """Another kernel for the same target, and the same cache."""
        side = self.fresh()
        self.edit(side, "Another kernel")
        return side

    def edit(self, side: Side, text: str) -> None:
        """Another string in the kernel's source."""
        main_of(side).write_text(MAIN.replace("Hello World!", text))


def main_of(side: Side) -> Path:
    """The kernel's main.rs."""
    return side.folder / ("kernel/src/main.rs" if side.name == "osimage" else "src/main.rs")


def cold(bench: Bench, repeat: int) -> list[Pair]:
    """An empty cache and no build folder; the crates are fetched."""
    pairs = []
    for number in range(repeat):
        shutil.rmtree(bench.peer.folder / "target", ignore_errors=True)
        side = bench.project(f"cold {number}", bench.base / f"cold cache {number}")
        pairs.append((side.run(), bench.peer.run()))
    bench.ours.run()
    return pairs


def each(change: Callable[[Bench, Side, int], None]) -> Callable[[Bench, int], list[Pair]]:
    """Runs both sides by turns, after CHANGE to each."""

    def work(bench: Bench, repeat: int) -> list[Pair]:
        pairs = []
        for number in range(repeat):
            for side in (bench.ours, bench.peer):
                change(bench, side, number)
            pairs.append((bench.ours.run(), bench.peer.run()))
        return pairs

    return work


def against_cold(make: Callable[[Bench], Side]) -> Callable[[Bench, int], list[Pair]]:
    """A new folder of ours with a warm cache; the peer has no such thing and builds from nothing."""

    def work(bench: Bench, repeat: int) -> list[Pair]:
        shutil.rmtree(bench.peer.folder / "target", ignore_errors=True)
        peer = bench.peer.run()
        return [(make(bench).run(), peer) for _ in range(repeat)]

    return work


WORKS: dict[str, tuple[str, float, Callable[[Bench, int], list[Pair]]]] = {
    "cold": ("cold, empty cache", 0.43, cold),
    "null": ("nothing changed", 0.30, each(lambda bench, side, n: None)),
    "edit": ("one string edited, to new image", 0.25, each(lambda bench, side, n: bench.edit(side, f"Hello {n:06}"))),
    "touch": ("touch of every source", 0.12, each(lambda bench, side, n: main_of(side).touch())),
    "fresh": ("fresh clone elsewhere, warm cache", 0.05, against_cold(Bench.fresh)),
    "second": ("second project with the same target", 0.06, against_cold(Bench.second_project)),
}


def main() -> None:
    """Run the works asked for and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--repeat", type=int, default=9, help="runs of the quick works (default 9)")
    parser.add_argument("--cold", type=int, default=1, help="runs of the cold build (default 1)")
    parser.add_argument("--only", choices=WORKS, action="append", help="only this work; may be repeated")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="osimage bench ") as base:
        bench = Bench(Path(base))
        if "cold" not in (options.only or WORKS):
            bench.ours.run()
            bench.peer.run()
        head("bootimage")
        for name, (title, limit, work) in WORKS.items():
            if name in (options.only or WORKS):
                tell(title, work(bench, options.cold if name == "cold" else options.repeat), limit)


if __name__ == "__main__":
    main()
