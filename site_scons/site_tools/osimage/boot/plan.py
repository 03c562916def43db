"""The BIOS loader: what `env.Bootloader` says, and the steps that compile it on the kernel's own core."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ..action import OUT, Action, Input, Plan
from ..errors import DeclarationError, Where
from ..text import write_text
from . import layout

if TYPE_CHECKING:
    from ..target.spec import Target
    from ..toolchain.rustc import Rustc

# Explicit in everything that a target spec could say otherwise. At `s` stage 2 is smaller than at `z`.
CODE = (
    "--edition=2024", "-Cpanic=abort", "-Copt-level=s", "-Ccodegen-units=1", "-Cembed-bitcode=no", "-Cdebuginfo=0",
    "-Cdebug-assertions=no", "-Coverflow-checks=no", "-Crelocation-model=static", "-Ccode-model=small",
    "-Cno-redzone=yes", "-Ctarget-cpu=x86-64", "-Ctarget-feature=-avx", "-Zlocation-detail=none",
)  # fmt: skip

# The linker is called directly: rustc would add what the target spec says for kernels, such as a linker script.
LINK = ("-flavor", "gnu", "--oformat=binary", "--gc-sections")

LINK_INFO = "link.d"  # where it says what it read

# What the linker scripts take from the layout.
LINKED = ("LOADER_DATA_ADDRESS", "LOADER_DATA_END", "PAGE_SIZE", "SECTOR_SIZE", "STAGE1_ADDRESS", "STAGE2_ADDRESS",
          "STAGE2_FIRST_SECTORS", "STAGE2_MAX_SECTORS", "STAGE2_REST_ADDRESS")  # fmt: skip

# Flags that may not differ between crates; on x86-64 none of them changes how a function is called.
TARGET_MODIFIERS = frozenset({"fixed-x18", "indirect-branch-cs-prefix", "reg-struct-return", "regparm", "retpoline",
                              "retpoline-external-thunk", "sanitizer"})  # fmt: skip

OWN_SOURCE = "osimage-bootloader"  # the link to the sources that come with the tool
FILES = ("boot_info/src/lib.rs", "common", "stage1/link.ld", "stage1/main.rs", "stage2/link.ld", "stage2/main.rs")


class CrateFiles(Protocol):
    """A crate of the sysroot."""

    @property
    def rlib(self) -> str: ...  # noqa: D102


class Sysroot(Protocol):
    """What the loader needs of a sysroot: its target and crates, how rustc is told of it, what it then reads."""

    @property
    def target(self) -> Target: ...  # noqa: D102

    @property
    def crates(self) -> Sequence[CrateFiles]: ...  # noqa: D102

    @property
    def rustflags(self) -> tuple[str, ...]: ...  # noqa: D102

    def arguments(self) -> tuple[str, ...]: ...  # noqa: D102

    def inputs(self) -> tuple[Input, ...]: ...  # noqa: D102


@dataclass(frozen=True)
class LoaderDeclaration:
    """What `env.Bootloader` says: a name below the build folder, and a folder of sources (None: the tool's own)."""

    name: str
    source: str | None
    where: Where


@dataclass(frozen=True)
class Loader:
    """A loader: the paths of its stages, flat files that are bound to a kernel when an image is made."""

    name: str
    stage1: str
    stage2: str


def plan(
    declaration: LoaderDeclaration, sysroot: Sysroot, rustc: Rustc, root: Path, build: str = "build"
) -> tuple[Plan, Loader]:
    """The steps that compile the loader's stages to `BUILD/<name>/`, in the project at ROOT.

    Raises:
        DeclarationError: the folder of sources is not one, the target is no x86-64, or there is no linker.
    """
    source, links, faults = _source(declaration, root, build)
    arch = sysroot.target.described.get("arch")
    if arch != "x86_64":
        faults.append(f"the target {sysroot.target.name} is for {arch}, and BIOS starts x86_64 machines only.")
    if rustc.linker is None:
        faults.append(f"rustc {rustc.release} has no linker for freestanding programs (rust-lld or ld.lld).")
    if faults or rustc.linker is None:
        raise DeclarationError(declaration.where, faults)
    directory = f"{build}/{declaration.name}"
    steps = _Steps(declaration, sysroot, rustc, rustc.linker.name, source, directory)
    consulted = () if declaration.source is None else tuple(f"{source}/{name}" for name in FILES if "." in name)
    loader = Loader(declaration.name, f"{directory}/stage1.bin", f"{directory}/stage2.bin")
    return Plan(steps.actions(), links, consulted), loader


def check(declaration: LoaderDeclaration, root: Path, build: str = "build") -> None:
    """Check of DECLARATION what does not depend on a sysroot.

    Raises:
        DeclarationError: the folder of sources is not one.
    """
    faults = _source(declaration, root, build)[2]
    if faults:
        raise DeclarationError(declaration.where, faults)


@dataclass(frozen=True)
class _Steps:
    """The steps of one loader; paths are relative to the project."""

    declaration: LoaderDeclaration
    sysroot: Sysroot
    rustc: Rustc
    linker: str
    source: str
    directory: str

    def actions(self) -> tuple[Action, ...]:
        """The layout as a crate, the crate for boot information, and both stages."""
        written = f"{self.directory}/layout.rs"
        constants = write_text("loader", f"layout.rs of {self.declaration.name}", written, layout.rust_source(),
                               self.declaration.where)  # fmt: skip
        boot_info = f"{self.source}/boot_info/src"
        return (
            constants,
            self._library("layout", written, Input(written)),
            self._library("osimage_boot_info", f"{boot_info}/lib.rs", Input(boot_info, "tree")),
            *self._stage("stage1", "stage 1", ("layout",)),
            *self._stage("stage2", "stage 2", ("layout", "osimage_boot_info")),
        )

    def _library(self, crate: str, main: str, source: Input) -> Action:
        emit = f"--emit=link={OUT}/lib{crate}.rlib,dep-info={OUT}/{crate}.d"
        argv = (*self._rustc(crate), "--crate-type=rlib", emit, main)
        dep_info = f"{self.directory}/{crate}.d"
        return self._action(
            f"{crate} of", argv, (*self.sysroot.inputs(), source), (self._rlib(crate), dep_info), dep_info
        )

    def _stage(self, stage: str, label: str, crates: tuple[str, ...]) -> tuple[Action, Action]:
        """The steps that compile and link STAGE with CRATES of the loader's own."""
        path = f"{self.directory}/{stage}"
        compiled = (
            *self._rustc(stage), "--crate-type=bin", f"--emit=obj={OUT}/{stage}.o,dep-info={OUT}/{stage}.d",
            *(f"--extern={crate}={self._rlib(crate)}" for crate in crates), f"{self.source}/{stage}/main.rs",
        )  # fmt: skip
        sources = tuple(Input(f"{self.source}/{folder}", "tree") for folder in (stage, "common"))
        rlibs = tuple(Input(self._rlib(crate)) for crate in crates)
        script = f"{self.source}/{stage}/link.ld"
        libraries = (*(self._rlib(crate) for crate in crates), *(crate.rlib for crate in self.sysroot.crates))
        linked = (
            self.linker, *LINK, f"--dependency-file={OUT}/{LINK_INFO}", f"--script={script}",
            *(f"--defsym={name}={vars(layout)[name]:#x}" for name in LINKED),
            "-o", f"{OUT}/{stage}.bin", f"{path}.o", *libraries,
        )  # fmt: skip
        inputs = (*self.sysroot.inputs(), *sources, *rlibs)
        objects = tuple(map(Input, (script, f"{path}.o", *libraries)))
        return (
            self._action(f"{label} of", compiled, inputs, (f"{path}.o", f"{path}.d"), f"{path}.d"),
            self._action(f"linked {label} of", linked, objects, (f"{path}.bin",))._replace(link_info=LINK_INFO),
        )

    def _action(
        self,
        what: str,
        argv: tuple[str, ...],
        inputs: tuple[Input, ...],
        outputs: tuple[str, ...],
        dep_info: str | None = None,
    ) -> Action:
        env = (("RUSTC_BOOTSTRAP", "1"),) if argv[0] == "rustc" else ()
        return Action("loader", f"{what} {self.declaration.name}", argv, inputs, outputs, self.rustc.identity,
                      self.declaration.where, env, dep_info)  # fmt: skip

    def _rlib(self, crate: str) -> str:
        return f"{self.directory}/lib{crate}.rlib"

    def _rustc(self, crate: str) -> tuple[str, ...]:
        """What every call has in common."""
        used = (
            flag[2:].partition("=")[0].replace("_", "-") for flag in self.sysroot.rustflags if flag.startswith("-Z")
        )
        mixed = ",".join(sorted(TARGET_MODIFIERS.intersection(used)))
        return (
            "rustc", f"--crate-name={crate}", *self.sysroot.arguments(), *CODE,
            *((f"-Cunsafe-allow-abi-mismatch={mixed}",) if mixed else ()),
            f"--out-dir={OUT}", "--error-format=json", "--json=diagnostic-rendered-ansi",
            f"--remap-path-prefix={self.source}=/osimage/bootloader", "-Zremap-cwd-prefix=.",
        )  # fmt: skip


def _source(
    declaration: LoaderDeclaration, root: Path, build: str
) -> tuple[str, tuple[tuple[str, str], ...], list[str]]:
    """The folder of sources relative to the project at ROOT, the link that leads there if it lies elsewhere, faults.

    The tool's own are always reached through the link: then all projects have the same steps, and share the results.
    """
    if declaration.source is None:
        folder, name = own_source(), OWN_SOURCE
    else:
        folder, name = (root / declaration.source).resolve(), f"{declaration.name}-bootloader"
    missing = [file for file in FILES if not (folder / file).exists()]
    faults = [_missing(declaration.source, folder, missing)] if missing else []
    if declaration.source is not None and folder.is_relative_to(root.resolve()):
        return folder.relative_to(root.resolve()).as_posix(), (), faults
    return f"{build}/external/{name}", ((name, str(folder)),), faults


def _missing(source: str | None, folder: Path, missing: list[str]) -> str:
    if source is None:
        return f"osimage is not installed whole: its loader's sources are not at {folder}. Install it again."
    if not folder.is_dir():
        return f"source= is '{source}', and there is no such folder."
    return (
        f"source= is '{source}', which has no {', '.join(missing)}. A loader of one's own has the files of osimage's: "
        f"copy them from {own_source()}."
    )


def own_source() -> Path:
    """The loader's sources that come with the tool: beside the package when installed, else the repository's."""
    package = Path(__file__).resolve().parents[1]
    beside = package / "bootloader"
    return beside if beside.is_dir() else package.parents[2] / "bootloader"
