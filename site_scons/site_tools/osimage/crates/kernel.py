"""What `env.Kernel` says, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import Where


@dataclass(frozen=True)
class KernelDeclaration:
    """What `env.Kernel` says.

    `name` is the ELF file's, below the build folder. `manifest` is relative to the project root. `bin` is None where
    the package has one binary. `features` and `rustflags` come on top of what Cargo.toml and cargo's configuration say.
    With `alloc` the crate `alloc` is there for every crate of the kernel.
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


@dataclass(frozen=True)
class Kernel:
    """A kernel: `elf`, relative to the project root, is the executable with its debug information.

    `package` and `bin` are the names of the Cargo package and of its binary.
    """

    name: str
    elf: str
    package: str
    bin: str
