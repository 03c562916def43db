"""TOML files of cargo's: read, with the place of a mistake in words."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from .fault import FaultError

# TOML 1.1, which cargo reads, lets an inline table stand on several lines; the standard library reads TOML 1.0.
NEWER_TOML = "cargo reads it, as TOML 1.1, but osimage reads TOML 1.0: write each inline table on one line."


class MalformedError(FaultError):
    """A file that is no TOML: its text is `file:line:column: what is wrong.`"""


def read(path: Path, shown: str) -> dict[str, Any] | None:
    """The content of the TOML file PATH, or None where there is no such file; SHOWN is its name for people.

    Raises:
        MalformedError: it is no TOML 1.0, no UTF-8, or cannot be read.
    """
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except tomllib.TOMLDecodeError as error:
        raise MalformedError(_placed(shown, str(error))) from None
    except UnicodeDecodeError as error:
        raise MalformedError(f"{shown}: it is not UTF-8 (byte {error.start}).") from None
    except OSError as error:
        raise MalformedError(f"{shown} cannot be read: {error.strerror}.") from None


def _placed(shown: str, said: str) -> str:
    """`file:line:column: what` from tomllib's `what (at line 3, column 5)` or `what (at end of document)`."""
    found = re.fullmatch(r"(.*) \(at line (\d+), column (\d+)\)", said, re.DOTALL)
    return f"{shown}:{found[2]}:{found[3]}: {found[1]}." if found else f"{shown}: {said}."
