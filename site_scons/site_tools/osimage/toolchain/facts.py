"""Questions to a compiler: each is asked by running it once, then remembered by the compiler's identity."""

from __future__ import annotations

from collections.abc import Callable

from ..errors import ToolchainError
from . import memo
from .scratch import scratch

# The arguments of a run, and the files, as (name, text), that lie in its working directory.
Question = tuple[tuple[str, ...], tuple[tuple[str, str], ...]]
# Exit status, standard output, standard error.
Answer = tuple[int, str, str]
Ask = Callable[[Question], Answer]

_TIME_LIMIT = 60.0  # seconds; the slowest of our questions takes 0.1


def remembering(path: str, identity: str, directory: str) -> Ask:
    """What asks the compiler at PATH, and remembers its answers in DIRECTORY under its IDENTITY."""

    def ask(question: Question) -> Answer:
        name = f"fact-{memo.key(identity, repr(question))}"
        known = memo.read(directory, name)
        if isinstance(known, tuple) and known[:2] == (identity, question):
            status, output, errors = known[2]
            return status, output, errors
        answer = run(path, question)
        memo.write(directory, name, (identity, question, answer))
        return answer

    return ask


def run(path: str, question: Question) -> Answer:
    """Run the compiler at PATH in an empty folder that is removed afterwards.

    Raises:
        ToolchainError: it cannot be started, was killed, or did not answer in time, or there is no room for the
            question; a refusal is an answer.
    """
    import os
    import subprocess
    from pathlib import Path

    arguments, files = question
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("RUST", "CARGO"))}
    environ["RUSTC_BOOTSTRAP"] = "1"
    with scratch() as folder:
        for name, text in files:
            (Path(folder) / name).write_text(text, encoding="utf-8")
        try:
            done = subprocess.run([path, *arguments], cwd=folder, env=environ, stdin=subprocess.DEVNULL, check=False,
                                  capture_output=True, timeout=_TIME_LIMIT)  # fmt: skip
        except OSError as error:
            raise ToolchainError(f"{path} cannot be started: {error.strerror}.") from error
        except subprocess.TimeoutExpired as error:
            raise ToolchainError(f"{path} {' '.join(arguments)} did not end in {_TIME_LIMIT:.0f} s.") from error
    if done.returncode < 0:
        raise ToolchainError(f"{path} {' '.join(arguments)} was ended by signal {-done.returncode}.")
    return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
