"""The key of a step: the digest of the REAPI Action that our Action encodes to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from . import merkle, wire
from .wire import Digest

if TYPE_CHECKING:
    from ..action import Action

# Raised when results made by an earlier osimage must not be taken any more: a step runs in another way than before
# (its PATH, what is put into its environment), so that the same Action may come to something else.
KEY_VERSION = "1"

_NOTHING: Mapping[str, str] = {}


class Encoded(NamedTuple):
    """A REAPI Action's digest, and the messages that make it up by theirs: Action, Command, Directories of the input.

    Directories of whole trees are not among them.
    """

    digest: Digest
    blobs: dict[Digest, bytes]


def encode(
    action: Action,
    files: Mapping[str, tuple[Digest, bool]],
    trees: Mapping[str, Digest],
    extra: Mapping[str, str] = _NOTHING,
) -> Encoded:
    """ACTION as REAPI says it, reading FILES (path to content and executable bit) and TREES (path to Directory).

    What counts: the command and its environment, the inputs by path and content, the outputs' names, what runs
    (`toolchain`), whether the result is shared, and EXTRA, which become platform properties. What does not: the step's
    kind and label, where it was declared, whether its code is the project's own.

    A file or tree below another tree is a part of that tree already; as the tree may leave it out, it also counts by
    a property of its own.

    Raises:
        ValueError: a path leaves the project, or is a file and a folder at once.
    """
    properties = {"osimage-key": KEY_VERSION, "osimage-toolchain": action.toolchain, **extra}
    if action.env_from:
        properties["osimage-env-from"] = "\0".join(action.env_from)
    covered = merkle.covered((*files, *trees), trees)
    if covered:
        files, trees = dict(files), dict(trees)
        for path in covered:
            digest, executable = files.pop(path) if path in files else (trees.pop(path), False)
            properties[f"osimage-also:{path}"] = f"{digest.hash}/{digest.size}{'/x' if executable else ''}"
    root = merkle.build(files, trees)
    platform = wire.platform(properties.items())
    # A path is a file's or a folder's; which, the result says.
    outputs = [output.rstrip("/") for output in action.outputs]
    command = wire.command(action.argv, action.env, outputs, platform)
    command_digest = Digest.of(command)
    # Servers of REAPI before 2.2 look for the platform in the Command, later ones in the Action.
    encoded = wire.action(command_digest, root.digest, platform, do_not_cache=not action.shared)
    digest = Digest.of(encoded)
    return Encoded(digest, root.blobs | {command_digest: command, digest: encoded})
