"""cargo as the one that resolves and describes a project; it never compiles one."""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import ToolchainError


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
        it does not read the project's `.cargo/config.toml`, whose `build-std` would add crates that are ours.

        Raises:
            ToolchainError: it cannot be started or was killed; a refusal is an answer.
        """
        import tempfile
        from pathlib import Path

        with tempfile.TemporaryDirectory(prefix="osimage-", ignore_cleanup_errors=True) as scratch:
            for name, text in files:
                file = Path(scratch) / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8")
            return self.run_in(scratch, arguments, environ)

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
