"""What a build script may say to cargo, line by line, and what of it cargo refuses."""

from __future__ import annotations

from typing import Any

import pytest
from osimage.crates.script_output import ProtocolError, Said, log, parse

TARGETS = (("lib", "k"), ("bin", "k"), ("bin", "other"))

LINES: dict[str, dict[str, Any]] = {
    "cargo:rustc-cfg=a": {"cfgs": ["a"]},
    'cargo::rustc-cfg=board="pc"  ': {"cfgs": ['board="pc"']},
    "  cargo::rustc-check-cfg=cfg(a)": {"check_cfgs": ["cfg(a)"]},
    "cargo::rustc-link-lib=static=part": {"libraries": ["static=part"]},
    "cargo::rustc-link-search=native=/x y": {"search": ["native=/x y"]},
    "cargo:rustc-flags=-L /x  -lone -l two -L/y": {"libraries": ["one", "two"], "search": ["/x", "/y"]},
    "cargo::rustc-link-arg=-T x.ld": {"link_args": [("", "", "-T x.ld")]},
    "cargo::rustc-link-arg-bins=-a": {"link_args": [("bin", "", "-a")]},
    "cargo::rustc-link-arg-bin=other=-a=b": {"link_args": [("bin", "other", "-a=b")]},
    "cargo:rustc-cdylib-link-arg=-a": {"link_args": [("cdylib", "", "-a")]},
    "cargo::rustc-env=NAME=a=b": {"variables": [("NAME", "a=b")]},
    "cargo::rustc-env=EMPTY=": {"variables": [("EMPTY", "")]},
    "cargo:rustc-env=RUSTC_BOOTSTRAP=1": {"warnings": ["cannot set `RUSTC_BOOTSTRAP=1` from a build script."]},
    "cargo:root=/x": {"metadata": [("root", "/x")]},
    "cargo:metadata=x=y": {"metadata": [("metadata", "x=y")]},
    "cargo::metadata=key=a=b": {"metadata": [("key", "a=b")]},
    "cargo:error=old": {"metadata": [("error", "old")]},
    "cargo::error=new": {"errors": ["new"]},
    "cargo:warning=careful": {"warnings": ["careful"]},
    "cargo::rerun-if-changed=a b": {"changed": ["a b"]},
    "cargo:rerun-if-env-changed=CC": {"env_changed": ["CC"]},
    "ordinary words": {},
    "Cargo:rustc-cfg=a": {},
}


@pytest.mark.parametrize(("line", "says"), LINES.items(), ids=list(LINES))
def test_a_line_says(line: str, says: dict[str, Any]) -> None:
    assert parse(f"{line}\n".encode(), TARGETS, None) == Said(**says)


def test_a_line_that_is_no_text_is_passed_over() -> None:
    assert parse(b"cargo::rustc-cfg=\xff\ncargo::rustc-cfg=a\r\n", TARGETS, None) == Said(cfgs=["a"])


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("cargo::rustc-cfgs=a", "which cargo does not know: there is no 'rustc-cfgs'. Did you mean 'rustc-cfg'?"),
        ("cargo::bananas", "which has no '=': cargo wants cargo::KEY=VALUE."),
        ("cargo:bananas", "which has no '=': cargo wants cargo:KEY=VALUE."),
        ("cargo:rustc-cfg", "which has no '=': cargo wants cargo:KEY=VALUE."),
        ("cargo::metadata=x", "which has no '=': cargo wants cargo::metadata=KEY=VALUE."),
        ("cargo::rustc-env=x", "which gives the variable x=... no value."),
        ("cargo::rustc-link-arg-tests=-a", "but its package has no target of the kind test."),
        ("cargo::rustc-link-arg-bin=-a", "which should have the form cargo::rustc-link-arg-bin=BIN=ARG."),
        ("cargo::rustc-link-arg-bin=x=-a", "but its package has no binary 'x'."),
    ],
)
def test_a_line_that_cargo_refuses(line: str, says: str) -> None:
    with pytest.raises(ProtocolError) as told:
        parse(line.encode(), TARGETS, None)
    assert str(told.value) == f"says '{line}', {says}".replace("x=... ", "x ")


@pytest.mark.parametrize("flags", ["-x", "-l", "a -l b"])
def test_rustc_flags_are_libraries_and_their_folders(flags: str) -> None:
    with pytest.raises(ProtocolError, match=f"^says 'rustc-flags={flags}', where"):
        parse(f"cargo:rustc-flags={flags}".encode(), TARGETS, None)


def test_the_new_protocol_needs_the_compiler_that_knows_it() -> None:
    line = b"cargo::rustc-cfg=a"
    assert parse(line, TARGETS, "1.77").cfgs == ["a"]
    with pytest.raises(ProtocolError) as told:
        parse(line, TARGETS, "1.76.1")
    words = "but `cargo::` came with Rust 1.77 and its package's rust-version is 1.76.1."
    assert str(told.value) == f"says 'cargo::rustc-cfg=a', {words}"


def test_each_crate_is_told_what_is_meant_for_it() -> None:
    said = Said(
        libraries=["part"],
        link_args=[("", "", "-all"), ("bin", "", "-bins"), ("bin", "k", "-k"), ("test", "", "-tests")],
        cfgs=["a"],
        check_cfgs=["cfg(a)"],
    )
    cfgs = ["--cfg", "a", "--check-cfg", "cfg(a)"]
    assert list(said.for_rustc("lib", "k", linked=True)) == ["-l", "part", "-Clink-arg=-all", *cfgs]
    bins = ["-Clink-arg=-all", "-Clink-arg=-bins"]
    assert list(said.for_rustc("bin", "k", linked=False)) == [*bins, "-Clink-arg=-k", *cfgs]
    assert list(said.for_rustc("bin", "other", linked=False)) == [*bins, *cfgs]
    assert list(said.for_rustc("test", "k", linked=False)) == ["-Clink-arg=-all", "-Clink-arg=-tests", *cfgs]


def test_warnings_and_errors_of_a_script_that_failed() -> None:
    output = b"cargo:warning=one\ncargo::warning=two\n cargo::error=no\ncargo::error=three\ncargo:error=old\n"
    assert log(output) == (["one", "two"], ["three"])
