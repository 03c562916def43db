"""Examples in documentation: what rustdoc lists, and what the compiler's answers mean."""

from __future__ import annotations

import json
from typing import Any

import pytest
from osimage.crates.examples import Compiled, Example, advice, compiled, decoded, encoded, judge, parse, placed
from osimage.crates.fault import FaultError

TARGET = "x86_64-hello"
KERNEL = "#![no_std]\nfn f() {}"


def listed(code: str = KERNEL, made: dict[str, Any] | None = None, line: int = 9, **said: Any) -> dict[str, Any]:
    """An example as rustdoc 1.96 lists it."""
    attributes = {
        "original": "", "should_panic": False, "no_run": False, "ignore": "None", "rust": True, "test_harness": False,
        "compile_fail": False, "standalone_crate": False, "error_codes": [], "edition": None, "added_css_classes": [],
        "unknown": [],
    }  # fmt: skip
    name = f"kernel/src/a-b.rs - f (line {line})"
    return {"file": "kernel/src/a-b.rs", "line": line, "doctest_attributes": attributes | said, "original_code": code,
            "doctest_code": made, "name": name}  # fmt: skip


def parsed(*entries: dict[str, Any]) -> tuple[Example, ...]:
    return parse(json.dumps({"format_version": 2, "doctests": entries}), TARGET)


def example(**said: Any) -> Example:
    name = "kernel/src/a-b.rs - f (line 9)"
    return Example("kernel-src-a-b.rs-9", name, "kernel/src/a-b.rs", 9, KERNEL)._replace(**said)


MADE = {"crate_level": "#![allow(unused)]\n#![no_std]\n\nextern crate r#a;\n", "code": "fn f() {}", "wrapper": None}
WRAPPED = {"crate_level": "#![allow(unused)]\n", "code": "1;", "wrapper": {"before": "fn main() {\n", "after": "\n}"}}


@pytest.mark.parametrize(("entry", "means"), [
    (listed(), example()),
    (listed(made=MADE), example(program=f"{MADE['crate_level']}fn f() {{}}", added=3)),
    (listed("1;", WRAPPED), example(program="#![allow(unused)]\nfn main() {\n1;\n}", added=2)),
    (listed(edition="2015", test_harness=True), example(edition="2015", harness=True)),
    (listed(ignore="All"), example(ignored=True)),
    (listed(ignore={"Some": ["arm", "x86_64"]}), example(ignored=True)),
    (listed(ignore={"Some": ["arm"]}), example()),
    (listed(compile_fail=True, no_run=True, error_codes=["E0425"]), example(compile_fail=True, no_run=True,
                                                                            codes=("E0425",))),
    (listed(should_panic=True), example(should_panic=True)),
])  # fmt: skip
def test_what_rustdoc_lists(entry: dict[str, Any], means: Example) -> None:
    assert parsed(entry) == (means,)


def test_examples_of_one_place_are_told_apart_and_other_languages_left_out() -> None:
    twice = parsed(listed(), listed(), listed(rust=False), listed(line=10))
    assert [each.id for each in twice] == ["kernel-src-a-b.rs-9", "kernel-src-a-b.rs-9-2", "kernel-src-a-b.rs-10"]
    assert [each.name.rpartition(" - ")[2] for each in twice] == ["f (line 9)", "f (line 9) #2", "f (line 10)"]


@pytest.mark.parametrize(("text", "found"), [
    ('{"format_version": 3, "doctests": []}', "version 3, not 2"),
    ('{"format_version": 2, "doctests": [{}]}', "KeyError 'doctest_attributes'"),
    ('{"format_version": 2}', "KeyError 'doctests'"),
    ("[]", "TypeError list indices must be integers or slices, not str"),
    ("", "JSONDecodeError Expecting value: line 1 column 1 (char 0)"),
])  # fmt: skip
def test_another_form_is_told(text: str, found: str) -> None:
    with pytest.raises(FaultError) as told:
        parse(text, TARGET)
    assert str(told.value) == (
        f"rustdoc lists examples in a form that is not known here ({found}). Use another compiler: RUSTC=…"
    )


REFUSED = "error[E0425]: cannot find value `x`"


@pytest.mark.parametrize(("said", "status", "words", "outcome", "why"), [
    ({}, 0, "", "runs", ""),
    ({"no_run": True}, 0, "warning: unused", "compiles", ""),
    ({}, 1, REFUSED, "failed", "kernel/src/a-b.rs:9 does not compile"),
    ({"should_panic": True}, 0, "", "runs", ""),
    ({"compile_fail": True, "no_run": True}, 1, REFUSED, "refused", ""),
    ({"compile_fail": True, "codes": ("E0425",)}, 1, REFUSED, "refused", ""),
    ({"compile_fail": True, "codes": ("E0425", "E0308")}, 1, REFUSED, "failed",
     "kernel/src/a-b.rs:9 is not refused with E0308, as it says"),
    ({"compile_fail": True}, 0, "", "failed", "kernel/src/a-b.rs:9 compiles, though it says compile_fail"),
])  # fmt: skip
def test_what_becomes_of_an_example(said: dict[str, Any], status: int, words: str, outcome: str, why: str) -> None:
    judged = judge(example(**said), status, words)
    assert (judged.outcome, judged.why) == (outcome, why)
    assert judged.words == (words if outcome == "failed" else "")
    assert judged.is_final is (outcome != "failed")


@pytest.mark.parametrize("words", [
    "error: couldn't read `src/no.txt`: No such file or directory (os error 2)\n",
    "warning: unused\n\nerror[E0583]: file not found for module `no`\n",
])  # fmt: skip
def test_an_example_that_lacks_a_file_may_be_another_the_next_time(words: str) -> None:
    judged = judge(example(compile_fail=True), 1, words)
    assert (judged.outcome, judged.is_final, judged.words) == ("refused", False, "")


@pytest.mark.parametrize(("words", "begins"), [
    ("error[E0463]: can't find crate for `std`", "a kernel has no `std`: an example that is to boot begins with"),
    ("error[E0463]: can't find crate for `test`", "the crate `test` needs `std`"),
    ("error: using `fn main` requires the standard library", "an example that is to boot begins with"),
    ("error: `#[panic_handler]` function required, but not found", "rustdoc links an example with the library only"),
    (REFUSED, ""),
])  # fmt: skip
def test_advice(words: str, begins: str) -> None:
    told = advice(words)
    assert told.startswith(begins)
    assert bool(told) == bool(begins)


@pytest.mark.parametrize(("added", "program", "offset"), [
    (3, "\n" * 6 + KERNEL, 0),
    (9, KERNEL, 0),
    (11, KERNEL, -2),
])  # fmt: skip
def test_what_a_person_wrote_keeps_its_lines(added: int, program: str, offset: int) -> None:
    assert placed(example(added=added)) == (program, offset)


def test_results_are_kept() -> None:
    results = (compiled(example(should_panic=True), "runs"), compiled(example(), "failed", "why", "words\n"))
    assert results[1] == Compiled(*example()[:4], False, "failed", "why", "words", is_final=False)
    assert decoded(encoded(results)) == results
