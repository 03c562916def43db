"""The stored plan: what each declaration came to, kept as long as everything that decided it is unchanged.

A declaration whose entry still fits gets its nodes without importing a stage or starting a program.
"""

from __future__ import annotations

import hashlib
import marshal
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from ..action import Action, Input
from ..errors import Where
from .record import replace_bytes, sealed, unsealed

VERSION = 5
MOST = 4  # entries of one declaration that are kept


class Packed(NamedTuple):
    """The external steps of a declaration, which an unchanged build does not look at.

    `identity` is the SHA-256 (hex) of `data`, the steps marshalled; `outputs` are those of all of them.
    """

    identity: str
    outputs: frozenset[str]
    data: bytes


NOTHING_PACKED = Packed("", frozenset(), b"")


class Entry(NamedTuple):
    """One planned declaration.

    `key` is the digest of the call, of what it builds on and of the tools; `consulted` pairs each file that decided
    the plan with its digest; `result` is the stage's own result, pickled, for declarations that build on this one;
    `returns` are the outputs that the call hands back. `externals` are those of its steps that are external; they
    come before `actions`, the others.
    """

    key: str
    consulted: tuple[tuple[str, str], ...]
    actions: tuple[Action, ...]
    links: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    returns: tuple[str, ...]
    result: bytes
    externals: Packed = NOTHING_PACKED


class PlanFile:
    """The entries of one build folder, in one marshalled file, written again only when one of them changed.

    Of each declaration a few are kept, since people go to and fro between settings.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._raw: dict[str, Any] = {}
        self._changed = False
        try:
            version, raw = unsealed(path.read_bytes())
            if version == VERSION:
                self._raw = raw
        except (OSError, ValueError, EOFError, TypeError):
            pass

    def get(self, name: str, key: str, digest: Callable[[str], str]) -> Entry | None:
        """The entry NAME if its key is KEY and every consulted file still has its digest (by DIGEST)."""
        raw = next((raw for raw in self._raw.get(name, ()) if raw[0] == key), None)
        if raw is None or any(digest(path) != was for path, was in raw[1]):
            return None
        _, consulted, actions, links, notes, returns, result, externals = raw
        steps = tuple(_action(plain) for plain in actions)
        return Entry(key, consulted, steps, links, notes, returns, result, Packed(*externals))

    def put(self, name: str, entry: Entry) -> None:
        """Keep ENTRY for the next run."""
        plain = tuple(_plain(action) for action in entry.actions)
        raw = (entry.key, entry.consulted, plain, *entry[3:-1], tuple(entry.externals))
        self._raw[name] = (raw, *(old for old in self._raw.get(name, ()) if old[0] != entry.key))[:MOST]
        self._changed = True

    def save(self) -> None:
        """Write what changed. A folder that cannot be written is told by the first step that needs it."""
        if self._changed:
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                replace_bytes(self._path, sealed((VERSION, self._raw)))
            except OSError:
                return
            self._changed = False


def with_packed(entry: Entry) -> Entry:
    """ENTRY, all of whose steps are in `actions`, with the external ones packed."""
    externals = [action for action in entry.actions if action.external]
    if not externals:
        return entry
    data = marshal.dumps([_plain(action) for action in externals])
    outputs = frozenset(output for action in externals for output in action.outputs)
    packed = Packed(hashlib.sha256(data).hexdigest(), outputs, data)
    return entry._replace(actions=tuple(a for a in entry.actions if not a.external), externals=packed)


def unpacked(packed: Packed) -> list[Action]:
    """The steps that were PACKED."""
    return [_action(plain) for plain in marshal.loads(packed.data)]


def key_of(*parts: Any) -> str:
    """SHA-256 (hex) over PARTS: texts, numbers, None, and tuples of these."""
    return hashlib.sha256(marshal.dumps(parts, 2)).hexdigest()


def _plain(action: Action) -> tuple[Any, ...]:
    values = action._asdict() | {"inputs": tuple(tuple(i) for i in action.inputs), "where": tuple(action.where)}
    return tuple(values.values())


def _action(plain: tuple[Any, ...]) -> Action:
    action = Action(*plain)
    return action._replace(inputs=tuple(Input(*i) for i in action.inputs), where=Where(*action.where))
