"""What people do to a project between two builds: edits of what they have written, and mischief with what was built."""

from __future__ import annotations

import copy
import os
import random
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from edit_choices import CHOICES
from edited_kernel import Link, Model
from project import Project

NAMES = ("ant", "bee", "cat", "dog")
PLACES = ("one", "two", "six")  # of clones, as long as that of the clean folder
OFTEN = ("salt", "expanded", "vendored", "near", "data", "shared", "asset", "quoted", "tracked", "broken", "dev", "PROFILE",
         "FEATURES", "dependency")  # fmt: skip


def _edit_module(model: Model, chance: random.Random) -> None:
    model.modules[chance.choice([*model.modules])] = chance.randrange(10, 14)


def _edit_library(model: Model, chance: random.Random) -> None:
    model.inner[chance.choice([*model.inner])] = chance.randrange(10, 14)


def _grow_library(model: Model, chance: random.Random) -> None:
    model.inner["fox"] = chance.randrange(10, 14)


def _shrink_library(model: Model, chance: random.Random) -> None:
    model.inner.pop("fox", None)


def _add_module(model: Model, chance: random.Random) -> None:
    model.modules[chance.choice(NAMES)] = chance.randrange(10, 14)


def _remove_module(model: Model, chance: random.Random) -> None:
    name = chance.choice([*model.modules])
    if len(model.modules) > 1:
        del model.modules[name]
        model.nested.discard(name)
        model.doubled.discard(name)


def _rename_module(model: Model, chance: random.Random) -> None:
    model.modules[chance.choice(NAMES)] = model.modules.pop(chance.choice([*model.modules]))
    model.nested &= model.modules.keys()
    model.doubled &= model.modules.keys()


def _move_module(model: Model, chance: random.Random) -> None:
    model.nested ^= {chance.choice([*model.modules])}


def _shadow_module(model: Model, chance: random.Random) -> None:
    model.doubled ^= {chance.choice([*model.modules])}


def _exchange_modules(model: Model, chance: random.Random) -> None:
    first, second = chance.choice([*model.modules]), chance.choice([*model.modules])
    model.modules[first], model.modules[second] = model.modules[second], model.modules[first]


def _change_rows(model: Model, chance: random.Random) -> None:
    """A row has another value, is new, or is gone."""
    name = chance.choice(["row", "sow", "tow"])
    if name in model.rows and len(model.rows) > 1 and chance.random() < 0.5:
        del model.rows[name]
    else:
        model.rows[name] = chance.randrange(10, 14)


def _write_note(model: Model, chance: random.Random) -> None:
    """A file that nobody reads; where the build script says nothing, it counts all the same."""
    places = ["kernel/README", "kernel/tests/x.rs", "notes.txt", "kernel/mac/README", "kernel/target/x", "vendor/x"]
    model.notes = {chance.choice(places): str(chance.randrange(10, 14))}


def _choosing(name: str) -> Callable[[Model, random.Random], None]:
    """The edit that takes another one of the texts for NAME."""

    def choose(model: Model, chance: random.Random) -> None:
        model.chosen[name] = chance.choice([text for text in CHOICES[name] if text != model.chosen[name]])

    return choose


def _many(model: Model, chance: random.Random) -> None:
    """As when another branch is checked out."""
    for name in chance.sample([name for name in SINGLE if name not in model.left_out], 6):
        SINGLE[name](model, chance)


SINGLE: Mapping[str, Callable[[Model, random.Random], None]] = {
    "module": _edit_module,
    "module added": _add_module,
    "module removed": _remove_module,
    "module renamed": _rename_module,
    "module moved": _move_module,
    "module shadowed": _shadow_module,
    "modules exchanged": _exchange_modules,
    "library": _edit_library,
    "library grown": _grow_library,
    "library shrunk": _shrink_library,
    "rows": _change_rows,
    "note": _write_note,
    **{name: _choosing(name) for name in CHOICES},
}
EDITS = {**SINGLE, "many": _many}
_WEIGHTS = {name: 3 if name in OFTEN or name not in CHOICES else 1 for name in EDITS}


def change(model: Model, past: list[Model], chance: random.Random) -> tuple[Model, str]:
    """MODEL after some edit, and what that is; PAST are states that could be built, one of which may come back."""
    if chance.random() < 0.12:
        return copy.deepcopy(chance.choice(past)), "as before"
    weights = {name: weight for name, weight in _WEIGHTS.items() if name not in model.left_out}
    kind = chance.choices([*weights], [*weights.values()])[0]
    changed = copy.deepcopy(model)
    EDITS[kind](changed, chance)
    return changed, kind


def write(project: Project, model: Model, known: set[str], chance: random.Random) -> None:
    """Bring the project to MODEL; what is as it was stays untouched, or not, with times as they come.

    KNOWN are the files of all models so far.
    """
    files = model.files()
    for name in known - files.keys():
        path = project.root / name
        if os.path.lexists(path):
            path.unlink()
            if not any(path.parent.iterdir()):
                path.parent.rmdir()
    known.update(files)
    for name, content in files.items():
        if isinstance(content, Link):
            _link(project.root / name, content.target)
        else:
            _write(project.root / name, content, chance)
    for name, content in model.around().items():
        if not (path := project.root.parent / name).exists() or path.read_text() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)


def _link(path: Path, target: str) -> None:
    if not path.is_symlink() or os.readlink(path) != target:
        path.unlink(missing_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)


def _write(path: Path, content: str, chance: random.Random) -> None:
    before = path.stat().st_mtime_ns if path.exists() else None
    if before is not None and path.read_text() == content and chance.random() >= 0.03:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if chance.random() < 0.5:  # as an editor may: another file of that name
        path.with_name(".new").write_text(content)
        path.with_name(".new").replace(path)
    else:
        path.write_text(content)
    if before is not None and chance.random() < 0.3:
        os.utime(path, ns=(before, before))
    elif chance.random() < 0.1:
        os.utime(path, (chance.randrange(2_000_000_000),) * 2)


def _one(folder: Path, chance: random.Random) -> Path:
    """A file below FOLDER that is no link's; a new one where there is none."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and "external" not in path.parts]
    return chance.choice(files or [folder / "new"])


def _delete(path: Path, _: random.Random) -> None:
    path.unlink(missing_ok=True)


def _cut(path: Path, _: random.Random) -> None:
    _put(path, _content(path)[:-7])


def _garble(path: Path, chance: random.Random) -> None:
    """Another byte, with the size and the time that the file had."""
    data = bytearray(_content(path) or b"?")
    data[chance.randrange(len(data))] ^= 1
    times = path.stat() if path.exists() else None
    _put(path, bytes(data))
    if times:
        os.utime(path, ns=(times.st_mtime_ns, times.st_mtime_ns))


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def _put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        path.chmod(0o644)
    path.write_bytes(data)


def _exchange_outputs(project: Project, chance: random.Random) -> None:
    first, second = (_one(project.root / "build", chance) for _ in range(2))
    if first.exists() and second.exists():
        one, other = first.read_bytes(), second.read_bytes()
        _put(first, other)
        _put(second, one)


def _touch_all(project: Project, chance: random.Random) -> None:
    moment = chance.randrange(2_000_000_000)
    for path in project.root.rglob("*"):
        if path.is_file() and ".osimage" not in path.parts:
            os.utime(path, (moment, moment))


def _move(project: Project, chance: random.Random) -> None:
    """The clone has another place, to which it was moved or copied with all times."""
    places = [project.root.with_name(name) for name in PLACES]
    place = next(place for place in places if not place.exists())
    if chance.random() < 0.5:
        shutil.copytree(project.root, place, symlinks=True)
        shutil.rmtree(project.root)
    else:
        project.root.rename(place)
    project.root = place


def _take_build(project: Project, _: random.Random) -> None:
    """What was built is that of the other clone, copied with all times."""
    others = (project.root.with_name(name) for name in PLACES)
    other = next(path for path in others if path != project.root and path.exists())
    shutil.rmtree(project.root / "build", ignore_errors=True)
    if (other / "build").exists():
        shutil.copytree(other / "build", project.root / "build", symlinks=True)


def _at(where: str, what: Callable[[Path, random.Random], None]) -> Callable[[Project, random.Random], None]:
    """WHAT done to a file below WHERE: the clone's build folder, its state, or the store."""

    def do(project: Project, chance: random.Random) -> None:
        what(_one(project.cache if where == "store" else project.root / where, chance), chance)

    return do


MISCHIEF: Mapping[str, Callable[[Project, random.Random], None]] = {
    **{f"{where}: {what.__name__}": _at(where, what)
       for where in ("build", "build/.osimage", "store") for what in (_delete, _cut, _garble)},
    "outputs exchanged": _exchange_outputs,
    "all touched": _touch_all,
    "moved": _move,
    "the other's build folder": _take_build,
    "no build folder": lambda project, _: shutil.rmtree(project.root / "build", ignore_errors=True),
    "no store": lambda project, _: shutil.rmtree(project.cache, ignore_errors=True),
    "cleaned": lambda project, _: print(end=project.scons("-c").stderr),
}  # fmt: skip
_MISCHIEF_WEIGHTS = {name: 1 if name.startswith(("no ", "the ", "moved", "cleaned")) else 2 for name in MISCHIEF}


def disturb(project: Project, chance: random.Random) -> str:
    """Now and then do some mischief to what was built; what it was, or nothing."""
    if chance.random() >= 0.25:
        return ""
    kind = chance.choices([*_MISCHIEF_WEIGHTS], [*_MISCHIEF_WEIGHTS.values()])[0]
    MISCHIEF[kind](project, chance)
    return kind
