"""Stands in for rustc while cargo builds: writes down each compilation, and makes empty files of those for the target.

What cargo asks is passed on, and so is what is compiled for this machine, since build scripts have to run.
"""

import json
import os
import sys
from pathlib import Path


def value_after(arguments: list[str], option: str) -> str:
    return arguments[arguments.index(option) + 1]


def announce(path: Path, emitted: str) -> None:
    """Make the file and tell cargo of it, which waits for metadata to go on."""
    path.touch()
    print(json.dumps({"$message_type": "artifact", "artifact": str(path), "emit": emitted}), file=sys.stderr)


def main() -> None:
    arguments = sys.argv[1:]
    real = os.environ["OSIMAGE_RECORDED_RUSTC"]
    if "-vV" in arguments or any(argument.startswith("--print") for argument in arguments):
        os.execv(real, [real, *arguments])
    with Path(os.environ["OSIMAGE_RECORD"]).open("a", encoding="utf-8") as record:
        record.write(json.dumps({"argv": arguments, "env": dict(os.environ)}) + "\n")
    if "--target" not in arguments:
        os.execv(real, [real, *arguments])
    folder = Path(value_after(arguments, "--out-dir"))
    hashes = [a.partition("=")[2] for a in arguments if a.startswith("extra-filename=")]
    stem = value_after(arguments, "--crate-name") + next(iter(hashes), "")
    emit = next(a for a in arguments if a.startswith("--emit="))
    kinds = {arguments[i + 1] for i, argument in enumerate(arguments) if argument == "--crate-type"} or {"bin"}
    (folder / f"{stem}.d").write_text(f"{folder / stem}.d:\n", encoding="utf-8")
    if "metadata" in emit:
        announce(folder / f"lib{stem}.rmeta", "metadata")
    for kind in sorted(kinds):
        names = {"bin": stem, "staticlib": f"lib{stem}.a", "lib": f"lib{stem}.rlib", "rlib": f"lib{stem}.rlib"}
        announce(folder / names[kind], "link")


main()
