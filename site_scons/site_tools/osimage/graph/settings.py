"""What a person may set on the command line, NAME=VALUE."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from ..errors import OsimageError, did_you_mean

# With what `scons -h` says of them.
SETTINGS = {
    "PROFILE": "Cargo profile of kernels: dev (default), release or a custom one",
    "BIN": "the binary of a Cargo project's kernel where it has several",
    "FEATURES": "more features for kernels, separated by commas",
    "INCREMENTAL": "auto (default), yes or no: incremental compilation",
    "LOCKED": "yes stops where a Cargo.lock is missing or would change",
    "RUSTC": "the compiler to use",
    "QEMU_ARGS": "more arguments for QEMU, quoted as in a shell",
    "TEST": "tests to boot: a part of a name, or a glob",
    "TEST_CACHE": "no boots also tests that passed as they are",
    "TEST_TIMEOUT": "the seconds that each test may take",
    "DOCTESTS": "yes tests the examples in documentation, too",
    "SCREENSHOT": "a PNG file for the settled screen; no window opens",
    "TWICE": "yes runs every step two times and compares what they make",
    "VERBOSE": "1 shows every command in full",
}


def faults(arguments: Mapping[str, str], environ: Mapping[str, str]) -> list[str]:
    """What is wrong with the settings in ARGUMENTS and in ENVIRON; prints a warning for one that nobody declared."""
    verbose = arguments.get("VERBOSE", "")
    found = [] if verbose in ("", "0", "1") else [f"VERBOSE={verbose}: write VERBOSE=1, or leave it out."]
    for name in ("LOCKED", "TWICE", "DOCTESTS"):
        value = arguments.get(name, "")
        if value not in ("", "no", "yes"):
            found.append(f"{name}={value}: write {name}=yes, or leave it out.")
    if "OSIMAGE_CACHE_SIZE" in environ:
        from ..cache.location import limit

        try:
            limit(environ)
        except OsimageError as error:
            found.append(str(error))
    for name, value in arguments.items():
        if name not in SETTINGS:
            close = did_you_mean(name.upper(), SETTINGS)
            if close:
                found.append(f"{name}={value}: no such setting.{close}")
            else:
                print(f"osimage: warning: nobody declared a setting {name}", file=sys.stderr)
    return found
