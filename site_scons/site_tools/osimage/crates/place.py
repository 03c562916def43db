"""Where things lie: absolute paths, as cargo names them, and paths relative to the project root, as steps name them."""

from __future__ import annotations

import os
import posixpath
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Place:
    """The project: its root (absolute), and its build folder, relative to the root."""

    root: str
    build: str

    def relative(self, path: str) -> str | None:
        """The absolute PATH relative to the root, `.` for the root itself; None where it lies outside."""
        name = os.path.relpath(path, self.root)
        return None if name == ".." or name.startswith("../") else name

    def shown(self, path: str) -> str:
        """The absolute PATH as a person would say it: relative to the root where it lies below it."""
        return self.relative(path) or path

    def beside(self, path: str) -> str:
        """The absolute PATH relative to the root, wherever it lies."""
        return os.path.relpath(path, self.root)

    def absolute(self, name: str) -> str:
        """The absolute path of NAME, which is relative to the root."""
        return posixpath.normpath(posixpath.join(self.root, name))

    def is_file(self, name: str) -> bool:
        """Whether NAME, relative to the root, is a file."""
        return os.path.isfile(self.absolute(name))

    def is_folder(self, name: str) -> bool:
        """Whether NAME, relative to the root, is a folder."""
        return os.path.isdir(self.absolute(name))

    def text(self, name: str) -> str:
        """The text of the file NAME, relative to the root; empty where it cannot be read."""
        try:
            return Path(self.absolute(name)).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""

    def external(self, name: str) -> str:
        """Where the link NAME to a source outside the project lies, relative to the root."""
        return f"{self.build}/external/{name}"
