"""A target spec for a kernel, made from a built-in target of the compiler in use."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from ..toolchain.rustc import Rustc
from .migrate import SPELLINGS, needs_soft_float_abi, soft_float_abi
from .schema import Checker

DEFAULT_BASE = "x86_64-unknown-none"

# What a kernel needs that a built-in target may not say. Without the last lines lld links a PIE at address 0.
FREESTANDING: Mapping[str, Any] = {
    "os": "none",
    "panic-strategy": "abort",
    "disable-redzone": True,
    "linker": "rust-lld",
    "position-independent-executables": False,
    "static-position-independent-executables": False,
}

# An interrupt handler would have to save the vector registers of the code that it interrupts: nothing uses any.
SOFT_FLOAT = "-mmx,-sse,+soft-float"

# What a built-in target says for programs under an operating system, or for the dynamic loader of one.
HOSTED = frozenset({
    "crt-objects-fallback", "crt-static-allows-dylibs", "crt-static-default", "crt-static-respected", "dll-tls-export",
    "dynamic-linking", "env", "has-rpath", "has-thread-local", "late-link-args", "late-link-args-dynamic",
    "late-link-args-static", "link-self-contained", "metadata", "post-link-args", "post-link-objects",
    "post-link-objects-fallback", "pre-link-args", "pre-link-objects", "pre-link-objects-fallback", "relro-level",
    "target-family", "tls-model",
})  # fmt: skip

# A kernel is an ELF file; these targets make something else.
NOT_ELF = ("is-like-aix", "is-like-darwin", "is-like-gpu", "is-like-msvc", "is-like-wasm", "is-like-windows")


def generate(base: str, rustc: Rustc, checker: Checker, *, freestanding: bool) -> dict[str, Any]:
    """The spec of the built-in target BASE, as it is or, if FREESTANDING, with what a kernel needs.

    Raises:
        ValueError: there is no such target, or it makes no ELF; the message is for the person.
    """
    if base not in rustc.target_list():
        near = difflib.get_close_matches(base, rustc.target_list(), 3)
        wish = f" The nearest are {', '.join(near)}." if near else " `rustc --print target-list` lists them."
        raise ValueError(f"{checker.compiler} has no built-in target '{base}'.{wish}")
    built_in: dict[str, Any] = rustc.target_spec(base)
    if built_in.get("binary-format", "elf") != "elf" or any(built_in.get(key) for key in NOT_ELF):
        raise ValueError(f"base '{base}' does not make ELF files, and a kernel is one. The default is {DEFAULT_BASE}.")
    if not freestanding:
        return {key: value for key, value in built_in.items() if key != "metadata"}
    described = {key: value for key, value in built_in.items() if key not in HOSTED}
    described.update(FREESTANDING)
    described["linker-flavor"] = next(
        name for name in SPELLINGS["linker-flavor"][0] if checker.fits("linker-flavor", name)
    )
    if described.get("code-model") == "kernel":
        del described["code-model"]  # for the upper two gigabytes; a kernel that lives there says so by an override
    if described["arch"] in ("x86", "x86_64"):
        described["features"] = SOFT_FLOAT
        described["rustc-abi"] = soft_float_abi(checker)
    return described


def soft_float_follows(described: Mapping[str, Any], said: Mapping[str, Any], checker: Checker) -> dict[str, Any]:
    """DESCRIBED with the ABI that its features ask for, unless what a person SAID names the ABI."""
    if described.get("arch") not in ("x86", "x86_64") or "rustc-abi" in said or "features" not in said:
        return dict(described)
    without = {key: value for key, value in described.items() if key != "rustc-abi"}
    return without | ({"rustc-abi": soft_float_abi(checker)} if needs_soft_float_abi(described) else {})
