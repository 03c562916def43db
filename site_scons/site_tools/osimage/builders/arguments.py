"""Checking what a call passes: names, texts, lists of texts, switches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import DeclarationError, Where


def text(where: Where, argument: str, value: Any) -> str:
    """VALUE as a text that is not empty.

    Raises:
        DeclarationError: it is something else.
    """
    if not isinstance(value, str) or not value:
        raise DeclarationError(where, f"{argument}= wants a text, not {_shown(value)}.")
    return value


def texts(where: Where, argument: str, value: Any) -> tuple[str, ...]:
    """VALUE as texts: a list of them, or one text with commas or spaces between.

    Raises:
        DeclarationError: it is something else.
    """
    if isinstance(value, str):
        return tuple(value.replace(",", " ").split())
    if isinstance(value, Sequence) and all(isinstance(item, str) for item in value):
        return tuple(value)
    raise DeclarationError(where, f"{argument}= wants a list of texts, not {_shown(value)}.")


def switch(where: Where, argument: str, value: Any) -> bool:
    """VALUE as True or False.

    Raises:
        DeclarationError: it is something else.
    """
    if not isinstance(value, bool):
        raise DeclarationError(where, f"{argument}= wants True or False, not {_shown(value)}.")
    return value


def output_name(where: Where, value: Any) -> str:
    """VALUE as the name of something below the build folder.

    Raises:
        DeclarationError: it is no text, or leads out of the build folder.
    """
    name = text(where, "name", value)
    parts = name.split("/")
    if name.startswith(("/", "#")) or ".." in parts or "" in parts or any(c in name for c in "\0\n$"):
        raise DeclarationError(
            where, f"'{name}' is no name below the build folder: no '..', no leading '/' or '#', no '$'."
        )
    return name


def _shown(value: Any) -> str:
    return f"{value!r}" if isinstance(value, (str, int, float, type(None))) else f"a {type(value).__name__}"
