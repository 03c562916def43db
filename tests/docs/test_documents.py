"""What the documents say is what there is: the generated reference, the README's code, commands and links."""

from __future__ import annotations

import fnmatch
import json
import re
import shutil
import struct
import tomllib
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import reference
from project import REPOSITORY, Project

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").glob("*.md")]
EXAMPLE = (REPOSITORY / "SConstruct").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    """The README's code blocks of that KIND."""
    return re.findall(rf"^```{kind}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


@pytest.fixture
def example(new_project: Callable[..., Project]) -> Project:
    """The repository's own example."""
    kernel = {
        str(path.relative_to(REPOSITORY)): path.read_bytes()
        for path in (REPOSITORY / "kernel").rglob("*")
        if path.is_file() and "target" not in path.parts
    }
    return new_project(files={"SConstruct": EXAMPLE, **kernel})


# -- the reference -----------------------------------------------------------------------------------------------------


def test_the_reference_is_that_of_today() -> None:
    committed = reference.FILE.read_text(encoding="utf-8")
    assert committed == reference.reference(), "run ./dev python tests/support/reference.py"


def test_the_reference_has_every_method() -> None:
    from osimage.builders import METHODS

    assert re.findall(r"^### env\.(\w+)$", reference.reference(), re.MULTILINE) == list(METHODS)


def test_every_variable_that_is_read_is_in_the_reference() -> None:
    from osimage.crates import rustflags

    reading = re.compile(r"""(?:environ|environ\(\)|user)(?:\.get\(|\[)f?"([A-Z_{}a-z]+)["{]""")
    listed = re.compile(r"^READ = \((.*)\)$", re.MULTILINE)
    found: set[str] = set()
    for module in reference.PACKAGE.rglob("*.py"):
        source = module.read_text(encoding="utf-8")
        found |= set(reading.findall(source))
        for names in listed.findall(source):
            found |= set(re.findall(r'"(\w+)"', names))
    found |= {name for names in rustflags.VARIABLES.values() for name in names}
    found -= {"RUSTC_BOOTSTRAP", "DEP_"}  # set, not read
    found -= {"CARGO_RESOLVER_LOCKFILE_PATH"}  # refused
    assert found == set(reference.VARIABLES)


def test_every_file_below_the_build_folder_is_in_the_reference(example: Project) -> None:
    described = {pattern: kind for pattern, (kind, _) in reference.FILES.items()}
    unused = {pattern for pattern, kind in described.items() if kind}
    for action in json.loads(example.build("plan").stdout):
        for output in action["outputs"]:
            name = output.removeprefix("build/")
            pattern = next((pattern for pattern in described if fnmatch.fnmatch(name, pattern)), None)
            assert pattern, f"{output} is not described"
            assert f"env.{described[pattern]}(" in action["where"]
            unused.discard(pattern)
    assert not unused
    example.build("x86_64-hello.json")
    for path in (example.root / "build").iterdir():
        inside = path.name + ("/x" if path.is_dir() else "")
        assert any(fnmatch.fnmatch(inside, pattern) for pattern in described), f"{path.name} is not described"


def test_every_source_of_the_loader_that_says_something_is_in_the_reference() -> None:
    listed = {name for names in reference.MESSAGES.values() for name in names}
    assert reference.files_with_messages() == listed


# -- the README --------------------------------------------------------------------------------------------------------


def test_the_readmes_sconstruct_is_the_examples() -> None:
    assert EXAMPLE in blocks("python")


def test_the_readme_shows_the_help_that_scons_prints(example: Project) -> None:
    shown = next(block for block in blocks("console") if block.startswith("$ scons -h\n")).partition("\n")[2]
    printed = example.build("-h").stdout
    assert printed == f"{shown}\nUse scons -H for help about SCons built-in command-line options.\n"


def test_the_readmes_build_has_the_steps_of_the_plan(example: Project) -> None:
    shown = next(block for block in blocks("console") if block.startswith("$ ./dev scons run\n"))
    steps = re.findall(r"^\[([A-Z-]+)\] (.*?)(?:, \d+\.\d s)?$", shown, re.MULTILINE)
    planned = {(action["step"].upper(), action["label"]) for action in json.loads(example.build("plan").stdout)}
    without_versions = {(step, re.sub(r"\d+\.\d+\.\d+", "N", label)) for step, label in planned if step != "ALLOC"}
    assert {(step, re.sub(r"\d+\.\d+\.\d+", "N", label)) for step, label in steps} == without_versions
    assert len(steps) == len(set(steps))


def test_the_tool_works_from_a_copy_in_another_project(example: Project) -> None:
    copied = re.search(r"of a copy (.*?)\nand the licences|of a copy (.*?) and the licences", README, re.DOTALL)
    assert copied, "the README does not say what to copy"
    for name in re.findall(r"`([^`]+)`", copied[0]):
        source = REPOSITORY / name
        target = example.root / "osimage" / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    first = next(block for block in blocks("python") if "toolpath" in block).strip()
    example.replace("SConstruct", 'env = Environment(tools=["osimage"])', first)
    example.command = lambda *words: [word for word in Project.command(example, *words) if "--site-dir" not in word]  # type: ignore[method-assign]
    example.build("x86_64-hello.json")
    assert example.read("build/x86_64-hello.json")
    labels = [action["label"] for action in json.loads(example.build("plan").stdout)]
    assert "stage 1 of bios" in labels, "the copy has the loader's sources"


def test_the_readme_names_the_packages_as_pinned() -> None:
    groups = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    assert f"$ pip install {' '.join(groups['run'])}\n" in blocks("console")


def test_the_picture_is_the_text_screen_with_light_cyan_on_it() -> None:
    data = (REPOSITORY / "docs/hello.png").read_bytes()
    width, height, *_ = struct.unpack(">IIBBBBB", data[16:29])
    assert (width, height) == (720, 400)
    start = data.index(b"IDAT")
    rows = zlib.decompress(data[start + 4 : start + 4 + int.from_bytes(data[start - 4 : start])])
    pixels = b"".join(rows[row * (3 * width + 1) + 1 : (row + 1) * (3 * width + 1)] for row in range(height))
    assert {pixels[i : i + 3] for i in range(0, len(pixels), 3)} == {b"\0\0\0", b"\x57\xff\xff"}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "", text)):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        file = document.parent / path if path else document
        assert file.exists(), f"{document.name} links to {target}"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_files_that_are_named_exist(document: Path) -> None:
    text = re.sub(r"```.*?```", "", document.read_text(encoding="utf-8"), flags=re.DOTALL)
    for name in re.findall(r"`((?:\.?[\w.-]+/)+[\w.-]*)`", text):
        if name.startswith((".cargo/", "build/", "osimage/", "target/")):
            continue  # a person's, or made
        assert any((place / name).exists() for place in (REPOSITORY, reference.PACKAGE)), (
            f"{document.name} names {name}"
        )
