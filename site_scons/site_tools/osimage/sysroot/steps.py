"""The rustc calls of a sysroot: what cargo's build-std would do for core, compiler_builtins and alloc, but once."""

from __future__ import annotations

from dataclasses import dataclass

from ..action import OUT, Action, Input
from ..errors import ToolchainError, Where
from ..own import code_identity
from ..target.spec import Target
from ..toolchain.rustc import Rustc
from .flags import is_about_lto, last
from .script_env import script_env
from .source import Library, LibraryCrate

OPT_LEVEL = "-Copt-level=3"

_RUN_SCRIPT = "osimage.sysroot.build_script"


@dataclass(frozen=True)
class CrateFiles:
    """A compiled crate: its name and its two files, relative to the project; the rlib is no use without the rmeta."""

    name: str
    rlib: str
    rmeta: str


@dataclass(frozen=True)
class Steps:
    """The steps of the sysroot in DIRECTORY, with the library reached through SOURCE (both relative to the project)."""

    library: Library
    target: Target
    rustc: Rustc
    rustflags: tuple[str, ...]
    directory: str
    source: str
    where: Where
    lto: bool

    @property
    def has_bitcode(self) -> bool:
        """Whether the library has bitcode beside its machine code: for LTO, or since a flag is about that."""
        return self.lto or any(map(is_about_lto, self.rustflags))

    @property
    def core(self) -> CrateFiles:
        """core, where rustc finds it."""
        return _files("core", self._searched)

    @property
    def compiler_builtins(self) -> CrateFiles:
        """compiler_builtins, where rustc finds it."""
        return _files("compiler_builtins", self._searched)

    @property
    def alloc(self) -> CrateFiles:
        """alloc, where rustc does not find it by itself: a kernel that uses it says so."""
        return _files("alloc", self.alloc_directory)

    @property
    def alloc_directory(self) -> str:
        """The folder of alloc."""
        return f"{self.directory}/alloc"

    def actions(self) -> tuple[Action, ...]:
        """Every step; the build script needs nothing of core's and runs beside it.

        Raises:
            ValueError: rustc refuses the flags.
        """
        library = self.library
        script = f"{self.directory}/compiler_builtins/build_script"
        arguments = f"{self.directory}/compiler_builtins/rustc.args"
        features = (*_features(library.compiler_builtins), f"@{arguments}")
        return (
            self._crate(library.core, self.core, (), (), ()),
            self._script(library.compiler_builtins, script),
            self._script_run(library.compiler_builtins, script, arguments),
            self._crate(library.compiler_builtins, self.compiler_builtins, (self.core,), (arguments,), features),
            self._crate(library.alloc, self.alloc, (self.core, self.compiler_builtins), (), ()),
        )

    @property
    def _searched(self) -> str:
        return f"{self.directory}/lib/rustlib/{self.target.name}/lib"

    def _crate(
        self,
        crate: LibraryCrate,
        files: CrateFiles,
        needs: tuple[CrateFiles, ...],
        read: tuple[str, ...],
        more: tuple[str, ...],
    ) -> Action:
        """One crate of the library: FILES from CRATE, which NEEDS others, READs files, and takes MORE arguments.

        What it needs is found in the sysroot; `--extern` would put absolute paths in dep-info. One codegen unit takes
        less time of a processor than sixteen, and another processor has what waits for the metadata. A second thread
        takes a fifth of core's time off, and its bytes stay the same; those of the metadata of the other two crates do
        not, from one run to the next.
        """
        threads = self._option("threads", "2") if crate.name == "core" else ()
        bitcode = "yes" if self.has_bitcode else "no"
        dep_info = f"{self.directory}/{crate.name}.d"
        argv = (
            *self._rustc(crate.name, crate.edition, "rlib", "link,metadata,dep-info"), "--json=artifacts",
            "--target", self.target.path, "-Zunstable-options", *(("--sysroot", self.directory) if needs else ()),
            OPT_LEVEL, "-Ccodegen-units=1", f"-Cembed-bitcode={bitcode}", "-Cmetadata=sysroot",
            "-Zforce-unstable-if-unmarked", "-Zbinary-dep-depinfo", *self._option("embed-metadata", "no"), *threads,
            *more, *self.rustflags,
            f"{self.source}/{crate.root}",
        )  # fmt: skip
        inputs = (
            Input(self.target.path),
            *(Input(f"{self.source}/{tree}", "tree") for tree in crate.trees),
            *(Input(need.rmeta) for need in needs),
            *map(Input, read),
        )
        step = "builtins" if crate.name == "compiler_builtins" else crate.name
        label = f"{crate.name} {self.rustc.release} for {self.target.name}"
        outputs = (files.rlib, files.rmeta, dep_info)
        return Action(step, label, argv, inputs, outputs, self.rustc.identity, self.where, _ENV, dep_info)

    def _script(self, crate: LibraryCrate, program: str) -> Action:
        """CRATE's build script, compiled for the machine that builds."""
        folder = f"{self.source}/{crate.folder}"
        dep_info = f"{program}.d"
        argv = (
            *self._rustc("build_script", crate.edition, "bin", "link,dep-info"),
            "-Cembed-bitcode=no", "-Cstrip=symbols", *_features(crate), f"{folder}/build.rs",
        )  # fmt: skip
        inputs = tuple(Input(f"{self.source}/{file}") for file in crate.script)
        label = f"build script of {crate.name} {self.rustc.release}"
        outputs = (program, dep_info)
        return Action("build-script", label, argv, inputs, outputs, self.rustc.identity, self.where, _ENV, dep_info)

    def _script_run(self, crate: LibraryCrate, program: str, arguments: str) -> Action:
        """A run of CRATE's build script PROGRAM, which says what the target can do, as ARGUMENTS for rustc."""
        flags = (OPT_LEVEL, *self.rustflags)
        try:
            cfg = self.rustc.cfg(self.target.json, self.target.name, flags)
        except ToolchainError as error:
            words = str(error).partition(f"{flags[-1]}: ")[2] or str(error)
            raise ValueError(f"rustc {self.rustc.release} refuses the rustflags: {words}") from None
        env = script_env(crate, self.target.name, self.rustc.host, cfg, last(flags, "opt-level", "3"))
        argv = (
            _RUN_SCRIPT,
            program,
            f"{self.source}/{crate.folder}",
            arguments,
            *(f"{name}={value}" for name, value in env),
        )
        label = f"configuration of {crate.name} for {self.target.name}"
        return Action("configure", label, argv, (Input(program),), (arguments,), code_identity(_RUN_SCRIPT), self.where)

    def _rustc(self, name: str, edition: str, kind: str, emit: str) -> tuple[str, ...]:
        """What every rustc call here has in common."""
        return (
            "rustc", f"--crate-name={name}", f"--edition={edition}", f"--crate-type={kind}", f"--emit={emit}",
            f"--out-dir={OUT}", "--error-format=json", "--json=diagnostic-rendered-ansi", "--cap-lints=allow",
            f"--remap-path-prefix={self.source}=/rustc/library", "-Zremap-cwd-prefix=.",
        )  # fmt: skip

    def _option(self, name: str, value: str) -> tuple[str, ...]:
        """`-Z NAME=VALUE` where the compiler knows it."""
        return (f"-Z{name}={value}",) if name in self.rustc.unstable_options() else ()


_ENV = (("RUSTC_BOOTSTRAP", "1"),)


def _files(name: str, directory: str) -> CrateFiles:
    # No hash in the names: one left over from another compiler would be a second candidate for the same crate.
    return CrateFiles(name, f"{directory}/lib{name}.rlib", f"{directory}/lib{name}.rmeta")


def _features(crate: LibraryCrate) -> tuple[str, ...]:
    return tuple(f'--cfg=feature="{feature}"' for feature in crate.features)
