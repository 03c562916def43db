"""One call of a builder's method: where it stands, and every fault of what it passes, so that all are told at once."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from ..errors import DeclarationError, Where
from ..graph.help import RESERVED
from ..graph.project import Declared, Project


class Call:
    """A call at WHERE in the SConstruct on the environment ENV.

    Each check returns the value as it is wanted; where it is wrong, a fault is kept, and what is returned only stands
    in for it until `stop`.
    """

    def __init__(self, env: Any, where: Where, project: Project) -> None:
        self.env = env
        self.where = where
        self.project = project
        self.faults: list[str] = []

    def stop(self) -> None:
        """End the call if something was wrong.

        Raises:
            DeclarationError: with everything that was.
        """
        if self.faults:
            raise DeclarationError(self.where, self.faults)

    def name(self, value: Any) -> str:
        """VALUE as the name of something below the build folder, which is a verb too."""
        name = self.text("name", value)
        if name in RESERVED:
            self.faults.append(f"'{name}' is a verb of osimage's own. Choose another name.")
        elif name.startswith("#") or any(part in ("", ".", "..") for part in name.split("/") if name):
            self.faults.append(f"'{name}' is no name below the build folder: no '..', and no '/' or '#' in front.")
        elif not name.isprintable() or "$" in name:
            self.faults.append(f"{name!r} cannot be the name of a file here: no '$' and no control characters.")
        return name

    def text(self, argument: str, value: Any) -> str:
        """VALUE as a text that is not empty."""
        if isinstance(value, str) and value:
            return value
        self.faults.append(f"{argument}= wants a text, not {_shown(value)}.")
        return ""

    def texts(self, argument: str, value: Any) -> tuple[str, ...]:
        """VALUE as texts: a list of them, or one text with commas or spaces between."""
        if isinstance(value, str):
            return tuple(value.replace(",", " ").split())
        if isinstance(value, Sequence) and all(isinstance(item, str) for item in value):
            return tuple(value)
        self.faults.append(f"{argument}= wants a list of texts, not {_shown(value)}.")
        return ()

    def switch(self, argument: str, value: Any) -> bool:
        """VALUE as True or False."""
        if not isinstance(value, bool):
            self.faults.append(f"{argument}= wants True or False, not {_shown(value)}.")
        return bool(value)

    def path(self, argument: str, value: Any) -> str:
        """VALUE, a text as SCons reads paths or a node, relative to the project; absolute where it is said so.

        A text counts from the SConscript that says it; in a variant directory what lies in the source directory is
        meant. Whether it is a file, a folder or nothing is for the stage to say.
        """
        if not hasattr(value, "srcnode") and not self.text(argument, value):
            return ""
        top = self.env.fs.Top
        path = str(self.env.Entry(value).srcnode().get_path(top))
        if path.startswith("/") and not str(value).startswith("/"):  # so SCons names what lies outside
            return os.path.relpath(path, top.get_abspath())
        return path

    def paths(self, argument: str, value: Any) -> tuple[str, ...]:
        """VALUE, one of these or a list of them, or of what other builders returned, as paths."""
        values = self.env.Flatten([value])
        if all(hasattr(item, "srcnode") or (isinstance(item, str) and item) for item in values):
            return tuple(self.path(argument, item) for item in values)
        self.faults.append(f"{argument}= wants a list of files, not {_shown(value)}.")
        return ()

    def upstream(self, argument: str, kind: str, value: Any) -> Declared:
        """What VALUE, which is to be what env.KIND returned, declares."""
        first = value[0] if isinstance(value, Sequence) and not isinstance(value, str) and value else value
        declared = getattr(getattr(first, "attributes", None), "osimage", None)
        if isinstance(declared, Declared) and declared.kind == kind:
            return declared
        is_now = f"what env.{declared.kind} returned" if isinstance(declared, Declared) else _shown(value)
        self.faults.append(f"{argument}= wants what env.{kind} returned, not {is_now}.")
        return Declared(kind, "", None)


def _shown(value: Any) -> str:
    """VALUE in a sentence: itself where that is short, else its kind."""
    if isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 1:
        value = value[0]
    if hasattr(value, "srcnode"):
        return f"the file '{value}'"
    return repr(value) if isinstance(value, (str, int, float, type(None))) else f"a {type(value).__name__}"
