"""osimage against `cargo bootimage`, `cargo test` and `cargo build` on a Cargo project, in one run, as ratios.

    ./dev python tests/bench/cargo_project.py [--project FOLDER] [--library FILE] [--repeat N] [--only WORK]

FOLDER is a kernel that `cargo bootimage` builds, by default the large one of `generated.py`; it is copied. A line is
added to FILE (default `src/lib.rs`) for edits in the library, and to `src/main.rs` for edits in the last crate. Needs
what `bootimage.py` needs. Each side has a copy of its own, and the edits alternate.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import generated
from project import Project
from sides import Pair, Side, cargo_bootimage, head, tell, tools

SCONSTRUCT = 'env = Environment(tools=["osimage"])\nenv.CargoProject(".")\n'


class Bench:
    """Copies of one project in a temporary folder: ours, the peer's, and one for `cargo build` alone."""

    def __init__(self, base: Path, project: Path | None, library: str) -> None:
        self.base = base
        self.tools = tools(base)
        self.library = library
        self.serial = 0
        self.original = generated.write(base) if project is None else project.resolve()
        self.cache = base / "cache"
        self.ours = self.side("ours", self.cache)
        self.peer = self.with_cargo("peer", [cargo_bootimage(), "bootimage"])
        self.cargo = self.with_cargo("cargo", [self.tools.cargo, "build"])

    def side(self, name: str, cache: Path) -> Side:
        """A copy of ours called NAME, with its results in CACHE."""
        project = Project(self._copy(name), cache).write({"SConstruct": SCONSTRUCT})
        environ = self.tools.environ | {"OSIMAGE_CACHE": str(cache), "NO_COLOR": "1"}
        return Side("osimage", project.root, project.command(f"RUSTC={self.tools.rustc}"), environ)

    def with_cargo(self, name: str, command: list[str]) -> Side:
        """A copy called NAME in which COMMAND is run; its crates are fetched."""
        folder = self._copy(name)
        environ = self.tools.environ | {"CARGO_MANIFEST_DIR": str(folder)}
        subprocess.run([self.tools.cargo, "fetch"], cwd=folder, env=environ, check=True, capture_output=True)
        return Side(" ".join([Path(command[0]).name, *command[1:]]), folder, command, environ)

    def fresh(self) -> Side:
        """Another copy of ours with the cache that the first one filled."""
        self.serial += 1
        return self.side(f"fresh {self.serial}", self.cache)

    def test(self, side: Side, *more: str) -> float:
        """Run the tests of SIDE."""
        if side is self.ours:
            return side.run("test", *more)
        # No doctests, which ours are not asked for either.
        return Side("cargo test", side.folder, [self.tools.cargo, "test", "--tests"], side.environ).run()

    def edit(self, name: str) -> None:
        """Add a function to the file NAME in every copy."""
        self.serial += 1
        line = f'\n#[unsafe(no_mangle)]\npub extern "C" fn edited_{self.serial}() -> u64 {{\n    {self.serial}\n}}\n'
        for side in (self.ours, self.peer, self.cargo):
            path = side.folder / name
            path.write_text(path.read_text() + line)

    def _copy(self, name: str) -> Path:
        ignored = shutil.ignore_patterns("target", "build", ".git", "rust-toolchain*")
        # Beside the original, whose path dependencies may be relative.
        at = (self.base if self.original.is_relative_to(self.base) else self.base / "copies") / name
        return Path(shutil.copytree(self.original, at, ignore=ignored, symlinks=True))


def cold(bench: Bench, _repeat: int) -> list[Pair]:
    """An empty cache and no build folder; the crates are fetched."""
    pair = bench.ours.run(), bench.peer.run()
    bench.cargo.run()
    return [pair]


def null(bench: Bench, repeat: int) -> list[Pair]:
    """Nothing changed."""
    return [(bench.ours.run(), bench.peer.run()) for _ in range(repeat)]


def edit(in_library: bool, alone: bool) -> Callable[[Bench, int], list[Pair]]:
    """One function more in the library or in the last crate, against the peer or `cargo build` ALONE."""

    def work(bench: Bench, repeat: int) -> list[Pair]:
        pairs = []
        for _ in range(repeat):
            bench.edit(bench.library if in_library else generated.MAIN)
            ours, peer, cargo = bench.ours.run(), bench.peer.run(), bench.cargo.run()
            pairs.append((ours, cargo if alone else peer))
        return pairs

    return work


def fresh(bench: Bench, _repeat: int) -> list[Pair]:
    """A new copy of the original, with a warm cache; the peer has no such thing and builds from nothing."""
    shutil.rmtree(bench.peer.folder / "target")
    return [(bench.fresh().run(), bench.peer.run())]


def booting(*more: str, once: bool = False) -> Callable[[Bench, int], list[Pair]]:
    """The tests, with MORE settings for ours."""

    def work(bench: Bench, repeat: int) -> list[Pair]:
        return [(bench.test(bench.ours, *more), bench.test(bench.peer)) for _ in range(1 if once else repeat)]

    return work


WORKS: dict[str, tuple[str, float, Callable[[Bench, int], list[Pair]]]] = {
    "cold": ("cold, empty cache", 0.45, cold),
    "null": ("nothing changed", 0.30, null),
    "leaf": ("edit in the last crate, to new image", 0.50, edit(False, False)),
    "leaf-alone": ("the same against `cargo build` alone", 1.30, edit(False, True)),
    "library": ("edit in the library, to new image", 0.50, edit(True, False)),
    "library-alone": ("the same against `cargo build` alone", 1.30, edit(True, True)),
    "fresh": ("fresh clone elsewhere, warm cache", 0.06, fresh),
    "test": ("tests, first run", 0.40, booting(once=True)),
    "booted": ("tests again, every one booted", 0.15, booting("TEST_CACHE=no")),
    "cached": ("tests again, cached", 0.05, booting()),
}


def main() -> None:
    """Run the works asked for and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument(
        "--project", type=Path, help="a kernel that `cargo bootimage` builds (default: a generated one)"
    )
    parser.add_argument("--library", default="src/lib.rs", help="the file for edits in the library")
    parser.add_argument("--repeat", type=int, default=3, help="runs of the quick works (default 3)")
    parser.add_argument("--only", choices=WORKS, action="append", help="only this work; may be repeated")
    options = parser.parse_args()
    if options.project is not None and not (options.project / "Cargo.toml").is_file():
        sys.exit(f"{options.project} has no Cargo.toml")
    with tempfile.TemporaryDirectory(prefix="osimage-bench-") as base:
        bench = Bench(Path(base), options.project, options.library)
        if "cold" not in (options.only or WORKS):
            cold(bench, 1)
        head("peer")
        for name, (title, limit, work) in WORKS.items():
            if name in (options.only or WORKS):
                tell(title, work(bench, options.repeat), limit)


if __name__ == "__main__":
    main()
