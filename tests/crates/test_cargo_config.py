"""Cargo's configuration, found and merged as cargo does it, and the rust flags in it."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest
import toml
from cargo_cases import write
from osimage.crates import cfg, rustflags
from osimage.crates import config as configuration
from osimage.crates.config import Config
from osimage.crates.toml_file import MalformedError

NONE = ("unix_is_not_here", 'target_os="none"', 'target_arch="x86_64"', "panic", 'panic="abort"')


def loaded(root: Path, files: dict[str, str], environ: dict[str, str] | None = None) -> Config:
    write(root, files)
    given = {"HOME": str(root / "home"), **(environ or {})}
    return configuration.load(root / "project" / "kernel", given, str(root / "project"))


def test_the_nearest_file_counts_and_lists_are_joined(tmp_path: Path) -> None:
    config = loaded(
        tmp_path,
        {
            "home/.cargo/config.toml": '[build]\njobs = 1\nrustflags = ["home"]\n[term]\nverbose = true\n',
            "project/.cargo/config.toml": '[build]\njobs = 2\nrustflags = ["project"]\n',
            "project/kernel/.cargo/config.toml": '[build]\njobs = 3\nrustflags = ["kernel"]\n',
        },
    )
    assert config.table("build") == {"jobs": 3, "rustflags": ["home", "project", "kernel"]}
    assert config.table("term") == {"verbose": True}
    assert config.origin("build", "jobs") == "kernel/.cargo/config.toml"
    assert config.origin("term") == f"{tmp_path}/home/.cargo/config.toml"
    assert config.origin("net") == ""


def test_the_old_name_counts_where_there_are_both(tmp_path: Path) -> None:
    config = loaded(
        tmp_path, {"project/.cargo/config": "[build]\njobs = 1\n", "project/.cargo/config.toml": "[build]\njobs = 2\n"}
    )
    assert config.table("build") == {"jobs": 1}


def test_a_home_on_the_way_is_read_once(tmp_path: Path) -> None:
    files = {"project/.cargo/config.toml": '[build]\nrustflags = ["x"]\n[profile.dev]\nopt-level = 1\n'}
    config = loaded(tmp_path, files, {"CARGO_HOME": str(tmp_path / "project/.cargo")})
    assert config.table("build") == {"rustflags": ["x"]}
    assert config.handed_on() == {}  # cargo reads its home itself


def test_cargo_is_given_what_decides_resolution_and_nothing_that_is_ours(tmp_path: Path) -> None:
    said = """
    include = ["more.toml"]
    paths = ["overridden"]
    [build]
    target = "other.json"
    rustflags = ["-g"]
    [target.x86_64-hello]
    runner = "bootimage runner"
    [unstable]
    build-std = ["core"]
    build-std-features = ["compiler-builtins-mem"]
    bindeps = true
    [env]
    X = "1"
    [source.crates-io]
    replace-with = "here"
    [source.here]
    directory = "vendor"
    [patch.crates-io]
    spin = { path = "../spin" }
    [profile.dev.package."*"]
    opt-level = 2
    """
    config = loaded(
        tmp_path, {"project/.cargo/config.toml": said, "project/.cargo/more.toml": "[net]\noffline = true\n"}
    )
    project = f"{tmp_path}/project"
    handed = config.handed_on()
    assert handed == {
        "paths": [f"{project}/overridden"],
        "unstable": {"bindeps": True},
        "source": {"crates-io": {"replace-with": "here"}, "here": {"directory": f"{project}/vendor"}},
        "patch": {"crates-io": {"spin": {"path": f"{project}/../spin"}}},
        "profile": {"dev": {"package": {"*": {"opt-level": 2}}}},
        "net": {"offline": True},
    }
    assert tomllib.loads(toml.dumps(handed)) == handed


def test_the_environment_of_a_person_comes_before_env(tmp_path: Path) -> None:
    said = '[env]\nA = "1"\nB = { value = "2", force = true }\nC = { value = "sub", relative = true }\n'
    config = loaded(tmp_path, {"project/.cargo/config.toml": said})
    assert dict(configuration.environment(config, {"A": "0", "B": "0"})) == {"B": "2", "C": f"{tmp_path}/project/sub"}
    assert dict(configuration.environment(config, {}))["A"] == "1"


BAD = {
    "itself": ({"a.toml": 'include = ["a.toml"]\n'}, ".cargo/a.toml: it includes itself."),
    "nothing": (
        {"a.toml": 'include = ["b.toml"]\n'},
        ".cargo/a.toml: it includes .cargo/b.toml, which does not exist.",
    ),
    "a text": ({"a.toml": 'include = "b.toml"\n'}, ".cargo/a.toml: include wants a list of files."),
}


@pytest.mark.parametrize(("files", "says"), BAD.values(), ids=BAD.keys())
def test_a_wrong_include_is_told(files: dict[str, str], says: str, tmp_path: Path) -> None:
    project = {f"project/.cargo/{name}": text for name, text in files.items()}
    with pytest.raises(MalformedError) as told:
        loaded(tmp_path, {"project/.cargo/config.toml": 'include = ["a.toml"]\n', **project})
    assert str(told.value) == says


FLAGS = {
    "a text": ('[build]\nrustflags = " -g  --cfg=x "\n', {}, ("-g", "--cfg=x")),
    "the target before build": (
        '[build]\nrustflags = ["b"]\n[target.x86_64-hello]\nrustflags = ["t"]\n', {}, ("t",)
    ),
    "an empty target is none": ('[build]\nrustflags = ["b"]\n[target.x86_64-hello]\nrustflags = []\n', {}, ("b",)),
    "another target": ('[build]\nrustflags = ["b"]\n[target.other]\nrustflags = ["t"]\n', {}, ("b",)),
    "variables add to their tables": (
        '[target.x86_64-hello]\nrustflags = ["t"]\n', {"CARGO_TARGET_X86_64_HELLO_RUSTFLAGS": "v w"}, ("t", "v", "w"),
    ),
    "a variable for build": ('[build]\nrustflags = "b"\n', {"CARGO_BUILD_RUSTFLAGS": "v"}, ("b", "v")),
    "RUSTFLAGS": ('[build]\nrustflags = ["b"]\n', {"RUSTFLAGS": " a  b "}, ("a", "b")),
    "RUSTFLAGS empty": ('[build]\nrustflags = ["b"]\n', {"RUSTFLAGS": ""}, ()),
    "encoded": ("", {"CARGO_ENCODED_RUSTFLAGS": "a b\x1fc", "RUSTFLAGS": "d"}, ("a b", "c")),
    "encoded empty": ("", {"CARGO_ENCODED_RUSTFLAGS": "", "RUSTFLAGS": "d"}, ()),
    "conditions by name": (
        "[target.'cfg(target_os = \"none\")']\nrustflags = [\"os\"]\n"
        "[target.'cfg(all())']\nrustflags = [\"all\"]\n"
        "[target.'cfg(unix)']\nrustflags = [\"unix\"]\n"
        "[target.'cfg(broken']\nrustflags = [\"broken\"]\n"
        '[target.x86_64-hello]\nrustflags = ["t"]\n',
        {},
        ("t", "all", "os"),
    ),
    "a condition on a flag": (
        "[target.'cfg(mine)']\nrustflags = [\"yes\"]\n[target.'cfg(not(mine))']\nrustflags = [\"no\"]\n"
        '[target.x86_64-hello]\nrustflags = ["--cfg=mine"]\n',
        {},
        ("--cfg=mine", "yes"),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("said", "environ", "flags"), FLAGS.values(), ids=FLAGS.keys())
def test_rust_flags_are_found_where_cargo_finds_them(
    said: str, environ: dict[str, str], flags: tuple[str, ...], tmp_path: Path
) -> None:
    def cfg_of(given: Sequence[str]) -> Sequence[str]:
        return (*NONE, *(flag.removeprefix("--cfg=") for flag in given if flag.startswith("--cfg=")))

    config = loaded(tmp_path, {"project/.cargo/config.toml": said})
    assert rustflags.find(config, environ, "x86_64-hello", cfg_of).flags == flags


DOC_FLAGS = {
    "none": ('[build]\nrustflags = ["b"]\n', {"RUSTFLAGS": "a"}, ()),
    "build": ('[build]\nrustdocflags = ["b"]\n', {"CARGO_BUILD_RUSTDOCFLAGS": "v"}, ("b", "v")),
    "the target": ('[target.x86_64-hello]\nrustdocflags = "t"\n[build]\nrustdocflags = "b"\n', {}, ("t",)),
    "no condition selects any": ("[target.'cfg(all())']\nrustdocflags = [\"t\"]\n", {}, ()),
    "RUSTDOCFLAGS": ('[build]\nrustdocflags = ["b"]\n', {"RUSTDOCFLAGS": " a  b "}, ("a", "b")),
    "encoded": ("", {"CARGO_ENCODED_RUSTDOCFLAGS": "a b\x1fc", "RUSTDOCFLAGS": "d"}, ("a b", "c")),
}  # fmt: skip


@pytest.mark.parametrize(("said", "environ", "flags"), DOC_FLAGS.values(), ids=DOC_FLAGS.keys())
def test_flags_for_rustdoc(said: str, environ: dict[str, str], flags: tuple[str, ...], tmp_path: Path) -> None:
    config = loaded(tmp_path, {"project/.cargo/config.toml": said})
    assert rustflags.find(config, environ, "x86_64-hello", lambda _: NONE, "rustdocflags").flags == flags


@pytest.mark.parametrize(
    ("expression", "holds"),
    [
        ('cfg(target_os = "none")', True),
        ('cfg(target_os="linux")', False),
        ("cfg(unix)", False),
        ("cfg(not(unix))", True),
        ('cfg(all(target_arch = "x86_64", not(unix)))', True),
        ('cfg(any(unix, panic = "abort",))', True),
        ("cfg(all())", True),
        ("cfg(any())", False),
        ("cfg(true)", True),
        ("cfg(not(false))", True),
        ("cfg(panic)", True),
        ("cfg(not(unix, panic))", False),
        ("cfg(none(unix))", False),
        ("cfg(target_os = none)", False),
        ("cfg(all(panic)", False),
        ("cfg(panic panic)", False),
        ("cfg()", False),
        ("x86_64-hello", False),
    ],
)
def test_cfg_expressions(expression: str, holds: bool) -> None:
    assert cfg.matches(expression, NONE) == holds


def test_flags_of_every_crate_are_told_from_those_of_one() -> None:
    flags = (
        "-C",
        "code_model=kernel",
        "--codegen",
        "opt-level=3",
        "--codegen=target-cpu=x",
        "-Zcf-protection=full",
        "-g",
    )
    assert rustflags.code_flags((*flags, "--cfg", "x")) == (
        "-Ccode-model=kernel",
        "-Ctarget-cpu=x",
        "-Zcf-protection=full",
    )
