"""A build script that does not say what it reads: its whole package counts, as for cargo."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from project import Project

SCRIPT = 'fn main() { println!("cargo:rustc-env=WORD={}", std::fs::read_to_string("FILE").unwrap()); }\n'
USES = 'pub static WORD: &str = env!("WORD");\n'


@pytest.mark.parametrize("file", ["word.txt", "deep/er/word.txt", "build/word.txt"])
def test_an_edit_anywhere_in_the_package_counts(new_small: Callable[..., Project], file: str) -> None:
    project = new_small(more={"kernel/build.rs": SCRIPT.replace("FILE", file), f"kernel/{file}": "first"})
    project.write({"kernel/src/main.rs": project.read("kernel/src/main.rs") + USES.encode()})
    project.build()
    assert project.up_to_date()
    project.write({f"kernel/{file}": "other"})
    assert "configuration of hello 0.1.0 (dev)" in project.build().steps
    project.write({f"kernel/{file}": "first"})
    project.build()
    assert project.up_to_date()
