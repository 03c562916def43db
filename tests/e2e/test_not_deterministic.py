"""A build script that reads the clock is found by `TWICE=yes`, and marked in the SConstruct."""

from __future__ import annotations

from collections.abc import Callable

from project import Project

CLOCK = """\
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    println!("cargo::rustc-env=BUILT={}", now.as_nanos());
}
"""


def test_it_is_found_and_can_be_marked(new_small: Callable[..., Project]) -> None:
    project = new_small(more={"kernel/build.rs": CLOCK})
    assert (
        "configuration of hello 0.1.0 (dev): two runs made different build/crates/" in project.fails("TWICE=yes").stderr
    )
    project.replace("SConstruct", '"kernel/Cargo.toml"', '"kernel/Cargo.toml", not_deterministic=["hello"]')
    project.build("TWICE=yes")
    assert project.up_to_date()
    project.replace("SConstruct", '["hello"]', '["helo"]')
    assert project.fails().stderr == (
        "osimage: SConstruct:4: env.Kernel(\"hello.elf\"): not_deterministic= names 'helo', which is no package of the "
        "kernel. Did you mean 'hello'?\n"
    )
    assert "TWICE=2: write TWICE=yes, or leave it out." in project.fails("TWICE=2").stderr
