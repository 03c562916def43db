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
        defaults = function.__kwdefaults__ or {}
        required = names[: positional - len(function.__defaults__ or ())]
        needed = (*required, *(name for name in names[positional:] if name not in defaults))
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
        """A call as a person would name it: env.Kernel("hello.elf")."""
        name = self.given(args, keywords).get("name", self.defaults.get("name"))
        quoted = f'"{name}"' if isinstance(name, str) else "" if name is None else f"{name!r:.40}"
        return f"env.{self.kind}({'' if self.names[0] == 'name' else 'name='}{quoted})"
