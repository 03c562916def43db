"""What a person can do about errors of rustc whose cause lies in how the kernel is declared rather than in its code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

# (error code or None, pattern of the message, advice); the first that fits any error counts.
_ADVICE = (
    (
        "E0463",
        r"can't find crate for `alloc`",
        "The crate `alloc` is there for kernels that ask for it: write alloc=True in env.Kernel(…).",
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
        "Procedural macros run on the machine that builds, and are not supported yet.",
    ),
    (
        None,
        r"cannot find (?:linker|version) script ([^\s:]+)",
        "The linker looks for {0} in the folder of the workspace's Cargo.toml.",
    ),
)  # fmt: skip


def explain(diagnostics: Sequence[Mapping[str, Any]]) -> str | None:
    """One line of advice for the errors among DIAGNOSTICS, rustc's JSON messages; None where these say it all."""
    errors = [entry for entry in diagnostics if str(entry.get("level", "")).startswith("error")]
    for code, pattern, advice in _ADVICE:
        for error in errors:
            found = re.search(pattern, "\n".join(_texts(error)))
            if found and code in (None, (error.get("code") or {}).get("code")):
                return advice.format(*found.groups())
    return None


def _texts(error: Mapping[str, Any]) -> Iterable[str]:
    """The message of ERROR and those below it, where the linker's words are."""
    yield str(error.get("message", ""))
    for child in error.get("children", ()):
        yield str(child.get("message", ""))
