"""Cargo's `cfg(…)` expressions: parsed, and evaluated against what `rustc --print cfg` says."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

_TOKEN = re.compile(r'\s*(?:(?P<word>[A-Za-z_][A-Za-z0-9_]*)|(?P<text>"[^"]*")|(?P<mark>[(),=]))')


def matches(expression: str, cfg: Collection[str]) -> bool:
    """Whether EXPRESSION, `cfg(not(target_os = "none"))`, holds for CFG, lines like `unix` and `target_os="none"`.

    One that cannot be parsed holds never, as in cargo, which only warns.
    """
    try:
        tokens = list(_tokens(expression))
        holds, rest = _evaluate(tokens, cfg)
    except (ValueError, IndexError):
        return False
    return holds and not rest


def _tokens(text: str) -> Iterator[str]:
    inner = re.fullmatch(r"cfg\((.*)\)", text.strip(), re.DOTALL)
    if inner is None:
        raise ValueError(text)
    position, body = 0, inner[1].rstrip()
    while position < len(body):
        found = _TOKEN.match(body, position)
        if found is None:
            raise ValueError(text)
        position = found.end()
        yield found[found.lastgroup or 0]


def _evaluate(tokens: list[str], cfg: Collection[str]) -> tuple[bool, list[str]]:
    """The value of the expression that TOKENS start with, and the tokens after it."""
    name, rest = tokens[0], tokens[1:]
    if not (name[0].isalpha() or name[0] == "_"):
        raise ValueError(name)
    if rest[:1] == ["("]:
        values, rest = _list(rest[1:], cfg)
        return _combined(name, values), rest
    if rest[:1] == ["="]:
        if not rest[1].startswith('"'):
            raise ValueError(rest[1])
        return f"{name}={rest[1]}" in cfg, rest[2:]
    return name == "true" or (name != "false" and name in cfg), rest


def _list(tokens: list[str], cfg: Collection[str]) -> tuple[list[bool], list[str]]:
    """The values of the expressions up to the closing parenthesis, and the tokens after that."""
    values: list[bool] = []
    while tokens[0] != ")":
        value, tokens = _evaluate(tokens, cfg)
        values.append(value)
        if tokens[0] == ",":
            tokens = tokens[1:]
        elif tokens[0] != ")":
            raise ValueError(tokens[0])
    return values, tokens[1:]


def _combined(name: str, values: list[bool]) -> bool:
    if name == "not" and len(values) == 1:
        return not values[0]
    if name in ("all", "any"):
        return all(values) if name == "all" else any(values)
    raise ValueError(name)
