"""SCons as people use it: its options, SConscripts, clones of environments, commands of their own, odd folders."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable

import pytest
from project import Project
from small import EVERYTHING, IMAGE, KERNEL, KERNEL_STEP, PROJECT_FILES, SCONSTRUCT, STRIP

SOURCE = "kernel/src/main.rs"
UP_TO_DATE = "scons: `image' is up to date.\n"


def edit(project: Project, words: str) -> None:
    project.write({SOURCE: KERNEL.replace("Hello World!", words)})


@pytest.fixture
def image(small: Project) -> bytes:
    return small.read("build/hello.img")


def run(project: Project, folder: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run scons in a folder of the project's or beside it."""
    return subprocess.run(project.command(*arguments), cwd=project.root / folder, env=project.environment(),
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)  # fmt: skip


def test_in_another_folder(small: Project) -> None:
    assert run(small, "..", "-C", "project").stdout.endswith(UP_TO_DATE)
    for option in ("-D", "-U"):
        done = run(small, "kernel/src", option, "image")
        assert (done.returncode, done.stderr) == (0, ""), option
        assert UP_TO_DATE.strip() in done.stdout, option
    edit(small, "Hello below!")
    done = run(small, "kernel", "-u", "#build/hello.elf")
    assert done.returncode == 0, done.stderr
    assert b"Hello below!" in small.read("build/hello.elf")
    done = run(small, "kernel/src", "-u", "../../build/hello.img")
    assert done.returncode == 0, done.stderr
    assert b"Hello below!" in small.read("build/hello.img")
    done = run(small, "kernel", "-u", "image")
    assert (done.returncode, done.stdout.endswith(UP_TO_DATE)) == (0, True)


def test_with_an_sconstruct_of_another_name(new_small: Callable[..., Project], image: bytes) -> None:
    project = new_small("other", {"Other": SCONSTRUCT})
    (project.root / "SConstruct").unlink()
    project.build("-f", "Other")
    assert project.read("build/hello.img") == image
    project.replace("Other", "loader=loader", "loder=loader")
    assert project.fails("-f", "Other").stderr.startswith("osimage: Other:6: env.DiskImage(")


def test_declarations_in_an_sconscript(new_small: Callable[..., Project], image: bytes) -> None:
    """What it names is relative to it, what is built goes to the project's build folder, and places are told right."""
    inner = {f"inner/{name}": text for name, text in PROJECT_FILES.items() if name != "SConstruct"}
    files = {
        **inner,
        "SConstruct": 'env = Environment(tools=["osimage"])\nSConscript("inner/SConscript", exports="env")\n',
        "inner/SConscript": SCONSTRUCT.replace('env = Environment(tools=["osimage"])', 'Import("env")'),
    }
    project = new_small("outer")
    shutil.rmtree(project.root)
    project.root.mkdir()
    project.write(files)
    project.build()
    assert len(project.read("build/hello.img")) == len(image)
    assert project.up_to_date()
    project.replace("inner/kernel/src/main.rs", "Hello World!", "Hello inner!")
    assert set(KERNEL_STEP) <= set(project.build().ran)
    assert b"Hello inner!" in project.read("build/hello.img")
    project.replace("inner/kernel/Cargo.toml", "[profile.dev]", "[profile.dev]\nopt-level = 2")
    assert set(KERNEL_STEP) <= set(project.build().ran)
    assert project.up_to_date()
    project.replace("inner/SConscript", "loader=loader", "loder=loader")
    assert project.fails().stderr.startswith("osimage: inner/SConscript:6: env.DiskImage(")


def test_an_sconscript_in_a_variant_directory(new_small: Callable[..., Project], image: bytes) -> None:
    project = new_small("variant", {
        "SConstruct": 'SConscript("SConscript", variant_dir="out", duplicate=0)\n', "SConscript": SCONSTRUCT,
    })  # fmt: skip
    project.build()
    assert project.read("build/hello.img") == image


def test_clones_and_several_environments(new_small: Callable[..., Project]) -> None:
    more = """
clone = env.Clone()
fast = clone.Kernel("fast.elf", "kernel/Cargo.toml", sysroot=sysroot, profile="release")
other = Environment(tools=["osimage"])
other.DiskImage("fast.img", fast, loader=loader)
"""
    project = new_small(more={"SConstruct": SCONSTRUCT + more})
    project.build()
    assert b"Hello World!" in project.read("build/fast.img")
    assert project.up_to_date()
    edit(project, "Hello twice!")
    steps = [*KERNEL_STEP, *STRIP, *IMAGE, "kernel hello (release)", "fast.stripped.elf", "fast.img"]
    project.rebuilds(steps)


def test_commands_of_a_persons_own_before_and_behind(new_small: Callable[..., Project]) -> None:
    """A source that is made, also of a crate that the kernel uses, and something made of the image."""
    library = {
        "kernel/lib/Cargo.toml": '[package]\nname = "lib"\nversion = "0.1.0"\nedition = "2024"\n',
        "kernel/lib/src/lib.rs": "#![no_std]\n#![feature(rustc_private)]\npub mod made;\n",
        "kernel/Cargo.toml": PROJECT_FILES["kernel/Cargo.toml"] + '[dependencies]\nlib = { path = "lib" }\n',
        SOURCE: KERNEL.replace('b"Hello World!"', "lib::made::TEXT"),
    }
    more = """
made = env.Command("kernel/lib/src/made.rs", "words.txt", "sleep 0.5; cp $SOURCE $TARGET")
env.Depends(kernel, made)
env.Command("dist/sum.txt", image, "sha256sum < $SOURCE > $TARGET")
Default("dist")
"""
    project = new_small(more={**library, "SConstruct": SCONSTRUCT + more})
    (project.root / "kernel/Cargo.lock").unlink()
    sums = set()
    for words in ("made of it 1", "made of it 2", "made of it 1"):
        project.write({"words.txt": f'pub const TEXT: &[u8; 12] = b"{words}";\n'})
        project.build()
        assert words.encode() in project.read("build/hello.img")
        sums.add(project.read("dist/sum.txt"))
        result = project.build()
        assert "up to date" in result.stdout
        assert "sha256sum" not in result.stdout
        assert result.steps == []
    assert len(sums) == 2
    (project.root / "dist/sum.txt").unlink()
    result = project.build("dist/sum.txt")
    assert result.steps == []
    assert result.stdout.startswith("sha256sum")


def test_a_source_that_is_made_without_a_word_is_known_after_the_first_build(new_small: Callable[..., Project]) -> None:
    more = 'env.Command("kernel/src/made.rs", "words.txt", "cp $SOURCE $TARGET")\n'
    project = new_small(
        more={"SConstruct": SCONSTRUCT + more, SOURCE: KERNEL.replace('b"Hello World!"', "made::TEXT") + "mod made;\n"}
    )
    project.write({"words.txt": 'pub const TEXT: &[u8; 12] = b"made of it 1";\n'})
    project.build("kernel/src/made.rs")
    project.build()
    project.write({"words.txt": 'pub const TEXT: &[u8; 12] = b"made of it 2";\n'})
    project.build()
    assert b"made of it 2" in project.read("build/hello.img")


def test_what_is_made_below_build_is_an_input_by_a_word(new_small: Callable[..., Project]) -> None:
    project = new_small()
    project.replace("SConstruct", '"kernel/Cargo.toml",', '"kernel/Cargo.toml", inputs=["build/made.bin"],')
    project.write(
        {"SConstruct": project.read("SConstruct") + b'env.Command("build/made.bin", "w.txt", "cp $SOURCE $TARGET")\n'}
    )
    project.write({SOURCE: KERNEL.replace('b"Hello World!"', 'include_bytes!("../../build/made.bin")')})
    for words in ("made below 1", "made below 2"):
        project.write({"w.txt": words})
        project.build()
        assert words.encode() in project.read("build/hello.img")
        assert project.up_to_date()


@pytest.mark.parametrize("name", ["build/hello.elf", "hello.elf"])
def test_a_target_by_its_name(small: Project, name: str) -> None:
    edit(small, "Hello named!")
    small.rebuilds(KERNEL_STEP, name)
    assert small.up_to_date(name)
    small.rebuilds([*STRIP, *IMAGE], "build/hello.img")


def test_the_question(small: Project) -> None:
    assert small.scons("-q").status == 0
    edit(small, "Hello asked!")
    before = small.read("build/hello.img")
    asked = small.scons("-q")
    assert (asked.status, asked.stdout) == (1, "")
    assert small.read("build/hello.img") == before
    small.build()
    assert small.scons("-q").status == 0
    (small.root / "build/bios/stage1.bin").unlink()
    assert small.scons("-q").status == 1
    small.replace("SConstruct", "loader=loader", "loder=loader")
    assert small.fails("-q").stdout == ""


def test_no_execution(small: Project) -> None:
    edit(small, "Hello dry!!!")
    before = small.read("build/hello.img")
    result = small.build("-n")
    assert sorted(result.steps) == sorted([*KERNEL_STEP, *STRIP, *IMAGE])
    assert small.read("build/hello.img") == before
    assert small.build("-n").stdout == result.stdout
    small.rebuilds(result.steps)
    shutil.rmtree(small.root / "build")
    assert sorted(small.build("-n").steps) == sorted(EVERYTHING)


def test_keep_going_builds_what_it_can(new_small: Callable[..., Project]) -> None:
    more = (
        'k2 = env.Kernel("two.elf", "two/Cargo.toml", sysroot=sysroot)\nenv.DiskImage("two.img", k2, loader=loader)\n'
    )
    two = {name.replace("kernel/", "two/"): text for name, text in PROJECT_FILES.items() if name.startswith("kernel/")}
    project = new_small(more={**two, "SConstruct": SCONSTRUCT + more})
    project.build()
    project.write(
        {SOURCE: KERNEL + "fn broken( {}\n", "two/src/main.rs": KERNEL.replace("Hello World!", "Hello to two")}
    )
    before = project.read("build/hello.img")
    result = project.fails("-k")
    assert result.stderr.count("does not compile") == 1
    assert b"Hello to two" in project.read("build/two.img")
    assert project.read("build/hello.img") == before


def test_silence(small: Project) -> None:
    edit(small, "Hello quiet!")
    assert (small.build("-s").stdout, b"Hello quiet!" in small.read("build/hello.img")) == ("", True)
    small.write({SOURCE: KERNEL + "fn broken( {}\n"})
    assert "error: this file contains an unclosed delimiter" in small.fails("-s").stdout


def test_cleaning(small: Project) -> None:
    sources = {path for path in small.root.rglob("*") if "build" not in path.relative_to(small.root).parts}
    small.replace("SConstruct", "loader=loader", "loder=loader")  # it works whatever is broken
    small.build("-c")
    assert sorted(small.built_files()) == [".gitignore", "CACHEDIR.TAG"]
    assert {path for path in small.root.rglob("*") if "build" not in path.relative_to(small.root).parts} >= sources
    small.replace("SConstruct", "loder=loader", "loader=loader")
    small.rebuilds(EVERYTHING)
    small.build("-c", "build/hello.img")
    assert not (small.root / "build/hello.img").exists()
    assert small.build().ran == []


@pytest.mark.parametrize("option", ["--tree=all", "--tree=derived", "--debug=explain", "--debug=time",
                                    "--implicit-cache", "--implicit-deps-unchanged", "--random", "-j8", "-j1",
                                    "--max-drift=1", "--hash-format=sha256", "--cache-show"])  # fmt: skip
def test_other_options_change_nothing_about_what_is_built(small: Project, option: str) -> None:
    for words in ("Hello some 1", "Hello some 2"):
        edit(small, words)
        small.build(option)
        assert words.encode() in small.read("build/hello.img")
    result = small.build(option)
    assert result.steps == []


def test_why_a_step_runs_is_told(small: Project) -> None:
    edit(small, "Hello why???")
    (small.root / "build/hello.img").unlink()
    told = small.build("--debug=explain").stdout
    assert "scons: rebuilding `build/hello.elf' because the command or an input changed\n" in told
    assert "scons: rebuilding `build/hello.img' because build/hello.img was removed\n" in told


@pytest.mark.parametrize("setting", ["out/x", "#out/x", "out/../out/x/"])
def test_another_build_folder(new_small: Callable[..., Project], image: bytes, setting: str) -> None:
    project = new_small("other")
    project.replace("SConstruct", 'tools=["osimage"]', f'tools=["osimage"], BUILD_DIR="{setting}"')
    project.build()
    assert project.read("out/x/hello.img") == image
    assert not (project.root / "build").exists()
    assert project.up_to_date()


def test_a_package_that_is_the_project(new_small: Callable[..., Project], image: bytes) -> None:
    """Its folder holds the build folder, whatever its name, which is none of its sources."""
    project = new_small("other")
    for name in ("Cargo.toml", "Cargo.lock", "src"):
        (project.root / "kernel" / name).rename(project.root / name)
    project.replace("SConstruct", "kernel/Cargo.toml", "Cargo.toml")
    project.replace("SConstruct", 'tools=["osimage"]', 'tools=["osimage"], BUILD_DIR="made"')
    project.build("--cache-disable")
    assert len(project.read("made/hello.img")) == len(image)
    assert project.up_to_date()
    project.write({"notes.md": "words", "tests/boot.bin": "words"})
    assert project.up_to_date()


@pytest.mark.parametrize(
    "name",
    ["with blanks", 'it\'s "quoted"', "Größe-日本語", "a$HOME`b`;c", "x" * 200, "colon: and #hash", "back\\slash"],
    ids=["blanks", "quotes", "letters", "shell", "long", "colon", "backslash"],
)
def test_an_odd_name_of_the_folder(new_small: Callable[..., Project], image: bytes, name: str) -> None:
    project = new_small(f"{name}/{name}")
    project.build("--cache-disable")
    assert project.read("build/hello.img") == image
    assert project.up_to_date()
    edit(project, "Hello odd!!!")
    project.rebuilds([*KERNEL_STEP, *STRIP, *IMAGE], "--cache-disable")
    assert b"Hello odd!!!" in project.read("build/hello.img")


@pytest.mark.parametrize("name", ["with blanks", "Größe", "it's"])
def test_odd_names_of_sources(new_small: Callable[..., Project], name: str) -> None:
    project = new_small(more={
        SOURCE: KERNEL.replace('b"Hello World!"', f'include_bytes!("../{name}.bin")'), f"kernel/{name}.bin": "first bytes!",
    })  # fmt: skip
    project.build()
    assert project.up_to_date()
    project.write({f"kernel/{name}.bin": "other bytes!"})
    project.rebuilds([*KERNEL_STEP, *STRIP, *IMAGE])
    assert b"other bytes!" in project.read("build/hello.img")


def test_a_progress_of_a_persons_own_hides_no_fault(small: Project) -> None:
    small.write({"SConstruct": small.read("SConstruct") + b'Progress("$TARGET\\n")\n'})
    small.build()
    small.replace("SConstruct", "kernel/Cargo.toml", "kernel/Cargo.tom")
    for arguments in ([], ["-q"], ["-n"], ["image"]):
        assert "kernel/Cargo.tom does not exist" in small.fails(*arguments).stderr, arguments
