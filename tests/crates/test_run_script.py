"""The step that runs a build script: what the script is given, what becomes of what it says, how it fails."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from osimage.crates.run_script import Script, run
from osimage.errors import StepError

SCRIPT = Script(
    program="build/script",
    folder="kernel",
    place="build/crates/s/build/k-1",
    base="kernel",
    package="k@1.0.0",
    rust_version=None,
    is_local=True,
    targets=(("bin", "k"),),
    crates=(("bin-k.args", "bin", "k", True),),
    metadata=(("native-part", "build/metadata"),),
)
OUT_DIR = "build/crates/s/build/k-1/out"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project, and the working directory."""
    root = tmp_path / "a project"
    for folder in ("kernel/src", OUT_DIR, "scratch"):
        (root / folder).mkdir(parents=True)
    (root / "kernel/link.ld").write_text("")
    os.utime(root / "kernel/link.ld", (1, 1))
    (root / "build/metadata").write_text("root={root}/native\0some-key=a b")
    monkeypatch.chdir(root)
    return root


def run_it(root: Path, shell: str, script: Script = SCRIPT) -> str:
    """Run a script that is a SHELL script."""
    program = root / script.program
    program.write_text(f"#!/bin/sh\n{shell}\n")
    program.chmod(0o755)
    variables = [("HOST", "x86_64-unknown-linux-gnu"), ("TARGET", "x86_64-hello"), ("RUSTC", "/usr/bin/rustc")]
    argv = script.argv(variables)
    assert argv[0] == "osimage.crates.run_script"
    return run([word.replace("{root}", str(root)) for word in argv[1:]], root / "scratch")


def made(root: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in (root / "scratch").iterdir()}


def test_what_it_says_becomes_arguments_variables_and_what_it_read(root: Path) -> None:
    warnings = run_it(
        root,
        """
echo "cargo::rustc-cfg=fast"
echo "cargo::rustc-link-search=native=$OUT_DIR"
echo "cargo::rustc-link-search=libs"
echo "cargo::rustc-link-search=/usr/lib"
echo "cargo::rustc-link-lib=part"
echo "cargo::rustc-link-arg=-Tlink.ld"
echo "cargo::rustc-env=TABLE=$OUT_DIR/table.rs"
echo "cargo::metadata=include=$OUT_DIR/include"
echo "cargo::rerun-if-changed=src"
echo "cargo::rerun-if-changed=a b.txt"
echo "cargo::rerun-if-changed=/usr/include/x.h"
echo "cargo::rerun-if-changed=$OUT_DIR/table.rs"
echo "cargo::rerun-if-env-changed=CC"
echo "cargo::warning=careful"
""",
    )
    assert warnings == "warning: k@1.0.0: careful\n"
    assert made(root) == {
        "bin-k.args": "-l\npart\n-Clink-arg=-Tkernel/link.ld\n--cfg\nfast\n",
        "libraries": "",  # none lies there
        "search.args": f"-L\nnative={OUT_DIR}\n-L\nkernel/libs\n-L\n/usr/lib\n",
        "rustc.env": f"TABLE={{root}}/{OUT_DIR}/table.rs",
        "metadata": f"include={{root}}/{OUT_DIR}/include",
        "script.d": "build/crates/s/build/k-1/script.d: kernel/src/ kernel/a\\ b.txt /usr/include/x.h\n# env-dep:CC\n",
    }


def test_a_linker_script_that_is_not_there_yet_is_searched_where_cargo_would(root: Path) -> None:
    run_it(root, "echo cargo::rustc-link-arg=-Tlater.ld")
    assert made(root)["bin-k.args"] == "-Clink-arg=-Tlater.ld\n-Clink-arg=-Lkernel\n"


def test_what_it_is_given(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OF_THE_PERSON", "yes")
    monkeypatch.setenv("RUSTFLAGS", "--cfg=x")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/opt/lib")
    (root / "build/search").write_text(
        "-L\nnative=build/crates/host/build/z-1/out/lib\n-L\n/usr/lib\n-L\nkernel/libs\n"
    )
    script = SCRIPT._replace(searched=("build/search",))
    run_it(root, 'env > "$OUT_DIR/env"; pwd > "$OUT_DIR/pwd"', script)
    env = dict(line.split("=", 1) for line in (root / OUT_DIR / "env").read_text().splitlines())
    assert env["OUT_DIR"] == f"{root}/{OUT_DIR}"
    assert env["DEP_NATIVE_PART_ROOT"] == f"{root}/native"
    assert env["DEP_NATIVE_PART_SOME_KEY"] == "a b"
    assert (env["TARGET"], env["OF_THE_PERSON"]) == ("x86_64-hello", "yes")
    assert env["NUM_JOBS"] == str(len(os.sched_getaffinity(0)))
    assert env["RUSTDOC"].endswith("rustdoc")
    libraries = (f"{root}/build/crates/host/build/z-1/out/lib", "/usr/lib/rustlib/x86_64-unknown-linux-gnu/lib")
    assert env["LD_LIBRARY_PATH"] == ":".join((*libraries, "/opt/lib"))
    assert "RUSTFLAGS" not in env
    assert (root / OUT_DIR / "pwd").read_text() == f"{root}/kernel\n"


@pytest.mark.parametrize(
    ("shell", "is_private"),
    [
        ("true", True),
        ("echo cargo::rerun-if-changed=src", False),
        ("echo cargo::rerun-if-env-changed=CC", False),
        ('echo cargo::rerun-if-changed=src; touch "$OUT_DIR/x"', False),
        ("echo cargo::rerun-if-changed=src; touch src/made.rs", True),
        ('echo cargo::rerun-if-changed=src; touch ../app; echo "cargo::rustc-env=APP=$PWD/../app"', True),
        ("echo cargo::rerun-if-changed=src; mkdir target; touch target/x", False),
    ],
)
def test_what_no_output_holds_or_nothing_says_stays_here(root: Path, shell: str, is_private: bool) -> None:
    run_it(root, shell)
    assert ("# everything\n" in made(root)["script.d"]) == is_private


def test_warnings_of_crates_that_nobody_edits_are_nobodys(root: Path) -> None:
    assert run_it(root, "echo cargo:warning=old", SCRIPT._replace(is_local=False)) == ""


@pytest.mark.parametrize(
    ("shell", "says"),
    [
        (
            "echo cargo:warning=careful; echo words; echo trouble >&2; exit 3",
            "ended with 3:\nwarning: careful\ntrouble",
        ),
        ("exit 1", "ended with 1:\nIt said nothing."),
        ("kill -9 $$", "was killed by signal 9:\nIt said nothing."),
        ("echo cargo::error=a; echo cargo::error=b", "reports:\na\nb"),
        ("echo '  cargo::error=a'", "reports:\na"),
        ("echo cargo::x=y", "says 'cargo::x=y', which cargo does not know: there is no 'x'."),
        (
            "echo 'cargo::rustc-env=X={root}'",
            "sets X to a text with {root}, {out} or a NUL in it, which osimage fills in itself: write it otherwise.",
        ),
        (
            "echo cargo::rustc-link-arg=/usr/bin/env",
            "names a file of the link: the link reads /usr/bin/env, which lies outside the project. The project is the "
            "SConstruct's folder: move the SConstruct up, or the file in.",
        ),
    ],
)
def test_how_it_fails(root: Path, shell: str, says: str) -> None:
    with pytest.raises(StepError) as told:
        run_it(root, shell)
    assert str(told.value) == f"the build script of k@1.0.0 {says}"
    assert made(root) == {}


def test_a_program_that_cannot_be_started(root: Path) -> None:
    (root / SCRIPT.program).write_text("")
    argv = SCRIPT.argv([])
    with pytest.raises(StepError, match=r"^the build script of k@1.0.0 cannot be started: Permission denied\.$"):
        run([word.replace("{root}", str(root)) for word in argv[1:]], root / "scratch")
