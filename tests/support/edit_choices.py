"""What is one of a few texts in a kernel that is edited at random: in its sources, its manifests, its surroundings."""

from __future__ import annotations

from collections.abc import Mapping

VALUES = ("10", "11", "12", "13")  # few, so that states come back and the store is asked for them

# What is one of a few texts; it begins with the first. An empty one stands for what is not there.
CHOICES: Mapping[str, tuple[str, ...]] = {
    # What is in sources.
    "comment": VALUES,
    "salt": VALUES,  # in the build script
    "expanded": VALUES,  # by the proc macro
    "vendored": VALUES,  # in every version of the registry's crate
    "near": VALUES,  # in the package outside the project
    "broken": ("", "const OTHER: u8 = 300;", "fn main( {", "mod missing;"),
    "shadow": ("", "pub const X: u8 = 1;", "pub const X: u8 = ;"),  # in a lib.rs beside main.rs
    # What is in files that are included, or read by the build script or the proc macro.
    "data": VALUES,
    "shared": VALUES,  # outside the package
    "asset": VALUES,  # in one of two folders
    "assets": ("first", "second"),  # the folder to which a link leads
    "linked": ("first", "second"),  # the file to which a link leads
    "quoted": VALUES,  # included by what the proc macro makes
    "tracked": VALUES,  # read by the proc macro
    "declares": ("yes", ""),  # whether the build script says what it reads
    "gone": ("", "kernel/data.bin", "kernel/assets", "kernel/build.rs", "kernel/mac/src/lib.rs", "kernel/tracked.txt",
             "common/number.txt", "kernel/base.ld", "vendor/dep-1.0.0/src/lib.rs"),  # a file that somebody removed
    "cfg": ("", "flagged"),  # said by the build script
    "warned": ("", "mind this"),
    # Variables, in the shell where nothing else is said.
    "words": ("hello", "there", "you"),  # by env!
    "maybe": ("", "=", "=x"),  # by option_env!
    "level": ("low", "high"),  # by the build script
    "spoken": ("a", "b"),  # by the proc macro
    "told": ("", "a", "b"),  # in [env] of cargo's configuration
    "heard": ("", "c"),  # the same, in the shell
    "rooted": ("", "yes"),  # whether the kernel holds the place of its package
    "rustflags": ("", "", "--cfg flagged"),
    "optimised": ("", "", "2"),
    # What manifests and the lock file say.
    "dependency": ("1.0.0", "1.1.0", "both"),
    "version": ("0.1.0", "0.2.0"),  # of the library
    "name": ("lib", "lob"),
    "folder": ("lib", "library"),
    "binary": ("", "hello", "other"),
    "second": ("", "found", "ignored"),  # a file in src/bin
    "script": ("", 'build = "other.rs"', "build = false"),
    "workspace": ("", "", "[workspace]\nmembers = [\"kernel\"]\nresolver = \"3\"\n", "[workspace]\n"),
    "default": ("", '"loud"', '"wide"'),  # features of the kernel
    "plain": ("", "yes"),  # the library without its default features
    "dev": ("", "opt-level = 1", 'opt-level = "s"', 'lto = "fat"', 'lto = "thin"', 'lto = "off"', "debug = 0",
            "codegen-units = 1", "overflow-checks = false", "debug-assertions = false", "incremental = false",
            "strip = true", "unheard-of = 1", 'panic = "unwind"'),
    "override": ("", "[profile.dev.package.NAME]\nopt-level = 2", '[profile.dev.package."*"]\nopt-level = 1',
                 "[profile.dev.build-override]\nopt-level = 1", "[profile.dev.package.nobody]\nopt-level = 1"),
    "lints": ("", 'dead_code = "warn"', 'dead_code = "deny"', 'dead_code = "allow"', 'unexpected_cfgs = "allow"'),
    # What configuration, SConstruct and command line say.
    "flags": ("", "", "build", "target"),
    "nearer": ("", "", '[env]\nTOLD = "near"', "[profile.dev]\nopt-level = 1"),  # in the configuration of the package
    "linker": ("", "", "script", "flags"),  # who names the linker script
    "base": ("0x200000", "0x400000"),  # in a file that the linker script includes
    "aligned": ("0x1000", "0x2000"),  # in the linker script
    "spec": ("", "", "core2", "keep"),
    "declared": ("", "# a comment", "default_features=False", 'rustflags=["--cfg=flagged"]', 'bin="hello"',
                 'bin="second"', 'not_deterministic=["mac"]'),
    "twin": ("", "", "yes"),  # a second kernel of the same package
    "size": ("", 'size="1M"'),
    "toolchain": ("", '[toolchain]\npath = "../toolchain"\n', '[toolchain]\nchannel = "unheard-of"\n'),
    "FEATURES": ("", "", "loud", "wide", "wide,loud", "unheard-of"),
    "PROFILE": ("", "", "release", "tiny", "unheard-of"),
    "INCREMENTAL": ("", "auto", "no", "yes"),
    "BIN": ("", "", "hello", "second", "unheard-of"),
    # What the toolchain is.
    "core": ("1", "2"),
    "compiler": ("", "another"),
}  # fmt: skip
BUILT_IN = ("core", "compiler", "spec")  # decide sysroot and loader
