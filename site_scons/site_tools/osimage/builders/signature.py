"""What a builder's method takes, and what is wrong with a call of it before any value is looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ..errors import did_you_mean


class Signature(NamedTuple):
    """The arguments of env.KIND: all NAMES in order, how many may come without a keyword, those NEEDED, defaults."""

    kind: str
    names: tuple[str, ...]
    positional: int
    needed: tuple[str, ...]
    defaults: Mapping[str, Any]

    @classmethod
    def of(cls, function: Callable[..., Any]) -> Signature:
        """The signature of FUNCTION without its first argument, which is not the person's."""
        code = function.__code__
        names = code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]
        positional = code.co_argcount - 1
        usual = function.__defaults__ or ()
        defaults = dict(zip(names[positional - len(usual) : positional], usual, strict=True))
        defaults |= function.__kwdefaults__ or {}
        needed = tuple(name for name in names if name not in defaults)
        return cls(function.__name__, names, positional, needed, defaults)

    def given(self, args: Sequence[Any], keywords: Mapping[str, Any]) -> dict[str, Any]:
        """The values of a call by name."""
        return dict(zip(self.names, args, strict=False)) | dict(keywords)

    def faults(self, args: Sequence[Any], keywords: Mapping[str, Any]) -> list[str]:
        """What is wrong with a call, a sentence each."""
        names = self.names
        found = [f"it has no argument '{word}'.{did_you_mean(word, names)}" for word in keywords if word not in names]
        if len(args) > self.positional:
            takes = f"{self.positional} argument{'s' if self.positional > 1 else ''} without a keyword"
            found.append(f"it takes {takes} ({', '.join(names[: self.positional])}), not {len(args)}.")
        given = self.given(args, keywords)
        return found + [f"it needs the argument '{name}'." for name in self.needed if name not in given]

    def spoken(self, args: Sequence[Any], keywords: Mapping[str, Any]) -> str:
        """A call as a person would name it: env.Kernel("hello.elf"); by its first text, or else by its name."""
        given = {**self.defaults, **self.given(args, keywords)}
        first = self.names[0]
        if first == "name" or isinstance(given.get(first), str):
            return f"env.{self.kind}({_quoted(given.get(first))})"
        name = given.get("name")
        return f"env.{self.kind}(…)" if name is None else f"env.{self.kind}(name={_quoted(name)})"


def _quoted(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else "" if value is None else f"{value!r:.40}"
