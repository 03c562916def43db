"""Every step run two times, to find those that do not make the same of the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ..action import Action
from ..errors import StepError
from .record import OutputFolder


class Made(NamedTuple):
    """What one run made: the SHA-256 (hex) of each file, and what it filled its folders with."""

    files: Mapping[str, str]
    folders: Mapping[str, OutputFolder]


def compare(action: Action, first: Made, second: Made) -> None:
    """Check that both runs of ACTION made the same, unless it is known that they do not.

    Raises:
        StepError: they differ.
    """
    names = [*_differing(first.files, second.files), *_in_folders(first, second)]
    different = [name for name in names if name != action.dep_info]
    if different and action.shared:
        raise StepError(
            f"{action.label}: two runs made different {', '.join(different)}. What it runs, such as a build script or "
            f"a procedural macro, is not deterministic: name its package in not_deterministic=[…] of {action.where}, "
            "and no result of it is shared."
        )


def _differing(first: Mapping[str, object], second: Mapping[str, object]) -> Iterator[str]:
    yield from (name for name in sorted({*first, *second}) if first.get(name) != second.get(name))


def _in_folders(first: Made, second: Made) -> Iterator[str]:
    for folder in first.folders:
        yield from (
            f"{folder}{name}" for name in _differing(*(_seen(made.folders[folder]) for made in (first, second)))
        )


def _seen(folder: OutputFolder) -> dict[str, object]:
    """What is in FOLDER, without its times."""
    files = {name: (made.hash, made.executable) for name, made in folder.files.items()}
    return {**files, **dict(folder.links), **dict.fromkeys(folder.folders, "folder")}
