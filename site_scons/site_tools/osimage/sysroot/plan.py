"""`env.Sysroot`: the standard library of one target as rustc calls, in a directory that rustc takes for `--sysroot`."""

from __future__ import annotations

from dataclasses import dataclass

from ..action import Input, Plan
from ..errors import DeclarationError, Where
from ..target.spec import Target, flag_faults
from ..toolchain.rustc import Rustc
from .flags import of_library
from .source import LINK, read
from .steps import CrateFiles, Steps


@dataclass(frozen=True)
class SysrootDeclaration:
    """What `env.Sysroot` says: a name below the build folder, and flags for everything in the image.

    `lto` says whether kernels are to be optimised at link time with it.
    """

    name: str
    rustflags: tuple[str, ...]
    where: Where
    lto: bool = True


@dataclass(frozen=True)
class Sysroot:
    """A sysroot: what rustc finds in `directory` by itself, and `alloc`, which lies apart and has to be asked for.

    Paths are relative to the project. `rustflags` are those that made a difference to the library. `lto` says whether
    it can be linked to a kernel that is optimised at link time.
    """

    name: str
    target: Target
    directory: str
    crates: tuple[CrateFiles, ...]
    alloc: CrateFiles
    alloc_directory: str
    rustflags: tuple[str, ...]
    lto: bool

    def arguments(self, *, alloc: bool = False) -> tuple[str, ...]:
        """What rustc needs to compile for this sysroot; with ALLOC, `extern crate alloc` is found.

        Searching a folder, unlike `--extern alloc=path`, leaves relative paths in dep-info.
        """
        searched = ("-L", self.alloc_directory) if alloc else ()
        return ("--target", self.target.path, "-Zunstable-options", "--sysroot", self.directory, *searched)

    def inputs(self) -> tuple[Input, ...]:
        """What a step with those arguments reads, the crate alloc left out."""
        return (Input(self.target.path), *_files(*self.crates))

    def inputs_of_alloc(self) -> tuple[Input, ...]:
        """What a step reads that uses the crate alloc, besides."""
        return _files(self.alloc)


def _files(*crates: CrateFiles) -> tuple[Input, ...]:
    return tuple(Input(file) for crate in crates for file in (crate.rlib, crate.rmeta))


def plan(declaration: SysrootDeclaration, target: Target, rustc: Rustc, build: str = "build") -> tuple[Plan, Sysroot]:
    """The steps that make the sysroot `BUILD/<name>` of TARGET with RUSTC; core's comes first, as it takes longest.

    Raises:
        DeclarationError: no source of the library, one that does not fit, or flags that rustc refuses.
    """
    where = declaration.where
    if rustc.rust_src is None:
        wish = "rustup: `rustup component add rust-src`; Debian: the package rust-web-src or rust-src"
        raise DeclarationError(
            where, f"rustc {rustc.release} has no source of the standard library to compile ({wish})."
        )
    rustflags = of_library(declaration.rustflags)
    directory = f"{build}/{declaration.name}"
    try:
        library = read(rustc.rust_src)
        steps = Steps(library, target, rustc, rustflags, directory, f"{build}/external/{LINK}", where, declaration.lto)
        actions = tuple(action._replace(external=True) for action in steps.actions())
    except ValueError as error:
        raise DeclarationError(where, str(error)) from None
    faults = flag_faults(rustflags, target, rustc)
    if faults:
        raise DeclarationError(where, [f"rustflags: {fault}" for fault in faults])
    result = Sysroot(declaration.name, target, directory, (steps.core, steps.compiler_builtins), steps.alloc,
                     steps.alloc_directory, rustflags, steps.has_bitcode)  # fmt: skip
    return Plan(actions, links=((LINK, rustc.rust_src),), consulted=library.consulted), result
