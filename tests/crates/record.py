"""Writes data/cargo-argv.json anew: what cargo says and does of the projects beside this file. It takes cargo 1.96.0.

Run it in the repository: `PYTHONPATH=tests/support:site_scons/site_tools ./dev python tests/crates/record.py`.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from cargo_cases import CASES, RECORDED, VERSION, LiveCargo, built_by_cargo, cargo_is_here, copied, plan_of
from osimage.toolchain import facts
from osimage.toolchain.rustc import HostLinker, Linker, Rustc


def rustc_1_96() -> Rustc:
    recorded = json.loads((RECORDED.parent / "rustc-1.96.json").read_text(encoding="utf-8"))
    del recorded["answers"]
    recorded |= {"linker": Linker(**recorded["linker"]), "version": tuple(recorded["version"])}
    recorded["host_linker"] = HostLinker(**recorded["host_linker"])
    return Rustc(**recorded, ask=lambda question: facts.run(recorded["path"], question))


def main() -> None:
    if not cargo_is_here():
        sys.exit(f"this machine's cargo is not {VERSION}")
    calls: dict[str, Any] = {}
    runs: dict[str, Any] = {}
    said: dict[str, Any] = {}
    for case in CASES:
        with tempfile.TemporaryDirectory() as scratch:
            calls[case.name], runs[case.name] = built_by_cargo(case, Path(scratch, "cargo"))
            root = copied(case.project, Path(scratch, "ours"))
            cargo = LiveCargo(root)
            plan_of(case, root, rustc_1_96(), cargo)
            said[case.name] = cargo.said
    text = json.dumps({"cargo": VERSION, "calls": calls, "runs": runs, "said": said}, indent=1)
    RECORDED.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
