"""What is asked of cargo, and what its refusals mean."""

from __future__ import annotations

import errno
import os
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass

from . import lock_file
from .config import Config
from .fault import FaultError
from .given import Given
from .metadata import Metadata
from .metadata import parse as parse_metadata
from .unit_graph import UnitGraph
from .unit_graph import parse as parse_unit_graph

# Variables by which a person steers cargo in ways that we settle ourselves: flags, programs, folders, targets.
_SETTLED = ("RUSTFLAGS", "RUSTC", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "RUST_LOG", "CARGO_LOG",
            "CARGO_ENCODED_RUSTFLAGS", "CARGO_INCREMENTAL", "CARGO_MANIFEST_DIR")  # fmt: skip
_SETTLED_TABLES = ("CARGO_BUILD_", "CARGO_TARGET_", "CARGO_TERM_", "CARGO_UNSTABLE_BUILD_STD")

_SCRATCH = re.compile(r"[^\s`'\"]*/osimage-[a-z0-9_]{8}/")  # the folder that cargo ran in
_FLAGS = ("-Zunstable-options", "-Zjson-target-spec")


@dataclass(frozen=True)
class Selection:
    """What is compiled of the package, cargo's id of it: the binary `bin`, or with `tests` what `cargo test` builds,
    where `bin` is the only binary whose own tests count (None: all), and `doctests` too; the features, the profile.
    """

    package: str
    bin: str | None
    features: tuple[str, ...]
    default_features: bool
    profile: str
    tests: bool = False
    doctests: bool = False


class _OutdatedError(FaultError):
    """Cargo would have to change the lock file."""


class Query:
    """Questions about one manifest. Cargo's warnings gather in `warnings`, each once."""

    def __init__(self, given: Given, manifest: str, config: Config) -> None:
        self._cargo = given.cargo
        self._manifest = manifest
        self._config = config
        self._root = given.place.root
        self._shown_path = given.place.shown
        self._shown = given.place.shown(manifest)
        self._environ = {
            name: value
            for name, value in given.environ.items()
            if not name.startswith(_SETTLED_TABLES) and name not in _SETTLED
        }
        self._environ |= {
            "RUSTC": given.rustc.path,
            "RUSTC_BOOTSTRAP": "1",
            "CARGO_TARGET_DIR": "target",
            "CARGO_TERM_COLOR": "never",
        }
        self.warnings: dict[str, None] = {}

    def workspace(self) -> Metadata:
        """The packages of the manifest's workspace; no lock file is needed.

        Raises:
            FaultError: cargo finds a fault in a manifest.
        """
        return parse_metadata(self._say("metadata", "--format-version=1", "--no-deps"))

    def all_packages(self, chosen: Selection, spec: tuple[str, str], host: str) -> Metadata:
        """Every package that the workspace uses, with the features CHOSEN, for the target SPEC (name, JSON text) or on
        HOST, the name of a target.

        The unit graph comes first.

        Raises:
            FaultError: cargo cannot resolve them.
        """
        platforms = (f"--filter-platform={spec[0]}.json", f"--filter-platform={host}")
        arguments = ("--format-version=1", "--locked", *platforms, *_features(chosen))
        return parse_metadata(self._say("metadata", *arguments, spec=spec))

    def unit_graph(
        self, chosen: Selection, spec: tuple[str, str], flags: Sequence[str], lock: str, keeper: str | None
    ) -> UnitGraph:
        """The compilations that CHOSEN needs for the target SPEC (name, JSON text) with the rust FLAGS.

        LOCK is the lock file (absolute). Where it is missing or does not fit the manifests cargo writes it, unless it
        has a KEEPER, for people.

        Raises:
            FaultError: cargo cannot resolve them, or would have to change a LOCK that has a keeper, or describes them
                in a way that is not known here.
        """
        if chosen.tests:
            # `test` inherits from `dev`, and cargo takes it where no other is named.
            profile = "test" if chosen.profile == "dev" else chosen.profile
            arguments = ["test", "--no-run", "--unit-graph", f"--target={spec[0]}.json", f"--profile={profile}"]
        else:
            arguments = ["build", "--unit-graph", f"--target={spec[0]}.json", f"--profile={chosen.profile}"]
            arguments += [f"--bin={chosen.bin}"]
        arguments += [f"--package={chosen.package}", *_features(chosen)]  # it may be no default member
        graph = parse_unit_graph(self._with_lock(arguments, spec, flags, lock, keeper))
        return graph.of_tests(chosen.bin, doctests=chosen.doctests) if chosen.tests else graph

    def _with_lock(
        self, arguments: Sequence[str], spec: tuple[str, str], flags: Sequence[str], lock: str, keeper: str | None
    ) -> str:
        shown = self._shown_path(lock)
        lock_file.remove_leftovers(lock)
        if os.path.exists(lock):
            try:
                return self._say(*arguments, "--locked", spec=spec, flags=flags)
            except _OutdatedError:
                if keeper is not None:
                    raise FaultError(
                        f"{shown} does not fit the manifests any more, and {keeper} lets nothing change it. Run "
                        f"`cargo update --workspace --manifest-path {self._shown}` once."
                    ) from None
        return lock_file.writing(lock, shown, lambda copy: self._say(*arguments, spec=spec, flags=flags, lock=copy))

    def _say(
        self, *arguments: str, spec: tuple[str, str] | None = None, flags: Sequence[str] = (), lock: str | None = None
    ) -> str:
        """What cargo says to ARGUMENTS; with LOCK it takes that for the lock file."""
        import toml

        config = self._config.handed_on()
        if lock is not None:
            config["resolver"] = {**config.get("resolver", {}), "lockfile-path": lock}
            config["unstable"] = {**config.get("unstable", {}), "lockfile-path": True}
        files = [(".cargo/config.toml", toml.dumps(config))]
        if spec is not None:
            files.append((f"{spec[0]}.json", spec[1]))
        environ = self._environ | {"CARGO_ENCODED_RUSTFLAGS": "\x1f".join(flags)}
        unstable = _FLAGS if spec is not None else ()
        argv = (*arguments, *unstable, f"--manifest-path={self._manifest}")
        status, output, errors = self._cargo.run(argv, tuple(files), environ)
        warnings, refusal = split(_SCRATCH.sub("", errors.replace(f"{self._root}/", "")))
        if status:
            if "--locked was passed" in refusal:
                raise _OutdatedError(refusal)
            raise FaultError(f"cargo: {refusal}{advice(refusal, self._shown)}")
        self.warnings |= dict.fromkeys(warnings)
        return output


def advice(refusal: str, manifest: str) -> str:
    """What to do about cargo's REFUSAL where it was told to stay off the network, or finds no room.

    MANIFEST is that of the package, for people.
    """
    if os.strerror(errno.ENOSPC) in refusal:
        return f"\n  Make room: cargo writes to {tempfile.gettempdir()} and to its own folder, CARGO_HOME."
    if "--offline" not in refusal:
        return ""
    return (
        f"\n  What the kernel depends on was not all fetched: run `cargo fetch --manifest-path {manifest}` once, with "
        "the network."
    )


def _features(chosen: Selection) -> list[str]:
    named = [f"--features={','.join(chosen.features)}"] if chosen.features else []
    return named if chosen.default_features else [*named, "--no-default-features"]


def split(errors: str) -> tuple[tuple[str, ...], str]:
    """Cargo's standard error as its warnings and its error, without cargo's own marks; progress lines are dropped."""
    parts = re.split(r"^(?=warning: |error: )", errors, flags=re.MULTILINE)
    warnings = tuple(_tidy(part, "warning: ") for part in parts if part.startswith("warning: "))
    error = "\n".join(_tidy(part, "error: ") for part in parts if part.startswith("error: "))
    return warnings, error or errors.strip()


def _tidy(part: str, mark: str) -> str:
    lines = [line.rstrip() for line in part.removeprefix(mark).splitlines()]
    return "\n  ".join(
        line
        for line in lines
        if line and not re.match(r" {3,}(Locking|Updating|Blocking|Adding|Downloading|Downloaded) ", line)
    )
