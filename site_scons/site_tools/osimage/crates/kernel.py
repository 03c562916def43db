"""What `env.Kernel` says, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from ..boot.handover import Bootloader09
from ..errors import Where


@dataclass(frozen=True)
class KernelDeclaration:
    """What `env.Kernel` says.

    `name` is the ELF file's, below the build folder. `manifest` is relative to the project root. `bin` is None where
    the package has one binary, or for the tests of all. `features` and `rustflags` come on top of what Cargo.toml and
    cargo's configuration say. With `alloc` the crate `alloc` is there for every crate of the kernel. With `tests` what
    `cargo test` builds of the package is meant instead of a binary, with `doctests` the examples in the library's
    documentation too; `name` is then the folder of the executables. Crates of the project whose profile has it are
    compiled incrementally if `incremental`; None leaves out those in which it gains nothing. What comes of the packages
    `not_deterministic` is not shared. Every crate of the project may also read `inputs`, files relative to the project
    root.
    """

    name: str
    manifest: str
    bin: str | None
    features: tuple[str, ...]
    default_features: bool
    profile: str
    rustflags: tuple[str, ...]
    alloc: bool
    where: Where
    tests: bool = False
    not_deterministic: tuple[str, ...] = ()
    incremental: bool | None = None
    inputs: tuple[str, ...] = ()
    doctests: bool = False


class LoaderPackage(NamedTuple):
    """The crate `bootloader` 0.9 that a kernel uses: its manifest (absolute), its source, its features for the kernel.

    `specification` is the target's JSON file of the crate's own loader, relative to the package; empty: it names none.
    `kernel` is the folder of the kernel's package, absolute.
    """

    version: str
    manifest: str
    source: str | None
    features: tuple[str, ...]
    specification: str
    kernel: str


@dataclass(frozen=True)
class Kernel:
    """A kernel: `elf`, relative to the project root, is the executable with its debug information.

    `package` and `bin` are the names of the Cargo package and of its binary. `handover` is what it expects of a loader
    where it uses the crate `bootloader` 0.9, and `loader` that crate.
    """

    name: str
    elf: str
    package: str
    bin: str
    handover: Bootloader09 | None = None
    loader: LoaderPackage | None = None


class Executable(NamedTuple):
    """A test that `cargo test` would run: the target's kind and name, its ELF file, relative to the project root.

    With `harness` it runs rustc's list of tests; without, it is one test itself.
    """

    name: str
    kind: Literal["lib", "bin", "test"]
    elf: str
    harness: bool
    package: str


@dataclass(frozen=True)
class Tests:
    """The tests of a package; `handover` is what each expects of a loader, as in `Kernel`.

    `documented` is the file, relative to the project root, that says what became of the examples in the library's
    documentation; empty where there are none to be tested.
    """

    name: str
    package: str
    executables: tuple[Executable, ...]
    handover: Bootloader09 | None = None
    documented: str = ""
