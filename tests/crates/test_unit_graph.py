"""Cargo's unit graph: what is read of it, what link-time optimisation makes of it, what of it cannot be built."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from osimage.crates import lto, names, supported, unit_graph
from osimage.crates.fault import FaultError
from osimage.crates.metadata import Package
from osimage.crates.place import Place
from unit_graphs import PROFILE, graph, unit

ADVICE = "Use another compiler: RUSTC=…"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{", "it is no JSON"),
        ("[]", "version None, not 1"),
        ('{"version": 2, "units": [], "roots": []}', "version 2, not 1"),
        ('{"version": 1, "units": [{"pkg_id": "a"}], "roots": []}', "version 1: KeyError 'target'"),
    ],
)
def test_another_format_is_told(text: str, found: str) -> None:
    with pytest.raises(FaultError) as told:
        unit_graph.parse(text)
    says = f"cargo describes the project in a form that is not known here (unit graph: {found}). {ADVICE}"
    assert str(told.value) == says


@pytest.mark.parametrize(
    ("setting", "value", "is_known"),
    [("new_thing", True, False), ("new_thing", None, True), ("new_thing", False, True), ("trim_paths", "all", True)],
)
def test_a_profile_setting_that_is_not_known_is_told_where_it_says_something(
    setting: str, value: object, is_known: bool
) -> None:
    described = unit("a")
    described["profile"] = PROFILE | {setting: value}
    if is_known:
        assert graph(described).units[0].profile.name == "dev"
    else:
        with pytest.raises(FaultError) as told:
            graph(described)
        assert str(told.value) == "the profile setting 'new-thing' is not supported."


@pytest.mark.parametrize(
    ("strip", "means"),
    [
        ({"deferred": "None"}, None),
        ({"resolved": "None"}, None),
        ({"resolved": {"Named": "symbols"}}, "symbols"),
        ({"deferred": {"Named": "debuginfo"}}, "debuginfo"),
    ],
)
def test_strip(strip: Mapping[str, object], means: str | None) -> None:
    assert graph(unit("a") | {"profile": PROFILE | {"strip": strip}}).units[0].profile.strip == means


def test_units_come_after_what_they_use() -> None:
    made = graph(unit("a", "lib", 2), unit("b", "lib", 0), unit("c"), unit("k", "bin", 1, 2))
    assert made.used_first() == (2, 0, 1, 3)
    assert made.users_first() == (3, 1, 0, 2)
    assert made.crates_used_by(3) == (0, 1, 2)
    assert made.crates_used_by(0) == (2,)


def script(name: str, *uses: int, platform: str | None = "x.json") -> tuple[dict[str, Any], ...]:
    """The compilation of a build script, and its run, which uses that and USES."""
    compiled = unit(name, "custom-build", platform=None)
    compiled["target"]["crate_types"] = ["bin"]
    run = unit(name, "custom-build", *uses, platform=platform, mode="run-custom-build")
    run["target"]["crate_types"] = ["bin"]
    return compiled, run


def test_procedural_macros_bring_no_crates_along_and_scripts_none() -> None:
    compiled, run = script("s", 2)
    made = graph(
        unit("quoting", platform=None), unit("derive", "proc-macro", 0, platform=None), compiled, run,
        unit("a", "lib", 1, 3), unit("k", "bin", 4),
    )  # fmt: skip
    assert made.crates_used_by(5) == (1, 4)
    assert made.crates_used_by(1) == (0,)
    assert made.crates_used_by(3) == ()
    kinds = [(each.is_program, each.is_linkable, each.is_rlib) for each in made.units]
    library, macros, program = (False, True, True), (False, True, False), (True, False, False)
    assert kinds == [library, macros, program, program, library, program]


def test_what_scripts_make_is_searched_by_all_that_may_be_linked_with_it() -> None:
    runs = {name: script(name, at) for name, at in (("z", 0), ("b", 2), ("m", 4))}
    made = graph(
        *runs["z"], *runs["b"], *runs["m"],
        unit("z", "lib", 1), unit("b", "lib", 3, 6), unit("m", "proc-macro", 5, platform=None), unit("k", "bin", 7, 6, 8),
    )  # fmt: skip
    assert made.script_runs_used_by(6, str) == (1,)
    assert made.script_runs_used_by(7, str) == (3, 1)
    assert made.script_runs_used_by(9, str) == (3, 1)
    assert made.script_runs_used_by(9, lambda name: -ord(name)) == (1, 3)
    assert made.script_runs_used_by(1, str) == ()


def test_many_ways_to_one_crate_are_gone_once() -> None:
    units = [unit("a")]
    units += [unit(f"c{n}", "lib", *range(max(0, n - 3), n)) for n in range(1, 60)]
    assert graph(*units).script_runs_used_by(59, str) == ()


def test_examples_and_doctests_are_no_tests() -> None:
    units = (unit("a"), unit("a", mode="test"), unit("a", "lib", 0, mode="doctest"), unit("e", "example", 0))
    described = {"version": 1, "units": units, "roots": [1, 2, 3]}
    made = unit_graph.parse(json.dumps(described)).of_tests(None)
    assert made.roots == (1,)
    assert made.used_first() == (1,)
    assert made.units[1].is_program
    with_doctests = unit_graph.parse(json.dumps(described)).of_tests(None, doctests=True)
    assert with_doctests.roots == (1, 2)
    assert [each.is_linkable for each in with_doctests.units] == [True, False, False, False]


@pytest.mark.parametrize(("binary", "roots"), [(None, (0, 1, 2, 3)), ("a", (0, 1, 3)), ("b", (0, 2, 3))])
def test_of_the_binaries_own_tests_those_of_one_may_be_meant(binary: str | None, roots: tuple[int, ...]) -> None:
    units = [unit(name, kind, mode="test") for name, kind in (("a", "lib"), ("a", "bin"), ("b", "bin"), ("b", "test"))]
    described = {"version": 1, "units": units, "roots": [0, 1, 2, 3]}
    assert unit_graph.parse(json.dumps(described)).of_tests(binary).roots == roots


LTO = {
    "none": (("false", "lib", "lib"), ("object", "object", "object")),
    "off": (("off", "lib", "lib"), ("off", "off", "off")),
    "fat": (("true", "lib", "lib"), ("bitcode", "bitcode", "run")),
    "thin": (("thin", "rlib", "lib"), ("bitcode", "bitcode", "run+thin")),
    "a static library between": (("fat", "lib", "lib staticlib"), ("both", "both", "run+fat")),
    "a static library below": (("fat", "lib staticlib", "lib"), ("both", "bitcode", "run+fat")),
}


@pytest.mark.parametrize(("said", "made"), LTO.values(), ids=LTO.keys())
def test_what_link_time_optimisation_asks_of_each_unit(said: tuple[str, str, str], made: tuple[str, ...]) -> None:
    mode, lower, upper = said
    units = (unit("a", lower, lto=mode), unit("b", upper, 0, lto=mode), unit("k", "bin", 1, lto=mode))
    assert lto.needs(graph(*units)) == made


LTO_ASKED_FOR: dict[str, tuple[list[dict[str, Any]], dict[str, str], bool]] = {
    "nothing": ([{}, {}], {}, False),
    "other settings": (
        [{"dev": {"panic": "abort"}}, {"release": {"opt-level": 3}}],
        {"CARGO_PROFILE_DEV_PANIC": "x"},
        False,
    ),
    "no": ([{"dev": {"lto": False}, "release": {"lto": "off"}}], {"CARGO_PROFILE_RELEASE_LTO": "false"}, False),
    "a manifest": ([{"dev": {}, "release": {"lto": True}}, {}], {}, True),
    "a name": ([{}, {"kernel": {"lto": "thin"}}], {}, True),
    "a variable": ([{}], {"CARGO_PROFILE_KERNEL_LTO": "fat"}, True),
    "flags": ([{"release": {"rustflags": ["-Clinker-plugin-lto"]}}], {}, True),
    "flags for a package": ([{"release": {"package": {"*": {"rustflags": ["-C", "lto"]}}}}], {}, True),
    "no table": ([{"release": 3}], {}, False),
}


@pytest.mark.parametrize(("profiles", "environ", "asked"), LTO_ASKED_FOR.values(), ids=LTO_ASKED_FOR.keys())
def test_whether_link_time_optimisation_is_asked_for(
    profiles: list[dict[str, Any]], environ: dict[str, str], asked: bool
) -> None:
    assert lto.is_asked_for(profiles, environ) is asked


@pytest.mark.parametrize(
    ("need", "flags"),
    [
        ("object", ("-Cembed-bitcode=no",)),
        ("off", ("-Clto=off", "-Cembed-bitcode=no")),
        ("both", ()),
        ("bitcode", ("-Clinker-plugin-lto",)),
        ("run", ("-Clto",)),
        ("run+thin", ("-Clto=thin",)),
    ],
)
def test_flags_of_link_time_optimisation(need: str, flags: tuple[str, ...]) -> None:
    assert lto.flags(need) == flags


def test_a_unit_is_named_by_all_that_tells_it_from_others() -> None:
    plain = graph(unit("a"), unit("k", "bin", 0))
    places = {"a": "a 0.1.0 a", "k": "k 0.1.0 ."}
    same = ["", ""]
    first = names.hashes(plain, places, same)
    assert names.hashes(plain, places, same) == first
    renamed = graph(unit("a") | {"profile": PROFILE | {"name": "test"}}, unit("k", "bin", 0))
    assert names.hashes(renamed, places, same) == first
    assert all(len(name) == 16 and set(name) <= set("0123456789abcdef") for name in first)
    others = [
        graph(unit("a") | {"features": ["x"]}, unit("k", "bin", 0)),
        graph(unit("a", "rlib"), unit("k", "bin", 0)),
        graph(unit("a") | {"profile": PROFILE | {"opt_level": "1"}}, unit("k", "bin", 0)),
        graph(unit("a", platform=None), unit("k", "bin", 0)),
    ]
    made = [*(names.hashes(other, places, same) for other in others), names.hashes(plain, places, ["--cfg=x", ""])]
    # What a unit uses is part of its name.
    assert len({first, *made}) == 1 + len(made)
    assert len({name[1] for name in (first, *made)}) == 1 + len(made)
    assert names.hashes(plain, places | {"a": "a 0.1.1 a"}, same)[0] != first[0]


def package(name: str, source: str | None = None) -> Package:
    return Package(name, name, "1.0.0", source, f"/p/{name}/Cargo.toml", (), (), None, (), None, None, (), ())


def test_what_cannot_be_built_is_named_by_kind() -> None:
    made = graph(
        unit("log", "lib"),
        unit("spin", "lib", 0),
        unit("derive", "proc-macro", platform=None),
        *script("script", 3),
        unit("shared", "lib dylib"),
        unit("plugin", "dylib", platform=None),
        unit("checked", "lib", mode="check"),
        unit("helper", "lib", platform=None),
        unit("k", "bin", 1, 2, 4, 5, 6, 7, 8),
    )
    sources = {"log": "registry+https://example.org/index", "plugin": "git+https://x"}
    packages = {u.package_id: package(u.package_id, sources.get(u.package_id)) for u in made.units}
    assert list(supported.faults(made, packages, Place("/p", "build"))) == [
        "the crate type dylib is not supported yet: shared 1.0.0 (shared.rs).",
        "the crate type dylib for the machine that builds is not supported yet: plugin 1.0.0.",
        "the mode check is not supported yet: checked 1.0.0 (checked.rs).",
    ]
