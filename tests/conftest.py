"""What tests of every stage share."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from osimage.toolchain import facts
from osimage.toolchain.rustc import HostLinker, Linker, Rustc
from project import FILES, Project

DATA = Path(__file__).parent / "data"

# What a shell starts in the background ignores the one, what nohup starts the other, and programs inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(scope="session")
def rustc_1_96() -> Rustc:
    """Debian's rustc 1.96.0 as recorded in data/rustc-1.96.json.

    What depends on a spec (cfg, check_spec, data_layout) is asked of the real one; without it such a test is skipped.
    """
    recorded = json.loads((DATA / "rustc-1.96.json").read_text(encoding="utf-8"))
    answers = recorded.pop("answers")
    asked: dict[facts.Question, facts.Answer] = {}

    def ask(question: facts.Question) -> facts.Answer:
        arguments, files = question
        known = None if files else answers.get(" ".join(arguments))
        if known is not None:
            text = "\n".join(known) if isinstance(known, list) else json.dumps(known)
            return 0, text, ""
        if question not in asked:
            here = Path(recorded["path"]).exists() and facts.run(recorded["path"], (("-V",), ()))[1]
            if not here or f" {recorded['release']} " not in here:
                pytest.skip(f"rustc {recorded['release']} is not at {recorded['path']}")
            asked[question] = facts.run(recorded["path"], question)
        return asked[question]

    linker = Linker(**recorded.pop("linker"))
    version = tuple(recorded.pop("version"))
    host_linker = HostLinker(**recorded.pop("host_linker"))
    return Rustc(**recorded, version=version, linker=linker, ask=ask, host_linker=host_linker)


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store that all projects of a test run share, so that core is compiled once; OSIMAGE_TEST_CACHE keeps it."""
    kept = os.environ.get("OSIMAGE_TEST_CACHE")
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base  # one for all workers
    return Path(kept) if kept else shared / "osimage-cache"


@pytest.fixture
def new_project(tmp_path: Path, shared_cache: Path) -> Callable[..., Project]:
    """Makes projects in folders of this test: `new_project("name", files)`; the example's files by default."""

    def make(name: str = "project", files: Mapping[str, str | bytes] = FILES, cache: Path | None = None) -> Project:
        return Project(tmp_path / name, cache or shared_cache).write(files)

    return make


@pytest.fixture
def project(new_project: Callable[..., Project]) -> Project:
    """The example project."""
    return new_project()
