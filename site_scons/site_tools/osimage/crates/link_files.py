"""What a kernel's link reads beyond its crates: linker scripts, objects and search paths named by flags or spec."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..action import Input
from .fault import FaultError
from .place import Place

_LINK_ARGS = ("-Clink-arg", "-Clink-args", "-Zpre-link-arg", "-Zpre-link-args", "-Zpost-link-arg", "-Zpost-link-args")
SPEC_ARGS = ("pre-link-args", "late-link-args", "late-link-args-static", "post-link-args")
# Options of the linker with a file or folder: joined to it, or in the word before it.
_JOINED = re.compile(
    r"(-T|-L|@|--?(?:script|version-script|dynamic-list|just-symbols|symbol-ordering-file|retain-symbols-file"
    r"|library-path)=)(.+)"
)
_APART = frozenset({"-T", "-L", "-R", "--script", "-script", "--version-script", "--dynamic-list", "--just-symbols"})
_INCLUDE = re.compile(r'(?:^|[\s;{}])INCLUDE\s+"?([^\s";{}]+)"?')


@dataclass(frozen=True)
class LinkFiles:
    """FLAGS with their files named from the project root, these as INPUTS, and every file that was looked for.

    One that was not there decides too: when it appears, the link reads something else.
    """

    flags: tuple[str, ...]
    inputs: tuple[Input, ...]
    looked_for: tuple[str, ...]


class _Finder:
    """Finds files named from BASE, the folder that cargo runs rustc in, and names them from the project root."""

    def __init__(self, place: Place, base: str) -> None:
        self._place = place
        self._base = base
        self.inputs: dict[Input, None] = {}
        self.looked_for: dict[str, None] = {}
        self.searches = False  # is something found only by a search path to the base

    def moved(self, word: str, before: str = "") -> str:
        """WORD of the linker's command, which follows the word BEFORE, with its file named from the project root."""
        found = None if before in _APART else _JOINED.fullmatch(word)
        option, path = (found[1], found[2]) if found else ("", word)
        if not found and before not in _APART and word.startswith("-"):
            return word
        name = self.named(path)
        return word if name is None else f"{option}{name}"

    def named(self, path: str) -> str | None:
        """PATH, named from the base or else from the project root, from the root; it becomes an input.

        Cargo's configuration means the base, an SConstruct the root, where the linker would find it too. None where
        there is no such thing.

        Raises:
            FaultError: it lies outside the project.
        """
        places = [posixpath.join(self._place.absolute(folder), path) for folder in (self._base, "")]
        found = next((place for place in places if self._place.is_folder(place) or self._place.is_file(place)), None)
        self._look(*(name for place in places if (name := self._place.relative(place)) is not None))
        if found is None:
            return None  # the linker finds it in a search path, or says that it does not
        absolute = posixpath.normpath(found)
        is_folder = self._place.is_folder(absolute)
        name = self._place.relative(absolute)
        if name is None:
            raise FaultError(
                f"the link reads {path}, which lies outside the project. The project is the SConstruct's folder: move "
                "the SConstruct up, or the file in."
            )
        if name == ".":
            raise FaultError(f"the link searches {path}, the whole project: name the folder that has the libraries.")
        self.inputs[Input(name, "tree" if is_folder else "file")] = None
        if not is_folder:
            self._with_includes(name)
        return name

    def _with_includes(self, name: str) -> None:
        for included in _INCLUDE.findall(self._place.text(name)):
            places = dict.fromkeys((included, posixpath.normpath(posixpath.join(self._base, included))))
            self._look(*places)
            for place in places:
                if self._place.is_file(place) and Input(place) not in self.inputs:
                    self.searches |= place != included
                    self.inputs[Input(place)] = None
                    self._with_includes(place)

    def _look(self, *names: str) -> None:
        for name in names:
            if not self._place.is_folder(name):
                self.looked_for[name] = None
                if not self._place.is_file(name):
                    self.looked_for[f"{name}/"] = None  # what appears may be a folder, which is told by its names


def located(flags: Sequence[str], spec: Mapping[str, Any], base: str, place: Place) -> LinkFiles:
    """FLAGS, each as one word or `-L` with its value behind it, with the files of the link named from the project root.

    Cargo runs rustc in BASE, the workspace's root (relative to the project root); our steps run in the project root.
    What the target SPEC names is found through a search path.

    Raises:
        FaultError: something lies outside the project, or the spec's name for it means another file there.
    """
    finder = _Finder(place, base)
    result: list[str] = []
    before = ""  # the linker's last word: an option and its value may come in two link-args
    words = iter(flags)
    for flag in words:
        option, _, value = flag.partition("=")
        if option in _LINK_ARGS:
            moved = []
            for word in value.split() if option.endswith("s") else [value]:
                moved.append(finder.moved(word, before))
                before = word
            result.append(f"{option}={' '.join(moved)}")
        elif flag == "-L" or (flag.startswith("-L") and not flag.startswith("--")):
            result.append(_search_path(next(words, "") if flag == "-L" else flag[2:], finder))
        else:
            result.append(flag)
    for path in _spec_paths(spec):
        name = finder.named(path)
        if name is not None and name != path:
            finder.searches = True
            if place.is_file(path):
                raise FaultError(f"the target spec names {path}, which is both {name} and {path}: rename one of them.")
    if finder.searches:
        result.append(f"-Clink-arg=-L{base}")
    return LinkFiles(tuple(result), tuple(finder.inputs), tuple(finder.looked_for))


def _search_path(value: str, finder: _Finder) -> str:
    kind, equals, path = value.rpartition("=")
    return f"-L{kind}{equals}{finder.named(path) or path}"


def _spec_paths(spec: Mapping[str, Any]) -> Iterator[str]:
    """The files that SPEC's arguments for the linker name."""
    for key in SPEC_ARGS:
        for words in spec.get(key, {}).values():
            for before, word in zip(["", *words], words, strict=False):
                found = _JOINED.fullmatch(word)
                if before in _APART or not word.startswith(("-", "@")):
                    yield word
                elif found:
                    yield found[2]
