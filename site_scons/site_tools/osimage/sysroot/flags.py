"""Which of a person's rustflags change the standard library's code, and which only what is linked or warned about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

# rustc keeps these out of a library's code and metadata: they speak of the link, of warnings or of this run.
_LINT = (
    "-A",
    "-W",
    "-D",
    "-F",
    "--allow",
    "--warn",
    "--force-warn",
    "--deny",
    "--forbid",
    "--cap-lints",
    "--check-cfg",
)
_OF_PROGRAM = (*_LINT, "-L", "-l", "--remap-path-prefix", "--error-format", "--json", "--color", "--diagnostic-width")
_OF_LINK = (
    "ar", "default-linker-libraries", "incremental", "link-arg", "link-args", "link-self-contained", "linker",
    "linker-features", "linker-flavor", "post-link-arg", "post-link-args", "pre-link-arg", "pre-link-args", "rpath",
    "save-temps", "strip", "threads", "time-passes",
)  # fmt: skip

# The options whose value may be the next word; `-Cx` and `--cfg=x` have it joined.
_WITH_VALUE = (*_OF_PROGRAM, "-C", "-Z", "--codegen", "--cfg", "--env-set", "--extern")


def of_library(rustflags: Sequence[str]) -> tuple[str, ...]:
    """The RUSTFLAGS that make another library, each joined to its value: `-Ccode-model=kernel`, `--cfg=x`.

    Leaving out the rest lets projects share a sysroot that differ in a linker script or in `-Dwarnings`; the sources
    are remapped already, and a `--remap-path-prefix` would bring a path of the machine into the command.
    """
    return tuple(joined for joined in _joined(rustflags) if not _is_of_program(joined))


def is_about_lto(flag: str) -> bool:
    """Whether FLAG, joined to its value, is about optimisation at link time, for which a library has bitcode."""
    return flag.startswith(("-Clto", "-Clinker-plugin-lto", "-Cembed-bitcode"))


def last(flags: Sequence[str], option: str, default: str) -> str:
    """The value of `-C OPTION` in FLAGS as `of_library` returns them, where the last one counts."""
    values = [flag.partition("=")[2] for flag in flags if flag.startswith(f"-C{option}=")]
    return values[-1] if values else default


def _joined(rustflags: Sequence[str]) -> Iterator[str]:
    words = iter(rustflags)
    for word in words:
        if word in _WITH_VALUE:
            value = next(words, "")
            yield f"-C{value}" if word == "--codegen" else f"{word}={value}" if word.startswith("--") else word + value
        elif word == "-g":
            yield "-Cdebuginfo=2"
        elif word == "-O":
            yield "-Copt-level=3"
        else:
            yield f"-C{word.removeprefix('--codegen=')}" if word.startswith("--codegen=") else word


def _is_of_program(flag: str) -> bool:
    if flag.startswith(("-C", "-Z")):
        return flag[2:].partition("=")[0].replace("_", "-") in _OF_LINK
    return (flag.partition("=")[0] if flag.startswith("--") else flag[:2]) in _OF_PROGRAM
