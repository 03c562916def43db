"""The program `osimage`: what it can be told, and how it says what went wrong.

An unchanged kernel is started without SCons, without a stage of the pipeline and without a program but QEMU; what is
needed otherwise is imported where it is.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence

from ..errors import OsimageError, did_you_mean

HELP = """\
usage: osimage runner [--quiet] EXECUTABLE [ARGUMENT]...
       osimage --help | --version

  runner   boot a kernel that cargo has built: the `runner` of `cargo run` and `cargo test` (osimage runner --help)

Images are declared in an SConstruct, with Environment(tools=["osimage"]), and built with scons.
"""
COMMANDS = ("runner",)


def main(words: Sequence[str] | None = None) -> int:
    """Do what WORDS say, by default the command line's; returns the exit status: 2 where that is impossible."""
    try:
        return _command(list(sys.argv[1:] if words is None else words))
    except OsimageError as error:
        print(f"osimage: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except Exception as error:
        from ..graph import bug

        print(f"osimage: {bug.words(error)}", file=sys.stderr)
        return 2


def show_version() -> int:
    """Print what `osimage --version` prints."""
    from .. import __version__

    print(f"osimage {__version__}")
    return 0


def _command(words: list[str]) -> int:
    match words:
        case ["runner", *rest]:
            from .runner import runner

            return runner(rest)
        case ["--help" | "-h", *_]:
            print(HELP, end="")
            return 0
        case ["--version" | "-V", *_]:
            return show_version()
        case []:
            print(HELP, end="", file=sys.stderr)
            return 2
        case [word, *_]:
            raise OsimageError(f"there is no command '{word}'.{did_you_mean(word, COMMANDS)} `osimage --help` has all.")
    return 2
