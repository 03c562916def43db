"""What 300 steps from a registry cost a build in which nothing changed, as a ratio to the same build without them.

    ./dev python tests/bench/external.py [--repeat N] [--count N] [--nodes]

With --nodes also what they would cost if each had SCons nodes. The builds alternate run by run; a ratio is the median
of the paired ratios. A project as small as its kernel shows it at its worst.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / "support"), str(Path(__file__).parents[2] / "site_scons/site_tools")]

import many_crates
from project import Project
from small import PROJECT_FILES, Toolchain

AT_MOST = 1.5


def run(project: Project) -> float:
    """Seconds of a build that finds nothing to do."""
    began = time.perf_counter()
    result = project.build()
    took = time.perf_counter() - began
    if not result.stdout.endswith("is up to date.\n") or result.steps:
        sys.exit(f"there was something to do:\n{result.stdout}")
    return took


def main() -> None:
    """Build the projects and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--repeat", type=int, default=9, help="runs of each (default 9)")
    parser.add_argument("--count", type=int, default=300, help="external steps (default 300)")
    parser.add_argument("--nodes", action="store_true", help="also the same steps with nodes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="osimage bench ") as base:
        toolchain = Toolchain(Path(base, "toolchain"))
        kinds = [("none", 0, True), ("external", options.count, True)]
        kinds += [("with nodes", options.count, False)] if options.nodes else []
        projects = []
        for name, count, external in kinds:
            project = Project(Path(base, name), Path(base, "cache"), toolchain.environ).write(PROJECT_FILES)
            many_crates.write(project.root, count, external)
            project.build()
            project.build()  # what was written a moment before is looked at once more
            projects.append(project)
        times = [[run(project) for project in projects] for _ in range(options.repeat)]
        for place, (name, count, _) in enumerate(kinds):
            median = statistics.median(row[place] for row in times)
            ratio = statistics.median(row[place] / row[0] for row in times)
            verdict = "  MISSED" if name == "external" and ratio > AT_MOST else ""
            print(f"{name:<12} {count:>4} steps {median:>7.3f} s {ratio:>6.2f}{verdict}")


if __name__ == "__main__":
    main()
