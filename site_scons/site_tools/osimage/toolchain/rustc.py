"""One compiler: what it is, and what it says about targets."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..errors import ToolchainError, did_you_mean
from .facts import Ask, Question

# A crate without core, so that a target can be tried up to code generation without a sysroot.
_EMPTY_CRATE = "#![feature(no_core)]\n#![no_core]\n"


class Linker(NamedTuple):
    """A linker for freestanding ELF: its name for `-Clinker=`, the absolute path where that was found, its version."""

    name: str
    path: str
    version: str


class HostLinker(NamedTuple):
    """The C compiler by which rustc links programs of the machine that builds.

    `identity` is the SHA-256 (hex) over the contents of rustc and of everything that links such a program.
    """

    path: str
    identity: str


@dataclass(frozen=True)
class Rustc:
    """A compiler, its library's source and the linker for it.

    `path`, `sysroot` and `rust_src` (the folder `library`) are absolute and belong in no Action; `identity` is the
    SHA-256 (hex) over the contents of compiler and linker. Every method may raise ToolchainError.
    """

    path: str
    release: str
    version: tuple[int, int, int]
    commit_hash: str
    host: str
    llvm_version: str
    sysroot: str
    rust_src: str | None
    linker: Linker | None
    identity: str
    ask: Ask = field(compare=False, repr=False)
    host_linker: HostLinker | None = None

    def target_list(self) -> tuple[str, ...]:
        """The built-in targets."""
        return tuple(self._say("--print", "target-list").split())

    def target_spec(self, base: str) -> dict[str, Any]:
        """The built-in target BASE as its JSON spec says it; a fresh dictionary.

        Raises:
            ToolchainError: there is no such target.
        """
        if base not in self.target_list():
            guess = did_you_mean(base, self.target_list())
            raise ToolchainError(f"rustc {self.release} has no built-in target '{base}'.{guess}")
        return self._describe("target-spec-json", "--target", base)

    def target_spec_schema(self) -> dict[str, Any]:
        """The JSON Schema of target specs; a fresh dictionary."""
        return self._describe("target-spec-json-schema")

    def unstable_options(self) -> frozenset[str]:
        """The names that `-Z` knows: `embed-metadata`, `threads`."""
        return frozenset(re.findall(r"^ +-Z +([a-z0-9-]+)=val", self._say("-Zhelp"), re.MULTILINE))

    def cfg(self, spec_json: str, name: str, flags: tuple[str, ...] = ()) -> tuple[str, ...]:
        """The lines of `--print cfg` with FLAGS for the target NAME whose spec is the text SPEC_JSON.

        Raises:
            ToolchainError: rustc refuses the spec or the flags.
        """
        return tuple(self._say("--print", "cfg", *_target(name), *flags, spec=(name, spec_json)).splitlines())

    def host_cfg(self) -> tuple[str, ...]:
        """The lines of `--print cfg` for the machine that builds."""
        return tuple(self._say("--print", "cfg").splitlines())

    def check_spec(self, spec_json: str, name: str) -> str | None:
        """What rustc says against the text SPEC_JSON as target NAME, or None.

        An empty crate is compiled to an object file: a wrong data-layout or llvm-target shows only in code generation.
        """
        status, _, errors = self.ask(_trial(spec_json, name))
        return complaint(errors, name) if status else None

    def data_layout(self, spec_json: str, name: str) -> str | None:
        """The data layout that LLVM has for the target of SPEC_JSON, or None where rustc refuses the rest of it.

        rustc tells it when the spec says another one, so it is asked with a wrong one.
        """
        import json

        spec = json.loads(spec_json)
        wrong = json.dumps({**spec, "data-layout": _WRONG_LAYOUT})
        _, _, errors = self.ask(_trial(wrong, name))
        found = re.search(r"differs from LLVM target's `[^`]*` default layout, `([^`]*)`", errors)
        return found[1] if found else None

    def unrecognized(self, spec_json: str, name: str, flags: tuple[str, ...] = ()) -> tuple[tuple[str, str], ...]:
        """What LLVM passes over in SPEC_JSON and FLAGS as unknown: ("feature", "+name") or ("processor", "name")."""
        _, _, errors = self.ask(_trial(spec_json, name, flags))
        found = re.findall(r"^'(.*)' is not a recognized (feature|processor) for this target", errors, re.MULTILINE)
        return tuple(dict.fromkeys((kind, word) for word, kind in found))

    def target_features(self, spec_json: str, name: str) -> tuple[str, ...]:
        """The features that rustc and LLVM have for the target of SPEC_JSON; none where rustc refuses it."""
        return self._listed("target-features", spec_json, name)

    def target_cpus(self, spec_json: str, name: str) -> tuple[str, ...]:
        """The processors that LLVM has for the target of SPEC_JSON; none where rustc refuses it."""
        return self._listed("target-cpus", spec_json, name)

    def _listed(self, what: str, spec_json: str, name: str) -> tuple[str, ...]:
        """The indented names of a list that rustc prints for people."""
        _, output, _ = self.ask((("--print", what, *_target(name)), ((f"{name}.json", spec_json),)))
        return tuple(re.findall(r"^ +([^ ]+)(?: +- |$)", output, re.MULTILINE))

    def _describe(self, what: str, *arguments: str) -> dict[str, Any]:
        import json

        try:
            described = json.loads(self._say("-Zunstable-options", "--print", what, *arguments))
        except ValueError:
            described = None
        if not isinstance(described, dict):
            raise ToolchainError(
                f"{self.path} --print {what} prints no JSON, as a compiler would. Take another: RUSTC=…"
            )
        return described

    def _say(self, *arguments: str, spec: tuple[str, str] | None = None) -> str:
        files = ((f"{spec[0]}.json", spec[1]),) if spec else ()
        status, output, errors = self.ask((arguments, files))
        if status:
            name = spec[0] if spec else ""
            raise ToolchainError(f"rustc {self.release} {' '.join(arguments)}: {complaint(errors, name)}")
        return output


# The layout is parsed for the pointer width before it is compared, and only little endian and 64 bits are ours.
_WRONG_LAYOUT = "e-p:64:64"


def complaint(errors: str, name: str = "") -> str:
    """The first error in rustc's standard error, as one line, without the hash that rustc adds to the target NAME."""
    text = re.sub(rf"\b{re.escape(name)}-\d+\b", name, errors) if name else errors
    told = re.findall(r"^error(?:\[E\d+\])?: (.*)", text, re.MULTILINE)
    # When the compiler itself fails, the reason is in a later line.
    reasons = [line for line in told if not line.startswith("internal compiler error")] or told
    return reasons[0] if reasons else text.strip() or "it failed and said nothing"


def _target(name: str) -> tuple[str, ...]:
    return ("--target", f"{name}.json", "-Zunstable-options")


def _trial(spec_json: str, name: str, flags: tuple[str, ...] = ()) -> Question:
    how = ("--edition=2024", "--crate-name=empty", "--crate-type=lib", "--emit=obj")
    return (*_target(name), *how, *flags, "empty.rs"), ((f"{name}.json", spec_json), ("empty.rs", _EMPTY_CRATE))
