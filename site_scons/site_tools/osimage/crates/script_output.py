"""What a build script says to cargo on its standard output, in the old protocol (`cargo:`) and the new (`cargo::`).

Meanings and refusals are cargo's (The Cargo Book, "Outputs of the build script"; cargo's `BuildOutput::parse`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from ..errors import did_you_mean

# The words of the old protocol; any other `cargo:KEY=VALUE` is metadata. The new one has all these and three more.
_OLD_WORDS = frozenset({
    "rustc-flags", "rustc-link-lib", "rustc-link-search", "rustc-link-arg-cdylib", "rustc-cdylib-link-arg",
    "rustc-link-arg-bins", "rustc-link-arg-bin", "rustc-link-arg-tests", "rustc-link-arg-benches",
    "rustc-link-arg-examples", "rustc-link-arg", "rustc-cfg", "rustc-check-cfg", "rustc-env", "warning",
    "rerun-if-changed", "rerun-if-env-changed",
})  # fmt: skip
_NEW_SINCE = (1, 77)  # of Rust

# The words for links, with the kind of target that they are for; empty: all.
_KINDS = {"rustc-link-arg": "", "rustc-link-arg-bins": "bin", "rustc-link-arg-tests": "test",
          "rustc-link-arg-benches": "bench", "rustc-link-arg-examples": "example", "rustc-link-arg-cdylib": "cdylib",
          "rustc-cdylib-link-arg": "cdylib"}  # fmt: skip
_LISTS = {"rustc-link-lib": "libraries", "rustc-link-search": "search", "rustc-cfg": "cfgs", "warning": "warnings",
          "rustc-check-cfg": "check_cfgs", "rerun-if-changed": "changed", "rerun-if-env-changed": "env_changed",
          "error": "errors"}  # fmt: skip


class ProtocolError(Exception):
    """A line that cargo refuses: the sentence for the person, without the name of the script."""


@dataclass
class Said:
    """What a script said, in its order.

    `link_args` are (kind of target, its name, argument), the first two empty where the argument is for all.
    """

    libraries: list[str] = field(default_factory=list)
    search: list[str] = field(default_factory=list)
    link_args: list[tuple[str, str, str]] = field(default_factory=list)
    cfgs: list[str] = field(default_factory=list)
    check_cfgs: list[str] = field(default_factory=list)
    variables: list[tuple[str, str]] = field(default_factory=list)
    metadata: list[tuple[str, str]] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    env_changed: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def for_rustc(self, kind: str, name: str, linked: bool) -> Iterator[str]:
        """The arguments for the crate NAME of KIND ("lib", "bin", "test") in the script's own package.

        LINKED is whether native libraries are linked with it, rather than with the package's library.
        """
        yield from (word for library in self.libraries if linked for word in ("-l", library))
        yield from (f"-Clink-arg={arg}" for of, only, arg in self.link_args if of in ("", kind) and only in ("", name))
        yield from (word for cfg in self.cfgs for word in ("--cfg", cfg))
        yield from (word for cfg in self.check_cfgs for word in ("--check-cfg", cfg))


def parse(output: bytes, targets: Collection[tuple[str, str]], rust_version: str | None) -> Said:
    """What OUTPUT says; TARGETS are the (kind, name) that its package has, RUST_VERSION its oldest compiler.

    Raises:
        ProtocolError: cargo would refuse a line.
    """
    said = Said()
    for raw in output.split(b"\n"):
        try:
            line = raw.decode().strip()
        except UnicodeDecodeError:
            continue
        if line.startswith("cargo::"):
            _check_version(line, rust_version)
            _take(said, line, "cargo::", *_divided(line, line.removeprefix("cargo::"), "cargo::"), targets)
        elif line.startswith("cargo:"):
            data = line.removeprefix("cargo:")
            key, equals, value = data.partition("=")
            if equals and key in _OLD_WORDS:
                _take(said, line, "cargo:", key, value.rstrip(), targets)
            else:
                said.metadata.append(_divided(line, data, "cargo:"))
    return said


def log(output: bytes) -> tuple[list[str], list[str]]:
    """The warnings and errors in OUTPUT, of a script that failed or whose other lines nobody takes."""
    text = output.decode(errors="replace")
    return re.findall(r"^cargo::?warning=(.*)$", text, re.M), re.findall(r"^cargo::error=(.*)$", text, re.M)


def _take(said: Said, line: str, prefix: str, key: str, value: str, targets: Collection[tuple[str, str]]) -> None:
    """Add to SAID what LINE says with KEY and VALUE."""
    if key in _LISTS:
        getattr(said, _LISTS[key]).append(value)
    elif key in _KINDS or key == "rustc-link-arg-bin":
        said.link_args.append(_link_arg(line, prefix, key, value, targets))
    elif key == "rustc-flags":
        _take_flags(said, value)
    elif key == "rustc-env":
        _take_variable(said, line, value)
    elif key == "metadata":
        said.metadata.append(_divided(line, value, "cargo::metadata="))
    else:
        guess = did_you_mean(key, (*_OLD_WORDS, "error", "metadata"))
        raise ProtocolError(f"says '{line}', which cargo does not know: there is no '{key}'.{guess}")


def _link_arg(
    line: str, prefix: str, key: str, value: str, targets: Collection[tuple[str, str]]
) -> tuple[str, str, str]:
    """(kind, name, argument) of a `rustc-link-arg` of any sort."""
    if key != "rustc-link-arg-bin":
        kind = _KINDS[key]
        # One for a cdylib that is not there is none for anybody, and no error.
        if kind not in ("", "cdylib") and not any(kind == other for other, _ in targets):
            raise ProtocolError(f"says '{line}', but its package has no target of the kind {kind}.")
        return kind, "", value
    name, equals, argument = value.partition("=")
    if not equals:
        raise ProtocolError(f"says '{line}', which should have the form {prefix}{key}=BIN=ARG.")
    if ("bin", name) not in targets:
        raise ProtocolError(f"says '{line}', but its package has no binary '{name}'.")
    return "bin", name, argument


def _take_variable(said: Said, line: str, value: str) -> None:
    name, equals, text = value.partition("=")
    if not equals:
        raise ProtocolError(f"says '{line}', which gives the variable {name} no value.")
    # It is set for every crate, since a target of its own needs what it switches on.
    if name == "RUSTC_BOOTSTRAP":
        said.warnings.append(f"cannot set `RUSTC_BOOTSTRAP={text}` from a build script.")
    else:
        said.variables.append((name, text))


def _take_flags(said: Said, value: str) -> None:
    words = iter(value.split())
    for word in words:
        option, joined = word[:2], word[2:]
        if option not in ("-l", "-L"):
            raise ProtocolError(f"says 'rustc-flags={value}', where only -l and -L are allowed.")
        argument = joined or next(words, "")
        if not argument:
            raise ProtocolError(f"says 'rustc-flags={value}', where {option} has no value.")
        (said.libraries if option == "-l" else said.search).append(argument)


def _divided(line: str, data: str, prefix: str) -> tuple[str, str]:
    key, equals, value = data.partition("=")
    if not equals:
        raise ProtocolError(f"says '{line}', which has no '=': cargo wants {prefix}KEY=VALUE.")
    return key, value.rstrip()


def _check_version(line: str, rust_version: str | None) -> None:
    found = re.match(r"(\d+)(?:\.(\d+))?", rust_version or "")
    if found and (int(found[1]), int(found[2] or 0)) < _NEW_SINCE:
        raise ProtocolError(
            f"says '{line}', but `cargo::` came with Rust 1.77 and its package's rust-version is {rust_version}."
        )
