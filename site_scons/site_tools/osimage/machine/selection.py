"""Which tests `TEST=` means: by the name of a test or of what ran in it the last time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from ..errors import did_you_mean

MOST = 40  # names in a message


def matches(pattern: str, names: Sequence[str]) -> bool:
    """Whether PATTERN is a part of one of NAMES or, where it has `*`, `?` or `[`, a glob for all of one."""
    if set("*?[") & set(pattern):
        return any(fnmatchcase(name, pattern) for name in names)
    return any(pattern in name for name in names)


def no_match(pattern: str, known: Mapping[str, Sequence[str]]) -> str:
    """The message where PATTERN matches nothing of KNOWN, test name to the names of what ran in it."""
    inside = list(dict.fromkeys(name for names in known.values() for name in names))
    told = f"TEST={pattern} matches no test. There are: {_listed(list(known))}."
    told += f" In them: {_listed(inside)}." if inside else ""
    return told + did_you_mean(pattern, [*known, *inside])


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST} more" if len(names) > MOST else ""
    return ", ".join(names[:MOST]) + more
