"""`scons -h`: the project's verbs and settings in columns, whatever is wrong with the project."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from project import FILES, Project

HELP = """\

scons [VERB or FILE]... [SETTING=VALUE]...

Verbs:
  image         build every image (what scons does by itself)
  run           boot hello.img in QEMU (128M, virtio)
  plan          print every step of the graph as JSON
  spec          say what the compiler wants changed in JSON target specs
  doctor        say what this machine has, and what to do about what it lacks

Settings:
  PROFILE=      Cargo profile of kernels: dev (default), release or a custom one
  BIN=          the binary of a Cargo project's kernel where it has several
  FEATURES=     more features for kernels, separated by commas
  INCREMENTAL=  auto (default), yes or no: incremental compilation
  LOCKED=       yes stops where a Cargo.lock is missing or would change
  RUSTC=        the compiler to use
  QEMU_ARGS=    more arguments for QEMU, quoted as in a shell
  SCREENSHOT=   a PNG file for the settled screen; no window opens
  TWICE=        yes runs every step two times and compares what they make
  VERBOSE=      1 shows every command in full

scons -c removes what was built.

Use scons -H for help about SCons built-in command-line options.
"""


def with_sconstruct(text: str) -> dict[str, str]:
    return FILES | {"SConstruct": text}


def verbs(text: str) -> dict[str, str]:
    listed = text.partition("Verbs:\n")[2].partition("\n\n")[0]
    return dict(re.findall(r"^  (\S+) +(.*)$", listed, re.MULTILINE))


def test_help_is_this(project: Project) -> None:
    result = project.build("-h")
    assert result.stdout == HELP
    assert result.stderr == ""
    assert max(map(len, HELP.splitlines())) <= 80
    assert not (project.root / "build").exists()


def test_each_machine_is_a_verb(new_project: Callable[..., Project]) -> None:
    more = 'env.Machine(image, name="run-large", memory="1G", disk="ide")\n'
    more += 'env.Machine(image, name="run-own", qemu_args=["-m", "64M"])\n'
    project = new_project(files=with_sconstruct(FILES["SConstruct"] + more))
    assert verbs(project.build("-h").stdout) == {
        "image": "build every image (what scons does by itself)",
        "run": "boot hello.img in QEMU (128M, virtio)",
        "run-large": "boot hello.img in QEMU (1G, ide)",
        "run-own": "boot hello.img in QEMU (64M, virtio)",
        "plan": "print every step of the graph as JSON",
        "spec": "say what the compiler wants changed in JSON target specs",
        "doctor": "say what this machine has, and what to do about what it lacks",
    }


def test_a_project_without_a_machine_has_no_verb_for_one(new_project: Callable[..., Project]) -> None:
    project = new_project(files=with_sconstruct(FILES["SConstruct"].replace("env.Machine(image)\n", "")))
    assert "run" not in verbs(project.build("-h").stdout)


def test_tests_and_their_settings_are_told_where_there_are_any(new_project: Callable[..., Project]) -> None:
    one, two = ("env.Test(image)\n", 'env.Test(image, name="again")\n')
    project = new_project(files=with_sconstruct(FILES["SConstruct"] + one))
    assert verbs(project.build("-h").stdout)["test"] == "boot 1 test in QEMU"
    project.write(with_sconstruct(FILES["SConstruct"] + one + two))
    text = project.build("-h").stdout
    assert verbs(text)["test"] == "boot 2 tests in QEMU"
    assert re.findall(r"^  (\w*TEST\w*)=", text, re.MULTILINE) == ["TEST", "TEST_CACHE", "TEST_TIMEOUT", "DOCTESTS"]


@pytest.mark.parametrize("place", ["before", "after"])
def test_the_projects_own_words_stay(place: str, new_project: Callable[..., Project]) -> None:
    words = 'Help("Say PROFILE=release for a small kernel.\\n")\n'
    lines = FILES["SConstruct"].splitlines(keepends=True)
    lines.insert(1 if place == "before" else len(lines), words)
    project = new_project(files=with_sconstruct("".join(lines)))
    assert project.build("-h").stdout == HELP.replace("\nUse", "Say PROFILE=release for a small kernel.\n\nUse")


@pytest.mark.parametrize(("sconstruct", "arguments", "environ"), [
    (FILES["SConstruct"].replace("sysroot=", "sysrot="), (), {}),
    (FILES["SConstruct"].replace("kernel/Cargo.toml", "nowhere/Cargo.toml"), (), {}),
    (FILES["SConstruct"], ("RUSTC=/nowhere",), {}),
    (FILES["SConstruct"], ("NOBODYS=1", "PROFIL=release"), {}),
    (FILES["SConstruct"], (), {"OSIMAGE_CACHE_SIZE": "large"}),
    (FILES["SConstruct"], (), {"PYTHONIOENCODING": "ascii"}),
])  # fmt: skip
def test_nothing_keeps_help_from_coming(
    sconstruct: str, arguments: tuple[str, ...], environ: dict[str, str], new_project: Callable[..., Project]
) -> None:
    project = new_project(files=with_sconstruct(sconstruct))
    result = project.build("-h", *arguments, environ=environ)
    assert result.stdout == HELP
    assert result.stderr == ""


BOOTS, TESTS = "boot an image in QEMU", "boot the tests in QEMU"
CARGO_PROJECT = 'env = Environment(tools=["osimage"])\nenv.CargoProject({})\n'
MORE = 'env.Machine(image, name="{}", memry="1G")\n'


@pytest.mark.parametrize(("sconstruct", "arguments", "listed"), [
    (CARGO_PROJECT.format('"nowhere"'), (), {"run": BOOTS, "test": TESTS}),
    (CARGO_PROJECT.format('"broken"'), (), {"run": BOOTS, "test": TESTS}),
    (CARGO_PROJECT.format('"kernel", name="old", target="none.json"'), (), {"old": BOOTS, "test": TESTS}),
    (CARGO_PROJECT.format('"kernel", laoder="crate"'), ("RUSTC=/nowhere",), {"run": BOOTS, "test": TESTS}),
    (FILES["SConstruct"] + MORE.format("old"), (), {"run": verbs(HELP)["run"], "old": BOOTS}),
    (FILES["SConstruct"] + MORE.format("test"), (), {"run": verbs(HELP)["run"]}),
    (FILES["SConstruct"].replace("sysroot=", "sysrot=") + "env.Test(image)\n", (),
     {"run": verbs(HELP)["run"], "test": TESTS}),
])  # fmt: skip
def test_verbs_of_what_has_a_fault_are_listed(
    sconstruct: str, arguments: tuple[str, ...], listed: dict[str, str], new_project: Callable[..., Project]
) -> None:
    project = new_project(files=with_sconstruct(sconstruct) | {"broken/Cargo.toml": "[package"})
    found = verbs(project.build("-h", *arguments).stdout)
    assert {name: text for name, text in found.items() if name == "run" or name not in verbs(HELP)} == listed
