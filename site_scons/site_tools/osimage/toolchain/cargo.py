"""cargo as the one that resolves and describes a project; it never compiles one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..errors import ToolchainError
from . import memo
from .scratch import scratch

# Below the folder for results: what the compiler said of itself, in cargo's own words, with the compiler's fingerprint.
# Without it cargo asks the compiler five things before every answer, which takes longer than all the rest.
_RUSTC_INFO = Path("target/.rustc_info.json")


class Cargo:
    """The cargo at PATH (absolute), of VERSION ("1.96.0")."""

    def __init__(self, path: str, version: str) -> None:
        self.path = path
        self.version = version

    def run(
        self, arguments: tuple[str, ...], files: tuple[tuple[str, str], ...], environ: Mapping[str, str]
    ) -> tuple[int, str, str]:
        """The exit status, standard output and standard error of cargo with ARGUMENTS in no environment but ENVIRON.

        It runs in a folder of its own, removed afterwards, where FILES, (relative path, text), lie. Outside the project
        it does not read the project's `.cargo/config.toml`, whose `build-std` would add crates that are ours. What it
        learned about the compiler is remembered for the next time; it is cargo that checks whether that still holds.

        Raises:
            ToolchainError: it cannot be started or was killed, or there is no room for FILES; a refusal is an answer.
        """
        remembered = memo.folder(environ), f"cargo-{memo.key(self.path, environ.get('RUSTC', ''))}"
        known = memo.read(*remembered) or ""
        with scratch() as folder:
            info = Path(folder) / _RUSTC_INFO
            info.parent.mkdir()  # cargo writes there only if the folder exists
            for name, text in (*files, *([(str(_RUSTC_INFO), known)] if known else [])):
                file = Path(folder) / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8")
            answer = self.run_in(folder, arguments, environ)
            learned = info.read_text(encoding="utf-8") if info.exists() else known
        # Only what is said of another compiler: of a target spec in a scratch folder nobody will ask again.
        if _compiler(learned) not in (None, _compiler(known)):
            memo.write(*remembered, learned)
        return answer

    def run_in(self, folder: str, arguments: tuple[str, ...], environ: Mapping[str, str]) -> tuple[int, str, str]:
        """As `run`, but in FOLDER, with whatever configuration holds there.

        Raises:
            ToolchainError: it cannot be started or was killed; a refusal is an answer.
        """
        import subprocess

        try:
            done = subprocess.run([self.path, *arguments], cwd=folder, env=dict(environ), check=False,
                                  stdin=subprocess.DEVNULL, capture_output=True)  # fmt: skip
        except OSError as error:
            raise ToolchainError(f"{self.path} cannot be started: {error.strerror}.") from error
        if done.returncode < 0:
            raise ToolchainError(f"{self.path} {' '.join(arguments)} was ended by signal {-done.returncode}.")
        return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


def _compiler(info: str) -> object:
    """The fingerprint of the compiler that INFO, in cargo's words, is about; None where that cannot be known."""
    import json

    try:
        return json.loads(info)["rustc_fingerprint"]
    except (ValueError, TypeError, KeyError):
        return None
