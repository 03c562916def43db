"""What a person reads about a project that cannot be built, before anything is compiled: the exact words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cargo_cases import SPEC, sysroot_of, write
from osimage.action import Plan
from osimage.crates.kernel import Kernel
from osimage.errors import DeclarationError

PlanIt = Callable[..., tuple[Plan, Kernel]]
WROTE_LOCK = "there was no kernel/Cargo.lock: cargo wrote it. Keep it with the sources."
PREFIX = 'SConstruct:4: env.Kernel("hello.elf"): '


def manifest(name: str, more: str = "") -> str:
    return f'[package]\nname = "{name}"\nversion = "0.1.0"\nedition = "2024"\n{more}'


MANIFEST, MAIN, CONFIG = "kernel/Cargo.toml", "kernel/src/main.rs", ".cargo/config.toml"
A_LIBRARY = {"kernel/m/src/lib.rs": ""}
USES_M = '[dependencies]\nm = { path = "m" }\n'


@dataclass(frozen=True)
class Bad:
    """A project that differs from a good one by FILES (None: not there), and by what the declaration says."""

    says: tuple[str, ...]
    files: dict[str, str | None] = field(default_factory=dict)
    said: dict[str, Any] = field(default_factory=dict)
    environ: dict[str, str] = field(default_factory=dict)


WRAPPED = (
    "puts 'sccache' in front of rustc, which is not supported: osimage runs rustc itself and has its own cache. "
    "Take the setting away."
)
ONE_LINE = "cargo reads it, as TOML 1.1, but osimage reads TOML 1.0: write each inline table on one line."
NO_OTHER_LINKER = "which is not supported: osimage links with lld (rust-lld, ld.lld). Take the setting away."
NO_OTHER_LOCK = (
    "names another lock file, which is not supported: osimage takes the Cargo.lock of the workspace. Take the setting "
    "away."
)
NEWER_INLINE_TABLE = '[dependencies]\nm = { path = "m",\n}\n'

CASES = {
    "no manifest": Bad(
        ("kernel/Cargo.toml does not exist. Name the Cargo.toml of the kernel's package.",),
        {MANIFEST: None, MAIN: None},
    ),
    "a manifest elsewhere": Bad(
        ("krenel/Cargo.toml does not exist (found: kernel/Cargo.toml). Name the Cargo.toml of the kernel's package.",),
        said={"manifest": "krenel/Cargo.toml"},
    ),
    "a folder": Bad(('kernel is a folder: write "kernel/Cargo.toml".',), said={"manifest": "kernel"}),
    "no TOML": Bad(("kernel/Cargo.toml:2:8: Invalid value.",), {MANIFEST: "[package]\nname = \n"}),
    "TOML that ends too early": Bad(
        ("kernel/Cargo.toml: Unterminated string (at end of document).",), {MANIFEST: '[package]\nname = "k'}
    ),
    "TOML 1.1": Bad(
        (f"kernel/Cargo.toml:6:18: Invalid initial character for a key part. {ONE_LINE}",),
        {MANIFEST: manifest("k", NEWER_INLINE_TABLE), "kernel/m/Cargo.toml": manifest("m"), **A_LIBRARY},
    ),
    "TOML 1.1 in a dependency": Bad(
        (f"kernel/m/Cargo.toml:6:21: Invalid initial character for a key part. {ONE_LINE}",),
        {
            MANIFEST: manifest("k", USES_M),
            "kernel/m/Cargo.toml": manifest("m", NEWER_INLINE_TABLE.replace('"m"', '"../n"').replace("m =", "n =")),
            "kernel/n/Cargo.toml": manifest("n"),
            "kernel/n/src/lib.rs": "",
            **A_LIBRARY,
        },
    ),
    "a manifest that cargo refuses": Bad(
        ("cargo: failed to parse manifest at `kernel/Cargo.toml`\n  Caused by:\n    missing field `package.name`",),
        {MANIFEST: '[package]\nversion = "1.0.0"\n'},
    ),
    "no binary": Bad(
        ("kernel/Cargo.toml has no binary: add src/main.rs, or a [[bin]] with its path.",),
        {MAIN: None, "kernel/src/lib.rs": ""},
    ),
    "several binaries": Bad(
        ('kernel/Cargo.toml has several binaries (a, b, k): choose one, as in bin="a".',),
        {"kernel/src/bin/a.rs": "", "kernel/src/bin/b/main.rs": ""},
    ),
    "everything misspelt": Bad(
        (
            "feature 'fo' is not in kernel/Cargo.toml (it has: bar, foo). Did you mean 'foo'?",
            "there is no profile 'relase' (there are: bench, dev, release, test, tiny). Did you mean 'release'?",
            "binary 'alpah' is not in kernel/Cargo.toml (it has: alpha, k). Did you mean 'alpha'?",
        ),
        {
            MANIFEST: manifest("k", '[features]\nfoo = []\nbar = []\n[profile.tiny]\ninherits = "dev"\n'),
            "kernel/src/bin/alpha.rs": "",
        },
        {"features": ("bar", "fo"), "bin": "alpah", "profile": "relase"},
    ),
    "no features": Bad(("feature 'x' is not in kernel/Cargo.toml (it has none).",), said={"features": ("x",)}),
    "the profile debug": Bad(("profile 'debug' is called 'dev' in cargo.",), said={"profile": "debug"}),
    "a workspace": Bad(
        (
            "Cargo.toml is a workspace without a package of its own: name the manifest of one of its packages with a "
            "binary: kernel/Cargo.toml.",
        ),
        {"Cargo.toml": '[workspace]\nmembers = ["kernel"]\n'},
        {"manifest": "Cargo.toml"},
    ),
    "a lock file that does not fit": Bad(
        (
            "kernel/Cargo.lock does not fit the manifests any more, and LOCKED=yes lets nothing change it. Run "
            "`cargo update --workspace --manifest-path kernel/Cargo.toml` once.",
        ),
        {
            MANIFEST: manifest("k", USES_M),
            "kernel/m/Cargo.toml": manifest("m"),
            "kernel/Cargo.lock": 'version = 4\n[[package]]\nname = "k"\nversion = "0.1.0"\n',
            **A_LIBRARY,
        },
        environ={"OSIMAGE_LOCKED": "yes"},
    ),
    "required features": Bad(
        (
            "cargo: target `k` in package `k` requires the features: `z`\n"
            '  Consider enabling them by passing, e.g., `--features="z"`',
        ),
        {MANIFEST: manifest("k", '[features]\nz = []\n[[bin]]\nname = "k"\nrequired-features = ["z"]\n')},
    ),
    "a dynamic library": Bad(
        ("the crate type cdylib is not supported yet: m 0.1.0 (kernel/m/src/lib.rs).",),
        {
            MANIFEST: manifest("k", USES_M),
            "kernel/m/Cargo.toml": manifest("m", '[lib]\ncrate-type = ["lib", "cdylib"]\n'),
            **A_LIBRARY,
        },
    ),
    "what the crate bootloader would refuse": Bad(
        (
            "kernel/Cargo.toml: [package.metadata.bootloader]: boot-info-address wants a text, since TOML has no numbers "
            'of 64 bits without a sign. Write boot-info-address = "0x1000".',
        ),
        {
            MANIFEST: manifest(
                "k",
                '[dependencies]\nbootloader = { path = "m" }\n'
                "[package.metadata.bootloader]\nboot-info-address = 0x1000\n",
            ),
            "kernel/m/Cargo.toml": manifest("bootloader").replace("0.1.0", "0.9.35"),
            **A_LIBRARY,
        },
    ),
    "a setting in the place of a build script": Bad(
        (
            ".cargo/config.toml: [target.x86_64-hello.part] takes the place of a build script, which is not supported: "
            "osimage runs the script. Take the table away.",
        ),
        {CONFIG: '[target.x86_64-hello.part]\nrustc-link-lib = ["part"]\n'},
    ),
    "a wrapper in a variable": Bad(
        (f"the variable RUSTC_WRAPPER {WRAPPED}",), environ={"RUSTC_WRAPPER": "sccache"}
    ),
    "a wrapper in the configuration": Bad(
        (f"build.rustc-workspace-wrapper in kernel/.cargo/config.toml {WRAPPED}",),
        {"kernel/.cargo/config.toml": '[build]\nrustc-workspace-wrapper = "sccache"\n'},
    ),
    "a patch of the library": Bad(
        (
            "kernel/Cargo.toml: [patch.crates-io] replaces 'compiler_builtins', which is not supported: the sysroot "
            "is made from the compiler's own rust-src.",
        ),
        {
            MANIFEST: manifest("k", '[patch.crates-io]\nbuiltins = { path = "m", package = "compiler_builtins" }\n'),
            "kernel/m/Cargo.toml": manifest("compiler_builtins"),
            **A_LIBRARY,
        },
    ),
    "an artifact dependency": Bad(
        ("kernel/Cargo.toml: the artifact dependency 'm' is not supported: build it on its own.",),
        {
            MANIFEST: manifest("k", '[dependencies]\nm = { path = "m", artifact = "bin" }\n'),
            "kernel/m/Cargo.toml": manifest("m"),
            "kernel/m/src/main.rs": "fn main() {}",
            "kernel/.cargo/config.toml": "[unstable]\nbindeps = true\n",
        },
    ),
    "an unknown profile setting": Bad(
        ("the profile setting 'hint-mostly-unused' is not supported.",),
        {
            MANIFEST: 'cargo-features = ["profile-rustflags"]\n'
            + manifest("k", "[profile.dev]\nhint-mostly-unused = true\n"),
            "kernel/.cargo/config.toml": "[unstable]\nprofile-hint-mostly-unused = true\n",
        },
    ),
    "configuration that is no TOML": Bad(
        (".cargo/config.toml:1:7: Expected ']' at the end of a table declaration.",), {CONFIG: "[build\n"}
    ),
    "configuration that does not merge": Bad(
        ("kernel/.cargo/config.toml: build.rustflags is a list, but one value in a configuration file of lower rank.",),
        {CONFIG: '[build]\nrustflags = "-g"\n', "kernel/.cargo/config.toml": '[build]\nrustflags = ["-g"]\n'},
    ),
    "rust flags that are a number": Bad(
        (".cargo/config.toml: build.rustflags wants a text or a list of texts.",), {CONFIG: "[build]\nrustflags = 3\n"}
    ),
    "rust flags that rustc refuses": Bad(
        ("rustc 1.96.0 refuses the rust flags -Cbananas: unknown codegen option: `bananas`.",),
        {
            CONFIG: '[target.x86_64-hello]\nrustflags = ["-Cbananas"]\n'
            "[target.'cfg(unix)']\nrustflags = [\"--cfg=a\"]\n"
        },
    ),
    "rust flags that core needs too": Bad(
        (
            ".cargo/config.toml has -Ccode-model=kernel -Crelocation-model=static, which cargo's build-std would give "
            "to core too, but the sysroot 'sysroot' is made without it: write env.Sysroot(\"sysroot\", …, "
            'rustflags=["-Ccode-model=kernel", "-Crelocation-model=static"]).',
        ),
        {CONFIG: '[build]\nrustflags = ["-C", "code-model=kernel", "-Crelocation_model=static", "-Cdebuginfo=1"]\n'},
    ),
    "another linker": Bad(
        (f".cargo/config.toml (target.x86_64-hello.linker) names the linker 'x86_64-elf-ld', {NO_OTHER_LINKER}",),
        {CONFIG: '[target.x86_64-hello]\nlinker = "x86_64-elf-ld"\n'},
    ),
    "another linker by a condition": Bad(
        (f".cargo/config.toml (target.cfg(not(unix)).linker) names the linker 'gcc', {NO_OTHER_LINKER}",),
        {CONFIG: "[target.'cfg(unix)']\nlinker = \"cc\"\n[target.'cfg(not(unix))']\nlinker = \"gcc\"\n"},
    ),
    "another linker by a flag": Bad(
        (f"rustflags= names the linker 'gcc', {NO_OTHER_LINKER}",), said={"rustflags": ("-C", "linker=gcc")}
    ),
    "another linker by a variable": Bad(
        (f"the variable CARGO_TARGET_X86_64_HELLO_LINKER names the linker 'gcc', {NO_OTHER_LINKER}",),
        environ={"CARGO_TARGET_X86_64_HELLO_LINKER": "gcc"},
    ),
    "two linkers by conditions": Bad(
        (
            ".cargo/config.toml (target.cfg(all()).linker) and .cargo/config.toml (target.cfg(not(unix)).linker) both "
            "name a linker. Take one of them away.",
        ),
        {CONFIG: "[target.'cfg(all())']\nlinker = \"lld\"\n[target.'cfg(not(unix))']\nlinker = \"lld\"\n"},
    ),
    "settings for the machine that builds": Bad(
        (
            ".cargo/config.toml switches on cargo's unstable host-config, which is not supported: build scripts and "
            "procedural macros are compiled as stable cargo does. Take the setting away.",
            "the variable CARGO_UNSTABLE_TARGET_APPLIES_TO_HOST switches on cargo's unstable target-applies-to-host, "
            "which is not supported: build scripts and procedural macros are compiled as stable cargo does. Take the "
            "setting away.",
        ),
        {CONFIG: "[unstable]\nhost-config = true\n"},
        environ={"CARGO_UNSTABLE_TARGET_APPLIES_TO_HOST": "true"},
    ),
    "another lock file": Bad(
        (f"{CONFIG} {NO_OTHER_LOCK}",), {CONFIG: '[resolver]\nlockfile-path = "a/Cargo.lock"\n'}
    ),
    "another lock file by a variable": Bad(
        (f"the variable CARGO_RESOLVER_LOCKFILE_PATH {NO_OTHER_LOCK}",),
        environ={"CARGO_RESOLVER_LOCKFILE_PATH": "a/Cargo.lock"},
    ),
    "another linker flavour": Bad(
        ("-Clinker-flavor=gcc (RUSTFLAGS) is not supported: osimage links with lld. Take it away.",),
        environ={"RUSTFLAGS": "-C linker-flavor=gcc"},
    ),
    "a linker script outside": Bad(
        (
            "the link reads ../../link.ld, which lies outside the project. The project is the SConstruct's folder: "
            "move the SConstruct up, or the file in.",
        ),
        {"../link.ld": ""},
        {"rustflags": ("-Clink-arg=-T../../link.ld",)},
    ),
    "our placeholder": Bad(
        (
            "CARGO_PKG_DESCRIPTION of the package k holds the text {root}, which osimage fills in itself: write it "
            "otherwise.",
        ),
        {MANIFEST: manifest("k", 'description = "{root} of all"\n')},
    ),
}  # fmt: skip


@pytest.mark.parametrize("bad", CASES.values(), ids=CASES.keys())
def test_faults_are_told_before_compiling(bad: Bad, planned: PlanIt, tmp_path: Path) -> None:
    files = {MANIFEST: manifest("k"), MAIN: "#![no_std]\n", **bad.files}
    root = write(tmp_path / "project", {name: text for name, text in files.items() if text is not None})
    with pytest.raises(DeclarationError) as told:
        planned(root, bad.environ, **bad.said)
    wrote_lock = not (root / "Cargo.lock").exists() and (root / "kernel/Cargo.lock").exists()
    says = (*bad.says, WROTE_LOCK) if wrote_lock and "kernel/Cargo.lock" not in bad.files else bad.says
    assert str(told.value) == "\n".join(f"{PREFIX}{line}" for line in says)


FOR_LLD = 'Write "linker": "rust-lld" and "linker-flavor": "gnu-lld"'
SPECS: dict[str, tuple[dict[str, Any], str]] = {
    "a linker that is no lld": (
        {"linker": "x86_64-elf-ld"},
        "the target spec names the linker 'x86_64-elf-ld', which is not supported: osimage links with lld (rust-lld, "
        f"ld.lld). {FOR_LLD}.",
    ),
    "GNU ld, with an argument of its own": (
        {"linker": "ld", "linker-flavor": "gnu", "pre-link-args": {"gnu": ["-n", "-Ttext-segment", "0x100000"]}},
        "the target spec names the linker 'ld', which is not supported: osimage links with lld (rust-lld, ld.lld). "
        f'{FOR_LLD}, and "--image-base=ADDRESS" in the place of "-Ttext-segment=ADDRESS", which only GNU ld knows.',
    ),
    "a C compiler": (
        {"linker-flavor": "gcc"},
        "the target spec has linker-flavor 'gcc', which is not supported: osimage links with lld, without a C "
        f"compiler. {FOR_LLD}.",
    ),
}


@pytest.mark.parametrize(("change", "says"), SPECS.values(), ids=SPECS.keys())
def test_a_spec_that_links_otherwise_is_told(
    change: dict[str, Any], says: str, planned: PlanIt, tmp_path: Path
) -> None:
    root = write(tmp_path / "project", {MANIFEST: manifest("k"), MAIN: "#![no_std]\n"})
    with pytest.raises(DeclarationError) as told:
        planned(root, sysroot=sysroot_of(SPEC | change))
    assert str(told.value) == f"{PREFIX}{says}\n{PREFIX}{WROTE_LOCK}"
