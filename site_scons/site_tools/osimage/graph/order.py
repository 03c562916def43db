"""In which order SCons makes what could be made now."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


class Waiting(set[Any]):
    """The nodes that wait for one, in the order in which SCons hears that they need wait no more.

    It makes the last first: the one for which most others wait. A step that is running already only has to be awaited,
    which takes a worker from those that could begin.
    """

    def __iter__(self) -> Iterator[Any]:
        return iter(sorted(super().__iter__(), key=_urgency))


def awaited(node: Any) -> int:
    """How many others wait for NODE, as far as SCons knows by now."""
    return len(node.waiting_parents)


def _urgency(node: Any) -> int:
    step = getattr(node.attributes, "osimage_step", None)
    return -1 if step is not None and step.has_begun() else awaited(node)
