"""The steps of a whole crate graph as data: sources outside, host units, build scripts, tests, what a loader hands over."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from cargo_cases import PROJECTS, copied, declaration, given_in, sysroot_of, write
from osimage.action import Action, Input, Plan
from osimage.boot.handover import Bootloader09
from osimage.crates import kernel as results
from osimage.crates import sources
from osimage.crates.kernel import Executable, Kernel
from osimage.crates.metadata import Package
from osimage.crates.place import Place
from osimage.crates.plan import plan, plan_tests
from osimage.crates.script_env import root_of
from osimage.errors import DeclarationError
from osimage.toolchain.rustc import Rustc

PlanIt = Callable[..., tuple[Plan, Kernel]]
HOST, TARGET = "build/crates/host", "build/crates/sysroot"
HOST_LINKER = "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER"


def by_label(made: Plan) -> dict[str, Action]:
    found = {action.label: action for action in made.actions}
    assert len(found) == len(made.actions)
    return found


@pytest.fixture
def graph(planned: PlanIt, tmp_path: Path) -> dict[str, Action]:
    return by_label(planned(copied("graph", tmp_path))[0])


def test_each_unit_is_a_step_after_those_it_uses(graph: dict[str, Action]) -> None:
    assert {label: action.step for label, action in graph.items()} == {
        "dup 1.0.1 (dev)": "crate",
        "bare 0.1.0 (dev)": "crate",
        "dup 1.0.1 for the host": "crate",
        "helper 0.3.0 for the host": "crate",
        "derive 0.3.0 for the host": "proc-macro",
        "build script of dup 0.9.4": "build-script",
        "configuration of dup 0.9.4 (dev)": "configure",
        "dup 0.9.4 (dev)": "crate",
        "build script of native 0.3.0": "build-script",
        "configuration of native 0.3.0 (dev)": "configure",
        "linked 0.2.0 (dev)": "crate",
        "native 0.3.0 (dev)": "crate",
        "build script of kernel 0.3.0": "build-script",
        "configuration of kernel 0.3.0 (dev)": "configure",
        "kernel 0.3.0 (dev)": "crate",
        "kernel kernel (dev)": "kernel",
    }
    made: set[str] = set()
    for action in graph.values():
        files = {entry.path for entry in action.inputs if entry.path.startswith("build/crates/")}
        assert files <= made
        made |= {output.rstrip("/") for output in action.outputs}


def test_what_runs_here_is_made_with_the_compilers_own_library(graph: dict[str, Action]) -> None:
    macros, script = graph["derive 0.3.0 for the host"], graph["build script of kernel 0.3.0"]
    for action in (macros, script, graph["helper 0.3.0 for the host"]):
        assert not {"--target", "--sysroot", "for_the_target"} & set(action.argv)
        assert all(not entry.path.startswith("build/sysroot") for entry in action.inputs)
        assert all(output.startswith(f"{HOST}/") for output in action.outputs)
        assert action.link_info is None
    content = hashlib.sha256((PROJECTS / "graph/tools/cc").read_bytes()).hexdigest()
    both = hashlib.sha256(f"{'2' * 64} {content}".encode()).hexdigest()
    assert (macros.toolchain, script.toolchain) == (both, both)
    assert {"-Clinker=tools/cc"} <= set(macros.argv) & set(script.argv)
    assert graph["helper 0.3.0 for the host"].toolchain == "1" * 64
    assert macros.argv[macros.argv.index("proc_macro") - 1] == "--extern"
    assert [Path(name).suffix for name in macros.outputs] == [".so", ".d"]
    assert script.outputs[0].endswith("/build_script_build")
    kernel = graph["kernel kernel (dev)"]
    assert Input(macros.outputs[0]) in kernel.inputs
    # A macro is loaded with all that it is made of.
    assert not [entry for entry in kernel.inputs if "libhelper" in entry.path]


def test_a_script_is_run_for_its_package_and_says_more_to_its_crates(graph: dict[str, Action]) -> None:
    run, native = (graph[f"configuration of {name} 0.3.0 (dev)"] for name in ("kernel", "native"))
    assert run.argv[0] == "osimage.crates.run_script"
    folder = run.outputs[0].rpartition("/")[0]
    assert [output.removeprefix(f"{folder}/") for output in run.outputs] == [
        *("search.args", "rustc.env", "metadata", "libraries"),
        *("bin-kernel.args", "test-basic.args", "test-plain.args", "lib.args", "script.d", "out/"),
    ]
    assert run.dep_info == f"{folder}/script.d"
    assert (run.local, run.external, run.shared, run.reads_outside) == (True, False, True, True)
    there = native.outputs[0].rpartition("/")[0]
    program = graph["build script of kernel 0.3.0"].outputs[0]
    assert run.inputs[:2] == (Input(program), Input("kernel", "package"))
    assert {Input(f"{there}/metadata"), Input(f"{there}/out", "tree")} <= set(run.inputs)
    variables = dict(word.split("=", 1) for word in run.argv[3:])
    assert variables["RUSTC"] == "{rustc}"
    assert variables["CARGO_MANIFEST_DIR"] == "{root}/kernel"
    kernel = graph["kernel kernel (dev)"]
    assert kernel.env_from == (f"{folder}/rustc.env",)
    assert Input(f"{folder}/libraries") in kernel.inputs
    assert dict(kernel.env)["OUT_DIR"] == f"{{root}}/{folder}/out"
    said = [word for word in kernel.argv if word.startswith("@")]
    assert said[0] == f"@{folder}/search.args"
    assert said[1].endswith("/search.args")
    assert said[-1] == f"@{folder}/bin-kernel.args"
    assert {Input(f"{folder}/out", "tree"), Input(f"{there}/out", "tree")} <= set(kernel.inputs)
    library = graph["kernel 0.3.0 (dev)"]
    assert Input(f"{there}/search.args") in library.inputs
    assert Input(f"{there}/out", "tree") not in library.inputs  # nothing is linked


def test_only_what_may_use_alloc_waits_for_it(planned: PlanIt, tmp_path: Path) -> None:
    """A library needs its metadata, what is linked its code too; what uses nothing that names it needs neither."""
    root = copied("graph", tmp_path)
    (root / "vendor/bare/src/lib.rs").write_text("extern crate alloc;")
    graph = by_label(planned(root, alloc=True)[0])
    needed = {label: [e.path for e in action.inputs if "/liballoc." in e.path] for label, action in graph.items()}
    metadata, code = "build/sysroot/alloc/liballoc.rmeta", "build/sysroot/alloc/liballoc.rlib"
    assert {label: paths for label, paths in needed.items() if paths} == {
        "bare 0.1.0 (dev)": [metadata],
        "native 0.3.0 (dev)": [metadata],
        "kernel 0.3.0 (dev)": [metadata],
        "kernel kernel (dev)": [code, metadata],
    }


def test_what_nobody_edits_counts_whole_and_says_nothing(graph: dict[str, Action]) -> None:
    external = {label for label, action in graph.items() if action.external}
    assert {label.partition(" ")[0] for label in external} == {"dup", "bare", "linked", "build", "configuration"}
    dup = graph["dup 1.0.1 (dev)"]
    assert dup.inputs[0] == Input("vendor/dup", "tree")
    assert not dup.local
    assert dup.user_env
    at = dup.argv.index("--cap-lints")
    assert dup.argv[at : at + 2] == ("--cap-lints", "allow")
    assert "--cap-lints" not in graph["native 0.3.0 (dev)"].argv


def test_features_of_the_host_are_its_own(graph: dict[str, Action]) -> None:
    assert 'feature="extra"' in graph["dup 1.0.1 (dev)"].argv
    assert 'feature="extra"' not in graph["dup 1.0.1 for the host"].argv


def test_a_plan_depends_on_what_is_vendored(planned: PlanIt, tmp_path: Path) -> None:
    made, _ = planned(copied("graph", tmp_path))
    assert {"vendor/dup/Cargo.toml", "vendor/dup-0.9/Cargo.toml"} <= set(made.consulted)
    assert "vendor/dup-0.9/build.rs" not in made.consulted
    assert {"kernel/build.rs", "kernel/tests/"} <= set(made.consulted)


def package(name: str, version: str, source: str | None, folder: str) -> Package:
    id = f"{name} {version} {source} {folder}"
    return Package(id, name, version, source, f"{folder}/Cargo.toml", (), (), None, (), None, None, (), ())


def test_sources_outside_are_reached_by_links_that_tell_them_apart() -> None:
    place = Place("/here/p", "build")
    index = "registry+https://example.org/index"
    packages = [
        package("inside", "1.0.0", None, "/here/p/inside"),
        package("plain", "1.0.0", index, "/cargo/plain-1.0.0"),
        package("plain", "2.0.0", index, "/cargo/plain-2.0.0"),
        package("twice", "1.0.0", index, "/cargo/twice-1.0.0"),
        package("twice", "1.0.0", None, "/here/twice"),
        package("forked", "1.0.0", "git+https://example.org/forked#abc", "/cargo/git/forked"),
    ]
    folders = sources.folders(packages, place)
    found = [folders[each.id] for each in packages]
    assert found[:3] == ["inside", "build/external/plain-1.0.0", "build/external/plain-2.0.0"]
    assert len(set(found)) == len(found)
    assert all(len(name) == len("build/external/twice-1.0.0-12345678") for name in found[3:5])
    assert len(found[5]) == len("build/external/forked-1.0.0-12345678")
    moved = Place("/elsewhere/p", "build")
    again = [dataclasses.replace(each, manifest=each.manifest.replace("/here/", "/elsewhere/")) for each in packages]
    assert list(sources.folders(again, moved).values()) == list(folders.values())
    assert dict(sources.links(packages, folders, place))["plain-2.0.0"] == "/cargo/plain-2.0.0"


def test_tests_are_executables_of_their_own(rustc_1_96: Rustc, needs_cargo: None, tmp_path: Path) -> None:
    root = copied("graph", tmp_path)
    said = declaration(name="tests", tests=True)
    made, tests = plan_tests(said, sysroot_of(), given_in(root, rustc_1_96))
    assert tests == results.Tests(
        "tests",
        "kernel",
        (
            Executable("kernel", "lib", "build/tests/lib-kernel.elf", True, "kernel"),
            Executable("kernel", "bin", "build/tests/bin-kernel.elf", True, "kernel"),
            Executable("basic", "test", "build/tests/test-basic.elf", True, "kernel"),
            Executable("plain", "test", "build/tests/test-plain.elf", False, "kernel"),
        ),
    )
    steps = by_label(made)
    plain, basic = steps["test plain (dev)"], steps["test basic (dev)"]
    assert "--test" in basic.argv
    assert plain.argv[plain.argv.index("test") - 1 : plain.argv.index("test") + 1] == ("--cfg", "test")
    assert (plain.step, plain.outputs) == ("kernel", ("build/tests/test-plain.elf", "build/tests/test-plain.d"))
    program = dict(basic.env)["CARGO_BIN_EXE_kernel"].removeprefix("{root}/")
    assert Input(program) in basic.inputs
    # What is no test is shared with the kernel.
    kernel, _ = plan(declaration(), sysroot_of(), given_in(root, rustc_1_96))
    assert set(kernel.actions[:-1]) <= set(made.actions)


def test_the_own_tests_of_one_binary_may_be_meant(rustc_1_96: Rustc, needs_cargo: None, tmp_path: Path) -> None:
    root = write(copied("graph", tmp_path), {"kernel/src/bin/tool.rs": "fn main() {}\n"})
    given = given_in(root, rustc_1_96)

    def names(binary: str | None) -> list[str]:
        _, tests = plan_tests(declaration(name="tests", tests=True, bin=binary), sysroot_of(), given)
        return [f"{each.kind} {each.name}" for each in tests.executables]

    others = ["lib kernel", "test basic", "test plain"]
    assert sorted(names(None)) == sorted([*others, "bin kernel", "bin tool"])
    assert sorted(names("tool")) == sorted([*others, "bin tool"])
    with pytest.raises(DeclarationError) as told:
        names("kernl")
    has = "binary 'kernl' is not in kernel/Cargo.toml (it has: kernel, tool). Did you mean 'kernel'?"
    assert told.value.faults == (has,)


def test_a_kernel_that_uses_the_crate_bootloader_says_what_it_expects(planned: PlanIt, tmp_path: Path) -> None:
    manifest = '[package]\nname = "{}"\nversion = "{}"\nedition = "2024"\n'
    files = {
        "kernel/Cargo.toml": manifest.format("k", "0.1.0")
        + '[dependencies]\nboot = { package = "bootloader", path = "../bootloader", features = ["sse"] }\n'
        'other = { path = "../other" }\n[package.metadata.bootloader]\nkernel-stack-size = 20\n',
        "kernel/src/main.rs": "",
        "other/Cargo.toml": manifest.format("other", "0.1.0")
        + '[dependencies]\nbootloader = { path = "../bootloader", features = ["map_physical_memory"] }\n',
        "other/src/lib.rs": "",
        "bootloader/Cargo.toml": manifest.format("bootloader", "0.9.35")
        + "[features]\nsse = []\nmap_physical_memory = []\nvga_320x200 = []\n",
        "bootloader/src/lib.rs": "",
    }
    root = write(tmp_path / "p", files)
    _, kernel = planned(root)
    assert kernel.handover == Bootloader09(map_physical_memory=True, sse=True, kernel_stack_size=20)
    write(root, {"bootloader/Cargo.toml": files["bootloader/Cargo.toml"].replace("0.9.35", "0.11.7")})
    (root / "kernel/Cargo.lock").unlink()
    assert planned(root)[1].handover is None


def test_programs_for_this_machine_need_a_linker_for_it(rustc_1_96: Rustc, needs_cargo: None, tmp_path: Path) -> None:
    root, rustc = copied("graph", tmp_path), dataclasses.replace(rustc_1_96, host_linker=None)
    with pytest.raises(DeclarationError) as told:
        plan(declaration(), sysroot_of(), given_in(root, rustc))
    assert told.value.faults == (
        "build scripts and procedural macros (dup, helper, derive, kernel, native) are linked by a C compiler, and no "
        "`cc` is on PATH: install one (Debian: the package gcc).",
    )


@pytest.mark.parametrize(
    ("said", "flag"),
    [("gcc", "-Clinker=gcc"), ("tools/cc", "-Clinker=tools/cc"), ("/usr/bin/gcc", "-Clinker=/usr/bin/gcc")],
)
def test_programs_for_this_machine_are_linked_as_cargos_variable_says(
    said: str, flag: str, planned: PlanIt, tmp_path: Path
) -> None:
    root = copied("graph", tmp_path)
    named = str(root / said) if said.startswith("tools") else said
    steps = {action.label: action for action in planned(root, environ={HOST_LINKER: named})[0].actions}
    script, run = steps["build script of kernel 0.3.0"], steps["configuration of kernel 0.3.0 (dev)"]
    assert flag in script.argv
    assert script.toolchain not in ("1" * 64, "2" * 64)
    assert "RUSTC_LINKER=rust-lld" in run.argv


def test_a_linker_that_is_not_there_is_told(planned: PlanIt, tmp_path: Path) -> None:
    with pytest.raises(DeclarationError) as told:
        planned(copied("graph", tmp_path), environ={HOST_LINKER: "no-such-linker"})
    assert told.value.faults == (
        f"the variable {HOST_LINKER} names the linker 'no-such-linker' for build scripts and procedural "
        "macros, but it is not there. Install it, or take the setting away.",
    )


@pytest.mark.parametrize(
    ("profile", "root"),
    [("dev", "dev"), ("test", "test"), ("bench", "bench"), ("quick", "release"), ("slow", "dev"), ("none", "dev")],
)
def test_a_profile_comes_from_a_built_in_one(profile: str, root: str) -> None:
    profiles = {"quick": {"inherits": "fast"}, "fast": {"inherits": "release"}, "slow": {"inherits": "dev"}}
    assert root_of(profile, profiles) == root
