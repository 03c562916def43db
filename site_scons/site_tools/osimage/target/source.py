"""Reading a target spec that a person wrote: every way in which it can be no spec at all, told with line and column."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..errors import did_you_mean


def read(root: Path, source: str) -> dict[str, Any]:
    """The JSON object in the file SOURCE, relative to ROOT.

    Raises:
        ValueError: there is none; the message is for the person, a sentence or two.
    """
    spec = _parsed(source, _text(root, source))
    if not isinstance(spec, dict):
        raise ValueError(f'{source} is not a target spec, which is one JSON object: {{"llvm-target": ...}}.')
    return spec


def _text(root: Path, source: str) -> str:
    try:
        return (root / source).read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        names = [str(path.relative_to(root)) for path in root.glob("*.json")]
        raise ValueError(f"there is no file {source}.{did_you_mean(source, names)}") from None
    except OSError as error:
        raise ValueError(f"{source} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"{source} is not text: byte {error.start} is not UTF-8.") from None


def _parsed(source: str, text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        words = error.msg[0].lower() + error.msg[1:]
        raise ValueError(f"{source}:{error.lineno}:{error.colno}: this is not JSON: {words}.") from None
    except RecursionError:
        raise ValueError(f"{source} is nested too deeply to be a target spec.") from None
    except ValueError as error:
        raise ValueError(f"{source}: {error}.") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    twice = [key for key in keys if keys.count(key) > 1]
    if twice:
        raise ValueError(f"the key '{twice[0]}' is there twice")
    return dict(pairs)


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is not JSON")
