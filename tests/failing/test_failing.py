"""Bad input: one folder a case, each with its exact message, exit 2, and nothing lost.

A case is the example project with the folder's files laid over it. Its `case.toml` says:

    arguments   what is typed after `scons` (default: nothing)
    environ     variables to set
    remove      files of the example that are not there
    files       small files to add, path to text
    replace     [[replace]] file, old, new: a part of a file of the example that is written otherwise
    stderr      the exact text on standard error
    stdout      the exact text on standard output without the lines of steps (default: nothing)
    appears     files that are there afterwards and were not before, outside of the build folder

`{root}` stands for the project's folder, `{tool}` for this checkout, `{rustc}` and `{llvm}` for the versions of the
compiler in use, `{layout}` for the data layout of its target x86_64-unknown-none, `{linker}` for its linker's name.
A case that needs more than files (a missing compiler, a full disk) is a test of its own in this folder.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from osimage.toolchain.find import find_rustc
from osimage.toolchain.rustc import Rustc
from project import FILES, REPOSITORY, Project

CASES = sorted(path.parent for path in Path(__file__).parent.glob("*/case.toml"))
BUILT = ("build", ".sconsign.dblite")  # what a run of scons may make
STEP = re.compile(r"^\[[A-Z-]+\] .*\n", re.MULTILINE)


@pytest.fixture
def compiler(project: Project) -> Rustc:
    """The compiler that a project in a temporary folder gets here."""
    return find_rustc(project.root, project.environment()).need_rustc()


def files_of(case: Path, said: dict[str, Any]) -> dict[str, str | bytes]:
    """The project's files: the example's, the folder's over them, and what SAID, the case.toml, changes."""
    files: dict[str, str | bytes] = {name: text for name, text in FILES.items() if name not in said.get("remove", [])}
    for path in case.rglob("*"):
        if path.is_file() and path.name != "case.toml":
            files[str(path.relative_to(case))] = path.read_bytes()
    for change in said.get("replace", []):
        text = files[change["file"]]
        assert isinstance(text, str)
        assert text.count(change["old"]) == 1, change
        files[change["file"]] = text.replace(change["old"], change["new"])
    return files | said.get("files", {})


def content(root: Path) -> dict[str, bytes]:
    """Every file below ROOT that scons may not touch."""
    files = (path for path in root.rglob("*") if path.is_file())
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in files
        if path.relative_to(root).parts[0] not in BUILT
    }  # fmt: skip


def general(text: str, project: Project, compiler: Rustc) -> str:
    """TEXT with placeholders for what another machine would say otherwise."""
    assert compiler.linker is not None
    layout = str(compiler.target_spec("x86_64-unknown-none")["data-layout"])
    for specific, placeholder in (
        (str(project.root), "{root}"),
        (str(REPOSITORY), "{tool}"),
        (f"rustc {compiler.release}", "rustc {rustc}"),
        (f"LLVM {compiler.llvm_version}", "LLVM {llvm}"),
        (layout, "{layout}"),
        (f"`{compiler.linker.name}`", "`{linker}`"),
        (f"{compiler.linker.name}: ", "{linker}: "),
    ):
        text = text.replace(specific, placeholder)
    # Names that rustc makes up anew each time, or for this compiler.
    text = re.sub(r'^  = note:  ".*', "  = note: {the linker's command}", text, flags=re.MULTILINE)
    text = re.sub(r"(?<=^thread 'main' )\(\d+\)", "({n})", text, flags=re.MULTILINE)
    text = re.sub(r"scratch/\d+-\d+/", "scratch/{n}/", text)
    text = re.sub(r"(/lib\w+|/build/[\w.+-]+)-[0-9a-f]{16}([./])", r"\1-{hash}\2", text)
    return re.sub(r"hello-\w{16}\.hello\.\w{16}-cgu\.\d+\.rcgu\.o", "{object}", text)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bad_input_is_told_in_one_message(case: Path, new_project: Callable[..., Project], compiler: Rustc) -> None:
    said = tomllib.loads((case / "case.toml").read_text(encoding="utf-8"))
    project = new_project("case", files_of(case, said))
    before = content(project.root)
    result = project.fails(*said.get("arguments", []), environ=said.get("environ", {}))
    assert general(result.stderr, project, compiler) == said["stderr"]
    assert general(STEP.sub("", result.stdout), project, compiler) == said.get("stdout", "")
    after = content(project.root)
    assert {name: after.pop(name, b"gone") for name in before} == before, "a file of the person's was changed"
    assert sorted(after) == said.get("appears", [])
