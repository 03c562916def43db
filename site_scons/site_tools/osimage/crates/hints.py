"""What a person can do about errors of rustc whose cause lies in the declaration or in a crate's version."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

# (error code or None, pattern of the message, advice); the first that fits any error counts.
_ADVICE = (
    (
        "E0463",
        r"can't find crate for `alloc`",
        "The crate `alloc` is there for kernels that ask for it: write alloc=True in env.Kernel(…), or, for "
        'env.CargoProject, "alloc" in build-std of .cargo/config.toml.',
    ),
    (
        "E0463",
        r"can't find crate for `std`",
        "A kernel has no `std`: write #![no_std] first in the crate's root file, and use `core` in its place.",
    ),
    (
        "E0463",
        r"can't find crate for `test`",
        "The crate `test` needs `std`: a kernel's tests use #![feature(custom_test_frameworks)].",
    ),
    (
        "E0463",
        r"can't find crate for `proc_macro`",
        "Procedural macros run on the machine that builds: they are a crate of their own, with proc-macro = true in "
        "its [lib].",
    ),
    (
        None,
        r"cannot find (?:linker|version) script ([^\s:]+)",
        "The linker looks for {0} in the folder of the workspace's Cargo.toml.",
    ),
)  # fmt: skip

# The same for a crate that nobody edits here, by its name and version.
_ADVICE_ELSEWHERE = (
    (
        "E0463",
        r"can't find crate for `std`",
        "{name} {version} uses `std`, which a kernel does not have. Many crates do without it where Cargo.toml gives "
        "them default-features = false; `cargo tree -e features -i {name}@{version}` says who switched it on.",
    ),
)

# Errors by which a crate does not fit the compiler, since what is unstable changes: what it was written for.
_MISFITS = {"E0046": "an older", "E0053": "another", "E0407": "a newer", "E0557": "an older", "E0635": "another"}


def explain(diagnostics: Sequence[Mapping[str, Any]], external: str = "") -> str | None:
    """One line of advice for the errors among DIAGNOSTICS, rustc's JSON messages; None where these say it all.

    EXTERNAL is the label of a crate that nobody edits here, which begins with its name and version.
    """
    errors = [entry for entry in diagnostics if str(entry.get("level", "")).startswith("error")]
    name, version, *_ = external.split() if external else ("", "")
    rules = (*_ADVICE_ELSEWHERE, *_ADVICE) if external else _ADVICE
    for code, pattern, advice in rules:
        for error in errors:
            found = re.search(pattern, "\n".join(_texts(error)))
            if found and code in (None, (error.get("code") or {}).get("code")):
                return advice.format(*found.groups(), name=name, version=version)
    codes = ((error.get("code") or {}).get("code") for error in errors)
    misfit = next((_MISFITS[code] for code in codes if code in _MISFITS), None)
    if not external or misfit is None:
        return None
    return (
        f"{name} {version} was written for {misfit} compiler: take another version of it, by "
        f"`cargo update -p {name}@{version} --precise VERSION`, or another compiler, by RUSTC=…"
    )


def _texts(error: Mapping[str, Any]) -> Iterable[str]:
    """The message of ERROR and those below it, where the linker's words are."""
    yield str(error.get("message", ""))
    for child in error.get("children", ()):
        yield str(child.get("message", ""))
