"""The steps of a kernel as data: what each reads, writes and is called, and what the plan depends on."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
from cargo_cases import SPEC, WHERE, copied, sysroot_of, write
from osimage.action import Input, Plan
from osimage.crates.kernel import Kernel
from osimage.crates.layout import LARGE

PlanIt = Callable[..., tuple[Plan, Kernel]]

MANIFEST = '[package]\nname = "{}"\nversion = "0.1.0"\nedition = "2024"\n'
KERNEL = {"kernel/Cargo.toml": MANIFEST.format("hello"), "kernel/src/main.rs": "#![no_std]\n"}
SYSROOT = sysroot_of().inputs()


def test_a_kernel_is_one_step(planned: PlanIt, tmp_path: Path) -> None:
    plan, kernel = planned(write(tmp_path / "p", KERNEL))
    assert kernel == Kernel("hello.elf", "build/hello.elf", "hello", "hello")
    assert plan.links == ()
    (step,) = plan.actions
    hashed = next(word for word in step.argv if word.startswith("-Cmetadata=")).removeprefix("-Cmetadata=")
    assert step.argv == (
        *("rustc", "--crate-name", "hello", "--edition=2024", "kernel/src/main.rs"),
        *("--error-format=json", "--json=diagnostic-rendered-ansi", "--crate-type", "bin"),
        *("--emit=dep-info={out}/hello.d,link={out}/hello.elf", "--out-dir={out}"),
        *("-Cembed-bitcode=no", "-Cdebuginfo=2"),
        *("--check-cfg", "cfg(docsrs,test)", "--check-cfg", "cfg(feature, values())"),
        *(f"-Cmetadata={hashed}", f"-Cextra-filename=-{hashed}"),
        *("--target", "build/x86_64-hello.json", "-Zunstable-options", "--sysroot", "build/sysroot"),
        *("-Clinker=ld.lld-22", "-Clink-arg=--dependency-file={out}/link.d"),
        "--remap-path-prefix=build/external/rust-src=/rustc/library",
        *("-Zremap-cwd-prefix=.", "-Zbinary-dep-depinfo"),
    )
    assert step.inputs == (Input("kernel", "package"), *SYSROOT)
    assert step.outputs == ("build/hello.elf", "build/hello/hello.d")
    assert (step.step, step.label) == ("kernel", "kernel hello (dev)")
    assert (step.dep_info, step.link_info) == ("build/hello/hello.d", "link.d")
    assert step.toolchain == "1" * 64
    assert step.where == WHERE
    assert (step.shared, step.user_env, step.local) == (True, True, True)
    env = dict(step.env)
    assert env["CARGO_MANIFEST_DIR"] == "{root}/kernel"
    assert env["RUSTC_BOOTSTRAP"] == "1"
    assert env["CARGO"] == "{cargo}"


@pytest.mark.parametrize(
    ("size", "said", "is_incremental"),
    [
        (LARGE, {}, True),
        (0, {}, False),  # nothing would be gained
        (0, {"incremental": True}, True),
        (LARGE, {"incremental": False}, False),
        (LARGE, {"profile": "release"}, False),
        (LARGE, {"profile": "release", "incremental": True}, False),  # the profile has the word
    ],
)
def test_large_crates_are_compiled_incrementally(
    size: int, said: dict[str, object], is_incremental: bool, planned: PlanIt, tmp_path: Path
) -> None:
    root = write(tmp_path / "p", KERNEL | {"kernel/src/part/mod.rs": "/" * size})
    (step,) = planned(root, **said)[0].actions
    hashed = next(word for word in step.argv if word.startswith("-Cmetadata=")).removeprefix("-Cmetadata=")
    folder = f"build/incremental/{hashed}" if is_incremental else None
    assert step.incremental == folder
    assert (f"-Cincremental={folder}" in step.argv) == is_incremental


def test_workspaces_of_what_is_used_and_new_tests_change_the_plan(planned: PlanIt, tmp_path: Path) -> None:
    uses = '[dependencies]\nfoo = { path = "../libs/foo" }\n'
    inherits = '[package]\nname = "foo"\nversion.workspace = true\nedition.workspace = true\n'
    root = write(tmp_path / "p", KERNEL | {
        "kernel/Cargo.toml": KERNEL["kernel/Cargo.toml"] + uses,
        "kernel/tests/deep/helper.rs": "",
        "libs/Cargo.toml": '[workspace]\nmembers = ["foo"]\n[workspace.package]\nversion = "1.0.0"\nedition = "2021"\n',
        "libs/foo/Cargo.toml": inherits,
        "libs/foo/src/lib.rs": "#![no_std]\n",
    })  # fmt: skip
    plan, _ = planned(root)
    assert {"libs/Cargo.toml", "kernel/tests/deep/"} <= set(plan.consulted)


def test_a_missing_lock_file_is_written_and_told(planned: PlanIt, tmp_path: Path) -> None:
    root = write(tmp_path / "p", KERNEL)
    first, _ = planned(root)
    assert first.notes == ("there was no kernel/Cargo.lock: cargo wrote it. Keep it with the sources.",)
    written = (root / "kernel/Cargo.lock").read_bytes()
    again, _ = planned(root)
    assert again == first._replace(notes=())
    assert (root / "kernel/Cargo.lock").read_bytes() == written
    assert sorted(path.name for path in root.rglob("*")) == ["Cargo.lock", "Cargo.toml", "kernel", "main.rs", "src"]


def test_warnings_of_cargo_are_passed_on_once(planned: PlanIt, tmp_path: Path) -> None:
    changed = {"kernel/Cargo.toml": KERNEL["kernel/Cargo.toml"] + 'bananas = 1\n[profile.test]\npanic = "abort"\n'}
    root = write(tmp_path / "p", KERNEL | changed)
    planned(root)
    plan, _ = planned(root)
    assert plan.notes == (
        "cargo: `panic` setting is ignored for `test` profile",
        "cargo: unused manifest key: package.bananas",
    )


def test_a_library_waits_for_one_that_has_its_metadata_in_itself(planned: PlanIt, tmp_path: Path) -> None:
    """One that is also something else is written whole, without metadata of its own."""
    uses = '[dependencies]\n{0} = {{ path = "../{0}" }}\n'
    package = '[package]\nname = "{}"\nversion = "0.1.0"\nedition = "2024"\n'
    root = write(tmp_path / "p", KERNEL | {
        "kernel/Cargo.toml": KERNEL["kernel/Cargo.toml"] + uses.format("user"),
        "user/Cargo.toml": package.format("user") + uses.format("both"),
        "user/src/lib.rs": "#![no_std]\n",
        "both/Cargo.toml": package.format("both") + '[lib]\ncrate-type = ["rlib", "staticlib"]\n',
        "both/src/lib.rs": "#![no_std]\n",
    })  # fmt: skip
    both, user, _ = planned(root)[0].actions
    assert [Path(path).suffix for path in both.outputs] == [".rlib", ".a", ".d"]
    assert Input(both.outputs[0]) in user.inputs


def test_each_step_reads_what_it_uses(planned: PlanIt, tmp_path: Path) -> None:
    root = copied("workspace", tmp_path)
    plan, kernel = planned(root, manifest="kernel/Cargo.toml", bin="my-kernel")
    assert kernel == Kernel("hello.elf", "build/hello.elf", "my-kernel", "my-kernel")
    steps = {step.label: step for step in plan.actions}
    assert list(steps) == [
        "a 0.1.0 (dev)",
        "b 0.2.0 (dev)",
        "c-dash 0.2.0+build.7 (dev)",
        "my-kernel 1.2.3-rc.1 (dev)",
        "kernel my-kernel (dev)",
    ]
    assert [step.step for step in plan.actions] == ["crate"] * 4 + ["kernel"]
    made = {label: step.outputs[:-1] for label, step in steps.items()}
    a, b = made["a 0.1.0 (dev)"], made["b 0.2.0 (dev)"]
    assert [Path(name).suffix for name in a] == [".rlib", ".rmeta"]
    assert [Path(name).suffix for name in b] == [".rlib", ".a"]
    assert all(name.startswith(("build/crates/sysroot/liblibra-", "build/crates/sysroot/libb-")) for name in a + b)
    assert steps["b 0.2.0 (dev)"].inputs == (Input("libs/b", "package"), *SYSROOT, *map(Input, a))
    assert steps["kernel my-kernel (dev)"].inputs == (
        Input("kernel", "package"),
        *SYSROOT,
        *(Input(name) for label in list(steps)[:-1] for name in made[label]),
    )
    outputs = [name for step in plan.actions for name in step.outputs]
    assert len(set(outputs)) == len(outputs)


def test_a_plan_depends_on_manifests_configuration_and_what_cargo_discovers(planned: PlanIt, tmp_path: Path) -> None:
    root = write(copied("configured", tmp_path), {"src/bin/tool/main.rs": "#![no_std]\n"})
    plan, _ = planned(root, manifest="Cargo.toml", bin="configured")
    above = str(tmp_path)
    home = f"{tmp_path}/home/.cargo"
    assert set(plan.consulted) >= {
        *("Cargo.toml", f"{above}/Cargo.toml", "/Cargo.toml", "part/Cargo.toml", "Cargo.lock"),
        *(
            ".cargo/config",
            ".cargo/config.toml",
            f"{above}/.cargo/config.toml",
            "/.cargo/config",
            f"{home}/config.toml",
        ),
        *(".cargo/more.toml", ".cargo/absent.toml", "kernel.ld", "sections.ld"),
        *("src/", "src/bin/", "src/bin/tool/", "part/src/", "part/src/bin/", "build.rs", "part/build.rs"),
        *("$RUSTC_WRAPPER", "$HOME", "$GREETING", "$TAKEN"),
    }
    assert "src/main.rs" not in plan.consulted
    assert len(set(plan.consulted)) == len(plan.consulted)


def test_more_inputs_are_those_of_the_projects_own_crates_and_build_scripts(planned: PlanIt, tmp_path: Path) -> None:
    plan, _ = planned(copied("graph", tmp_path), inputs=("b.bin", "a.bin", "b.bin"))
    both = (Input("a.bin"), Input("b.bin"))
    for action in plan.actions:
        found = tuple(entry for entry in action.inputs if entry in both)
        assert found == (() if action.external else both), action.label


def test_linker_scripts_are_read_by_the_kernel_alone(planned: PlanIt, tmp_path: Path) -> None:
    plan, _ = planned(copied("configured", tmp_path), manifest="Cargo.toml")
    part, kernel = plan.actions
    assert kernel.inputs[-2:] == (Input("kernel.ld"), Input("sections.ld"))
    assert part.inputs == (Input("part", "package"), *(entry for entry in SYSROOT if not entry.path.endswith(".rlib")))
    assert kernel.inputs[0] == Input(".", "package")
    assert dict(kernel.env)["CARGO_MANIFEST_DIR"] == "{root}"
    assert dict(kernel.env)["TABLES"] == "{root}/tables/keyboard"


def test_a_dependency_outside_the_project_is_reached_through_a_link(planned: PlanIt, tmp_path: Path) -> None:
    uses = MANIFEST.format("hello") + '[dependencies]\nouter = { path = "../../outer" }\n'
    root = write(tmp_path / "p", KERNEL | {"kernel/Cargo.toml": uses})
    write(tmp_path, {"outer/Cargo.toml": MANIFEST.format("outer"), "outer/src/lib.rs": "#![no_std]\n"})
    plan, _ = planned(root)
    assert plan.links == (("outer-0.1.0", f"{tmp_path}/outer"),)
    assert f"{tmp_path}/outer/Cargo.toml" in plan.consulted
    outer, kernel = plan.actions
    assert outer.argv[4] == "build/external/outer-0.1.0/src/lib.rs"
    assert "--remap-path-prefix=build/external/outer-0.1.0=../outer" in outer.argv
    assert outer.inputs[0] == Input("build/external/outer-0.1.0", "tree")
    assert dict(outer.env)["CARGO_MANIFEST_DIR"] == "{root}/build/external/outer-0.1.0"
    assert not [
        word for step in plan.actions for word in (*step.argv, *dict(step.env).values()) if str(tmp_path) in word
    ]
    assert kernel.inputs[0] == Input("kernel", "package")


def test_the_workspace_may_lie_above_the_project(planned: PlanIt, tmp_path: Path) -> None:
    write(
        tmp_path,
        {"Cargo.toml": '[workspace]\nmembers = ["p/kernel"]\nresolver = "3"\n[profile.dev]\npanic = "abort"\n'},
    )
    plan, _ = planned(write(tmp_path / "p", KERNEL))
    assert "-Cpanic=abort" in plan.actions[0].argv
    assert plan.notes == (f"there was no {tmp_path}/Cargo.lock: cargo wrote it. Keep it with the sources.",)
    assert {f"{tmp_path}/Cargo.toml", f"{tmp_path}/Cargo.lock"} <= set(plan.consulted)


@pytest.mark.parametrize(
    ("project", "said"),
    [
        ("workspace", {"manifest": "kernel/Cargo.toml", "bin": "my-kernel", "profile": "release"}),
        ("configured", {"manifest": "Cargo.toml"}),
        ("graph", {}),
    ],
)
def test_two_checkouts_have_one_plan(project: str, said: dict[str, str], planned: PlanIt, tmp_path: Path) -> None:
    here, there = (copied(project, tmp_path / name) for name in ("here", "there"))
    first, second = (planned(root, **said)[0] for root in (here, there))
    assert first.actions == second.actions
    assert str(tmp_path) not in repr(first.actions)


@pytest.mark.parametrize(
    ("said", "differs"),
    [
        ({"profile": "release"}, True),
        ({"features": ("y",)}, True),
        ({"rustflags": ("--cfg=x",)}, True),
        ({"inputs": ("build/table.bin",)}, True),
        ({"name": "other.elf"}, False),
    ],
    ids=["profile", "features", "flags", "inputs", "kernel"],
)
def test_units_that_may_lie_side_by_side_have_names_of_their_own(
    said: dict[str, object], differs: bool, planned: PlanIt, tmp_path: Path
) -> None:
    root = copied("workspace", tmp_path)
    first, _ = planned(root, manifest="kernel/Cargo.toml")
    second, _ = planned(root, manifest="kernel/Cargo.toml", **said)
    assert (first.actions[0].outputs != second.actions[0].outputs) == differs


def test_alloc_is_there_for_a_kernel_that_asks_for_it(planned: PlanIt, tmp_path: Path) -> None:
    plan, _ = planned(write(tmp_path / "p", KERNEL), alloc=True)
    (step,) = plan.actions
    at = step.argv.index("-L")
    assert step.argv[at : at + 2] == ("-L", "build/sysroot/alloc")
    assert step.inputs[1:] == (*SYSROOT, *sysroot_of().inputs_of_alloc())


def test_flags_of_the_sysroot_reach_every_crate(planned: PlanIt, tmp_path: Path) -> None:
    root = write(tmp_path / "p", KERNEL | {".cargo/config.toml": '[build]\nrustflags = ["-C", "code-model=kernel"]\n'})
    sysroot = sysroot_of(rustflags=("-Ccode-model=kernel", "-Ctarget-cpu=x86-64-v2", "--cfg=of_core_alone"))
    plan, _ = planned(root, sysroot=sysroot, rustflags=("--cfg=mine",))
    argv = plan.actions[0].argv
    at = argv.index("-Ctarget-cpu=x86-64-v2")
    assert argv[at : at + 3] == ("-Ctarget-cpu=x86-64-v2", "-Ccode-model=kernel", "--cfg=mine")
    assert "--cfg=of_core_alone" not in argv


@pytest.mark.parametrize(
    ("linker", "flags"),
    [("rust-lld", ["-Clinker=ld.lld-22"]), (None, ["-Clinker=ld.lld-22"]), ("ld.lld-22", [])],
)
def test_the_linker_in_use_is_named_where_the_spec_does_not(
    linker: str | None, flags: list[str], planned: PlanIt, tmp_path: Path
) -> None:
    spec = {name: value for name, value in (SPEC | {"linker": linker}).items() if value is not None}
    plan, _ = planned(write(tmp_path / "p", KERNEL), sysroot=sysroot_of(spec), rustflags=("-Clinker=/usr/bin/lld",))
    assert [word for word in plan.actions[0].argv if word.startswith("-Clinker=")] == flags


def test_a_kernel_without_the_suffix_does_not_lie_in_its_own_way(planned: PlanIt, tmp_path: Path) -> None:
    plan, kernel = planned(write(tmp_path / "p", KERNEL), name="boot/kernel")
    assert kernel.elf == "build/boot/kernel"
    assert plan.actions[0].outputs == ("build/boot/kernel", "build/boot/kernel.crates/kernel.d")


def test_flags_against_link_time_optimisation_need_no_bitcode(planned: PlanIt, tmp_path: Path) -> None:
    sysroot = dataclasses.replace(sysroot_of(), lto=False)
    plan, _ = planned(write(tmp_path / "p", KERNEL), sysroot=sysroot, rustflags=("-Clto=off",))
    assert "-Clto=off" in plan.actions[-1].argv
