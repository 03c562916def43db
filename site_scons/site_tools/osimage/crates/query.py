"""What is asked of cargo, and what its refusals mean."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

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
    """What is compiled: the binary, or the tests where it is None; the features, the profile."""

    bin: str | None
    features: tuple[str, ...]
    default_features: bool
    profile: str


class Query:
    """Questions about one manifest. Cargo's warnings gather in `warnings`, each once."""

    def __init__(self, given: Given, manifest: str, config: Config) -> None:
        self._cargo = given.cargo
        self._manifest = manifest
        self._config = config
        self._root = given.place.root
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

    def unit_graph(self, chosen: Selection, spec: tuple[str, str], flags: Sequence[str], lock: str | None) -> UnitGraph:
        """The compilations that CHOSEN needs for the target SPEC (name, JSON text) with the rust FLAGS.

        LOCK is the lock file for people, which is kept as it is; None where there is none yet.

        Raises:
            FaultError: cargo cannot resolve them, or would have to change Cargo.lock, or describes them in a way that
                is not known here.
        """
        if chosen.bin is None:
            # `test` inherits from `dev`, and cargo takes it where no other is named.
            profile = "test" if chosen.profile == "dev" else chosen.profile
            arguments = ["test", "--no-run", "--unit-graph", f"--target={spec[0]}.json", f"--profile={profile}"]
        else:
            arguments = ["build", "--unit-graph", f"--target={spec[0]}.json", f"--profile={chosen.profile}"]
            arguments += [f"--bin={chosen.bin}"]
        arguments += _features(chosen)
        arguments += ["--locked"] if lock else []
        graph = parse_unit_graph(self._say(*arguments, spec=spec, flags=flags, lock=lock))
        return graph.of_tests() if chosen.bin is None else graph

    def _say(
        self, *arguments: str, spec: tuple[str, str] | None = None, flags: Sequence[str] = (), lock: str | None = None
    ) -> str:
        import toml

        files = [(".cargo/config.toml", toml.dumps(self._config.handed_on()))]
        if spec is not None:
            files.append((f"{spec[0]}.json", spec[1]))
        environ = self._environ | {"CARGO_ENCODED_RUSTFLAGS": "\x1f".join(flags)}
        unstable = _FLAGS if spec is not None else ()
        argv = (*arguments, *unstable, f"--manifest-path={self._manifest}")
        status, output, errors = self._cargo.run(argv, tuple(files), environ)
        warnings, refusal = split(_SCRATCH.sub("", errors.replace(f"{self._root}/", "")))
        if status:
            if lock and "--locked was passed" in refusal:
                raise FaultError(
                    f"{lock} does not fit the manifests any more, and reading an SConstruct does not change it. Run "
                    f"`cargo update --workspace --manifest-path {self._shown}` once."
                )
            raise FaultError(f"cargo: {refusal}{self._advice(refusal)}")
        self.warnings |= dict.fromkeys(warnings)
        return output

    def _advice(self, refusal: str) -> str:
        """What to do about REFUSAL where cargo was told to stay off the network."""
        if "--offline" not in refusal:
            return ""
        return (
            f"\n  What the kernel depends on was not all fetched: run `cargo fetch --manifest-path {self._shown}` "
            "once, with the network."
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
