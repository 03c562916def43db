"""The planned commands, run by the real compiler against a sysroot that is small enough to make here."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import mini_sysroot
import pytest
from cargo_cases import write
from mini_sysroot import KERNEL, Failed
from osimage.action import Input, Plan
from osimage.crates.hints import explain
from osimage.crates.kernel import Kernel
from osimage.graph import depinfo
from osimage.toolchain.rustc import Rustc

PlanIt = Callable[..., tuple[Plan, Kernel]]

MANIFEST = '[package]\nname = "{}"\nversion = "0.1.0"\nedition = "2024"\n'
ABORT = '[profile.dev]\npanic = "abort"\n[profile.release]\npanic = "abort"\nlto = {}\n'


@pytest.fixture(scope="session")
def made(rustc_1_96: Rustc, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return mini_sysroot.make(tmp_path_factory.mktemp("mini"), rustc_1_96)


def kernel(start: str = "", manifest: str = "", lto: str = "false") -> dict[str, str]:
    """A project with a kernel that runs START; MANIFEST comes on top of its manifest."""
    return {
        "kernel/Cargo.toml": MANIFEST.format("hello") + manifest + ABORT.format(lto),
        "kernel/src/main.rs": KERNEL.replace("START", start or "()"),
    }


def workspace() -> dict[str, str]:
    """A kernel that uses two libraries, one of which uses the other, and one outside the project."""
    uses = '[dependencies]\none = { path = "../one" }\nout = { path = "../../out" }\n'
    return {
        **kernel("one::one(); out::out()", uses, '"thin"'),
        "kernel/.cargo/config.toml": '[build]\nrustflags = ["-Clink-arg=-Tlink.ld"]\n',
        "kernel/link.ld": "ENTRY(_start)\nINCLUDE text.ld\n",
        "kernel/text.ld": "SECTIONS { . = 3M; .text : { *(.text*) } }\n",
        "one/Cargo.toml": MANIFEST.format("one")
        + '[dependencies]\nrenamed = { path = "../two", package = "two-part" }\n',
        "one/src/lib.rs": "#![no_std]\nmod part;\npub fn one() -> &'static [u8; 1] { renamed::two(); part::PART }\n",
        "one/src/part.rs": 'pub const PART: &[u8; 1] = include_bytes!("../data");\n',
        "one/data": "x",
        "two/Cargo.toml": MANIFEST.format("two-part"),
        "two/src/lib.rs": "#![no_std]\n#[unsafe(no_mangle)] pub fn two() -> u8 { 2 }\n",
        "../out/Cargo.toml": MANIFEST.format("out"),
        "../out/src/lib.rs": '#![no_std]\npub fn out() -> &\'static str { concat!(file!(), env!("CARGO_PKG_NAME")) }\n',
    }


def read_by(plan: Plan, root: Path) -> Iterator[tuple[str, tuple[Input, ...]]]:
    """Each file that a step read by its dep-info, with the step's inputs."""
    for action in plan.actions:
        assert action.dep_info is not None
        for name in depinfo.parse((root / action.dep_info).read_text()).files:
            if not name.startswith("build/scratch/"):
                yield posixpath.normpath(name.replace(f"{root}/", "")), action.inputs


@pytest.mark.parametrize("profile", ["dev", "release"])
def test_a_workspace_becomes_a_kernel_and_reads_what_it_declares(
    profile: str, planned: PlanIt, made: Path, tmp_path: Path
) -> None:
    root = write(tmp_path / "a" / "project", workspace())
    plan, result = planned(root, profile=profile)
    assert mini_sysroot.run(plan, root, made) is None
    elf = (root / result.elf).read_bytes()
    assert elf[:6] == b"\x7fELF\x02\x01"
    assert elf[16:20] == b"\x02\x00\x3e\x00"  # an executable for x86-64, not a shared object
    entry = int.from_bytes(elf[24:32], "little")
    assert 3 << 20 <= entry < 4 << 20  # the linker script was read
    read = list(read_by(plan, root))
    assert {"kernel/src/main.rs", "one/src/part.rs", "one/data", "build/external/out-0.1.0/src/lib.rs"} <= {
        n for n, _ in read
    }
    for name, inputs in read:
        assert any(
            name == entry.path or (entry.kind != "file" and name.startswith(f"{entry.path}/")) for entry in inputs
        )


def test_two_checkouts_become_the_same_bytes_without_a_path_of_theirs(
    planned: PlanIt, made: Path, tmp_path: Path
) -> None:
    results = []
    for name in ("first", "second-and-longer"):
        root = write(tmp_path / name / "project", workspace())
        plan, _ = planned(root)
        assert mini_sysroot.run(plan, root, made) is None
        outputs = {name: (root / name).read_bytes() for action in plan.actions for name in action.outputs[:-1]}
        results.append(outputs)
        for output, content in outputs.items():
            for path in (str(tmp_path).encode(), b"build/external", b"build/scratch"):
                assert path not in content, f"{path!r} is in {output}"
    assert results[0] == results[1]
    assert b"../out/src/lib.rs" in b"".join(results[0].values())  # where its source lies, from the project


def test_alloc_is_found_by_every_crate_of_a_kernel_that_declares_it(
    planned: PlanIt, made: Path, tmp_path: Path
) -> None:
    files = kernel("lib::f()", '[dependencies]\nlib = { path = "lib" }\n') | {
        "kernel/lib/Cargo.toml": MANIFEST.format("lib"),
        "kernel/lib/src/lib.rs": "#![no_std]\nextern crate alloc;\npub fn f() -> u8 { alloc::allocate() }\n",
    }
    root = write(tmp_path / "with", files)
    plan, _ = planned(root, alloc=True)
    assert mini_sysroot.run(plan, root, made) is None
    assert "build/sysroot/alloc/liballoc.rlib" in {name for name, _ in read_by(plan, root)}

    root = write(tmp_path / "without", files)
    failed = mini_sysroot.run(planned(root)[0], root, made)
    assert failed is not None
    assert failed.label == "lib 0.1.0 (dev)"
    assert explain(failed.messages) == (
        "The crate `alloc` is there for kernels that ask for it: write alloc=True in env.Kernel(…), or, for "
        'env.CargoProject, "alloc" in build-std of .cargo/config.toml.'
    )


def fails(root: Path, planned: PlanIt, made: Path, **said: object) -> Failed:
    failed = mini_sysroot.run(planned(root, **said)[0], root, made)
    assert failed is not None
    return failed


HINTS = {
    "std": (
        {"kernel/src/main.rs": "fn main() {}\n"}, {},
        "A kernel has no `std`: write #![no_std] first in the crate's root file, and use `core` in its place.",
    ),
    "test": (
        {"kernel/src/main.rs": "#![no_std]\n#![no_main]\n#![feature(test)]\nextern crate test;\n"}, {},
        "The crate `test` needs `std`: a kernel's tests use #![feature(custom_test_frameworks)].",
    ),
    "proc_macro": (
        {"kernel/src/main.rs": "#![no_std]\n#![no_main]\nextern crate proc_macro;\n"}, {},
        "Procedural macros run on the machine that builds: they are a crate of their own, with proc-macro = true in its "
        "[lib].",
    ),
    "a linker script": (
        {}, {"rustflags": ("-Clink-arg=-Tkernel.ld",)},
        "The linker looks for kernel.ld in the folder of the workspace's Cargo.toml.",
    ),
    "another crate": ({"kernel/src/main.rs": "#![no_std]\n#![no_main]\nextern crate spin;\n"}, {}, None),
    "a symbol": (
        {"kernel/src/main.rs": KERNEL.replace("START", "unsafe extern \"C\" { fn f(); } unsafe { f() }")}, {}, None
    ),
}  # fmt: skip


@pytest.mark.parametrize(("files", "said", "advice"), HINTS.values(), ids=HINTS.keys())
def test_advice_comes_where_the_declaration_is_the_cause(
    files: dict[str, str], said: dict[str, object], advice: str | None, planned: PlanIt, made: Path, tmp_path: Path
) -> None:
    failed = fails(write(tmp_path / "project", kernel() | files), planned, made, **said)
    assert failed.label == "kernel hello (dev)"
    assert any(message["level"] == "error" for message in failed.messages)
    assert explain(failed.messages) == advice


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("E0407", "pages 1.2.0 was written for a newer compiler: take another version of it, by `cargo update -p "
         "pages@1.2.0 --precise VERSION`, or another compiler, by RUSTC=…"),
        ("E0046", "pages 1.2.0 was written for an older compiler: take another version of it, by `cargo update -p "
         "pages@1.2.0 --precise VERSION`, or another compiler, by RUSTC=…"),
        ("E0053", "pages 1.2.0 was written for another compiler: take another version of it, by `cargo update -p "
         "pages@1.2.0 --precise VERSION`, or another compiler, by RUSTC=…"),
        ("E0308", None),
    ],
)  # fmt: skip
def test_a_crate_from_elsewhere_that_does_not_fit_the_compiler(code: str, advice: str | None) -> None:
    errors = [{"level": "error", "message": "method `m` is not a member of trait `Step`", "code": {"code": code}}]
    assert explain(errors, "pages 1.2.0 (dev)") == advice
    assert explain(errors) is None


def test_a_crate_from_elsewhere_that_needs_the_standard_library() -> None:
    errors = [{"level": "error", "message": "can't find crate for `std`", "code": {"code": "E0463"}}]
    assert explain(errors, "pages 1.2.0 (dev)") == (
        "pages 1.2.0 uses `std`, which a kernel does not have. Many crates do without it where Cargo.toml gives them "
        "default-features = false; `cargo tree -e features -i pages@1.2.0` says who switched it on."
    )


def test_a_comment_that_moves_no_line_makes_the_same_kernel(planned: PlanIt, made: Path, tmp_path: Path) -> None:
    made_of = []
    for comment in ("", "  // a remark"):
        files = kernel()
        files["kernel/src/main.rs"] = re.sub(r"\n", f"{comment}\n", files["kernel/src/main.rs"], count=1)
        root = write(tmp_path / f"project{len(made_of)}", files)
        plan, result = planned(root)
        assert mini_sysroot.run(plan, root, made) is None
        made_of.append((root / result.elf).read_bytes())
    assert made_of[0] == made_of[1]
