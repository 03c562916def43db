"""`scons test DOCTESTS=yes`: examples in documentation that boot, that are only compiled, and that are wrong."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable

from project import Project

SCONSTRUCT = """\
env = Environment(tools=["osimage"])
sysroot = env.Sysroot("sysroot", env.TargetSpec("x86_64-hello.json"))
loader = env.Bootloader("bios", sysroot=sysroot)
env.CargoTests("tests", "kernel/Cargo.toml", sysroot=sysroot, loader=loader)
"""
LIBRARY = """\
#![no_std]
#![cfg_attr(documented, doc = include_str!("../../README.md"))]

/// Ends QEMU.
///
/// ```
/// #![no_std]
/// #![no_main]
/// # use hello::exit;
/// #[unsafe(no_mangle)]
/// extern "C" fn _start() -> ! {
///     assert_eq!(include_str!("data.txt"), "data");
///     exit(0x10)
/// }
/// ```
///
/// ```should_panic
/// # #![no_std]
/// # #![no_main]
/// # use hello as _;
/// # #[unsafe(no_mangle)]
/// # extern "C" fn _start() -> ! {
/// panic!("as it says");
/// # }
/// ```
///
/// ```compile_fail,E0425
/// # #![no_std]
/// # #![no_main]
/// fn never() { hello::nothing(); }
/// ```
///
/// ```ignore
/// nothing
/// ```
pub fn exit(code: u32) -> ! {
    unsafe { core::arch::asm!("out dx, eax", in("dx") 0xf4_u16, in("eax") code) };
    loop {}
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo) -> ! {
    for byte in info.location().map_or(0, |at| at.line()).to_ne_bytes() {
        unsafe { core::arch::asm!("out dx, al", in("dx") 0x3f8_u16, in("al") byte) };
    }
    exit(0x11)
}
"""
FILES = {
    "SConstruct": SCONSTRUCT,
    "README.md": "# A kernel\n\n```no_run\n#![no_std]\n#![no_main]\nuse hello as _;\n```\n",
    ".cargo/config.toml": '[build]\nrustdocflags = ["--cfg", "documented"]\n',
    "kernel/Cargo.toml": '[package]\nname = "hello"\nversion = "0.1.0"\nedition = "2024"\n\n[lib]\ntest = false\n'
    + '[lints.rust.unexpected_cfgs]\nlevel = "warn"\ncheck-cfg = ["cfg(documented)"]\n',
    "kernel/Cargo.lock": 'version = 4\n\n[[package]]\nname = "hello"\nversion = "0.1.0"\n',
    "kernel/src/lib.rs": LIBRARY,
    "kernel/src/data.txt": "data",
}
TEST = re.compile(r"^\[TEST\] (.*?)(?:, )?(?:\d+\.\d s)?$", re.MULTILINE)
EXIT = "kernel/src/lib.rs - exit (line {})"


def test_examples_are_tests(new_project: Callable[..., Project]) -> None:
    project = new_project("documented", FILES)
    made = project.build("test", "DOCTESTS=yes", "TEST_CACHE=no")
    assert "examples in the documentation of hello" in made.steps
    others = [
        "kernel/src/../../README.md - (line 3)  passed  it compiles",
        f"{EXIT.format(27)}     passed  it does not compile, as it says",
        f"{EXIT.format(33)}     ignored",
    ]
    assert sorted(TEST.findall(made.stdout)) == sorted(
        [*others, f"{EXIT.format(6)}      passed  ", f"{EXIT.format(17)}     passed  "]
    )
    assert re.search(r"^4 of 4 passed, 1 ignored, in \d", made.stdout, re.MULTILINE)
    suites = ET.fromstring(project.read("build/tests.xml"))
    assert [suite.get("name") for suite in suites if suite.find("testcase/skipped") is not None] == [EXIT.format(33)]

    again = project.build("test", "DOCTESTS=yes")
    assert re.search(r"^4 of 4 passed \(2 cached\), 1 ignored, in \d", again.stdout, re.MULTILINE)
    assert "examples in the documentation of hello" not in again.steps
    chosen = project.build("test", "DOCTESTS=yes", "TEST=line 6)", "TEST_CACHE=no")
    assert TEST.findall(chosen.stdout) == [f"{EXIT.format(6)}  passed  "]
    assert "There are: kernel/src/lib.rs - exit (line 6), " in project.fails("test", "DOCTESTS=yes", "TEST=no").stderr

    project.write({"kernel/src/data.txt": "other", "README.md": "```\nlet a = 1;\n```\n"})
    failed = project.fails("test", "DOCTESTS=yes", "-j1")
    assert re.search(r"lib.rs - exit \(line 6\) +FAILED  exit code 35, not 33 ", failed.stdout)
    assert project.root.joinpath("build/tests/doc-kernel-src-lib.rs-6.log").read_bytes() == b"\x0c\0\0\0"  # line 12
    assert "- (line 1)  FAILED  kernel/src/../../README.md:1 does not compile\n" in failed.stdout
    assert "       error[E0463]: can't find crate for `std`\n" in failed.stdout
    assert "       (a kernel has no `std`: an example that is to boot begins with #![no_std] and " in failed.stdout
    assert failed.stderr == (
        "scons: *** [test] failed: kernel/src/lib.rs - exit (line 6), kernel/src/../../README.md - (line 1)\n"
    )
    # What failed is tried again, what passed is not.
    assert "examples in the documentation of hello" in project.fails("test", "DOCTESTS=yes").ran
    project.write({name: FILES[name] for name in ("kernel/src/data.txt", "README.md")})
    assert re.search(r"^4 of 4 passed \(2 cached\)", project.build("test", "DOCTESTS=yes").stdout, re.MULTILINE)


def test_what_is_wrong_with_settings_is_told_before_examples_are_compiled(new_project: Callable[..., Project]) -> None:
    project = new_project("documented", FILES)
    told = project.fails("test", "DOCTESTS=yes", "TEST_CACHE=maybe").stderr
    assert told == "osimage: TEST_CACHE=maybe: write TEST_CACHE=no, or leave it out.\n"
    assert not (project.root / "build/tests").exists()


def test_a_package_without_examples_has_nothing_to_test(new_project: Callable[..., Project]) -> None:
    files = FILES | {"kernel/src/lib.rs": "#![no_std]\n"}
    project = new_project("undocumented", files)
    assert "kernel/Cargo.toml has nothing that `cargo test` would run.\n" in project.fails("test").stderr
    assert "[TEST]" not in project.build("test", "DOCTESTS=yes").stdout


def test_a_file_that_an_example_lacked_is_seen_when_it_comes(new_project: Callable[..., Project]) -> None:
    lines = ("```compile_fail", "#![no_std]", "#![no_main]", 'include!("lacking.rs");', "```")
    library = "#![no_std]\n" + "".join(f"//! {line}\n" for line in lines)
    project = new_project("lacking", FILES | {"kernel/src/lib.rs": library})
    assert "it does not compile, as it says" in project.build("test", "DOCTESTS=yes").stdout
    project.write({"kernel/src/lacking.rs": "use hello as _;\n#[panic_handler]\n"
                   "fn panic(_: &core::panic::PanicInfo) -> ! { loop {} }\n"})  # fmt: skip
    assert "compiles, though it says compile_fail" in project.fails("test", "DOCTESTS=yes").stdout
