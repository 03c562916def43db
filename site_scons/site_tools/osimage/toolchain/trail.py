"""Every file that a search looked at, so that its result holds for as long as none of them changes."""

from __future__ import annotations

from typing import Any

from . import memo

_TEXT_LIMIT = 1 << 16  # bytes; settings files are a few hundred


class Trail:
    """What was looked at: files by their state (absent ones too), small settings files by their content."""

    def __init__(self) -> None:
        self.files: dict[str, memo.Stat] = {}
        self.texts: dict[str, bytes | None] = {}

    def see(self, path: str) -> bool:
        """Whether the file or folder PATH is there."""
        if path not in self.files:
            self.files[path] = memo.stat_of(path)
        return self.files[path] is not None

    def text(self, path: str) -> str | None:
        """The content of the small UTF-8 file PATH, or None: absent or unreadable."""
        if path not in self.texts:
            self.texts[path] = _content(path)
        data = self.texts[path]
        return None if data is None else data.decode("utf-8", "replace")

    def packed(self) -> tuple[Any, ...]:
        """For `memo.write`."""
        return tuple(self.files.items()), tuple(self.texts.items())


def unchanged(packed: Any) -> bool:
    """Whether everything in what `Trail.packed` gave is as it was."""
    files, texts = packed
    stat_of = memo.stat_of
    return all(stat_of(path) == stat for path, stat in files) and all(_content(path) == data for path, data in texts)


def _content(path: str) -> bytes | None:
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read(_TEXT_LIMIT)
    except (OSError, ValueError):
        return None
