"""The key of a step today: the digest of the REAPI Action it encodes to, with what its inputs hold now."""

from __future__ import annotations

import hashlib
import os
import posixpath
from collections.abc import Iterable, Mapping

from ..action import Action, Input, is_python_step, output_folders
from ..cache.action import Encoded, encode
from ..cache.files import scan
from ..cache.memo import Memo
from ..cache.readset import ReadSet
from ..cache.wire import Digest
from ..errors import StepError
from ..own import own_digest
from .record import Output, OutputFolder
from .sources import others, package_files, rust_names

CLOCK_MARGIN_NS = 20_000_000  # file times come from a clock that ticks every few milliseconds
NOTHING_READ = ReadSet()
OUTSIDE = ("/", "../")  # how names begin of what lies outside the project
# Variables of the person's that the linker for build scripts heeds, of which nobody tells: gcc(1), collect2, ld(1),
# clang/lib/Driver and clang/tools/driver. There are machines where nothing links without them.
LINKING = (
    *("COMPILER_PATH", "GCC_EXEC_PREFIX", "GNUTARGET", "LDEMULATION", "LIBRARY_PATH", "LPATH"),
    *("CCC_OVERRIDE_OPTIONS", "CLANG_NO_DEFAULT_CONFIG"),
)
# Those that a C compiler heeds besides when a build script calls it: cpp(1), clang(1).
COMPILING = (
    *("CPATH", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH", "OBJC_INCLUDE_PATH", "OBJCPLUS_INCLUDE_PATH"),
    "SOURCE_DATE_EPOCH",
)


class Today:
    """What files hold now. While steps run, the working directory is the project's ROOT; paths are relative to it."""

    def __init__(self, memo: Memo, root: str, build: str = "") -> None:
        self._memo = memo
        self._root = root
        self._build = build
        self._made: dict[str, Output] = {}
        self._filled: dict[str, OutputFolder] = {}
        self._trees: dict[str, Digest] = {}

    def made(self, outputs: Mapping[str, Output]) -> None:
        """Take a step's outputs as its record says, so that they are not read again."""
        self._made.update(outputs)

    def filled(self, folders: Mapping[str, OutputFolder]) -> None:
        """Take a step's folders, by names with `/`, as its record says."""
        if folders:
            self._filled.update(folders)
            self.forget_trees()

    def folder(self, path: str) -> OutputFolder | None:
        """What a step of this run left in the folder PATH, a name without `/`."""
        return self._filled.get(f"{path}/")

    def output(self, path: str) -> Output | None:
        """What a step of this run left at PATH."""
        return self._made.get(path)

    def file(self, path: str) -> tuple[Digest, bool] | None:
        """The digest of the file at PATH and whether it may be executed; None where there is none."""
        made = self._made.get(path)
        if made is not None:
            return Digest(made.hash, made.stat.size), made.executable
        digest = self._memo.digest(path)
        return None if digest is None else (digest, os.access(path, os.X_OK))

    def tree(self, path: str) -> Digest | None:
        """The digest of everything below the folder PATH, without our build folder, taken once a run."""
        if path not in self._trees:
            digest = self._memo.tree(path, self._ours_in(path))
            if digest is None:
                return None
            self._trees[path] = digest
        return self._trees[path]

    def scan(self, path: str) -> object:
        """Every file below the folder PATH, without our build folder, by what tells it from its successor."""
        return scan(path.rstrip("/") or "/", frozenset(self._ours_in(path)))

    def is_ours(self, path: str) -> bool:
        """Whether the folder PATH is our build folder."""
        return posixpath.normpath(path) == self._build

    def _ours_in(self, path: str) -> tuple[str, ...]:
        """Our build folder as seen from the folder PATH, where it lies below that."""
        above = posixpath.normpath(path)
        if above == "." and self._build:
            return (self._build,)
        return (self._build.removeprefix(f"{above}/"),) if self._build.startswith(f"{above}/") else ()

    def consulted(self, name: str) -> str:
        """What is to be compared of something that decides a plan.

        NAME is that of a file (its digest is taken), of a folder where it ends in `/` (a digest of the names in it),
        or of an environment variable where it begins with `$`. While a SConscript is read, the working directory is
        its own.
        """
        if name.startswith("$"):
            return f"={os.environ[name[1:]]}" if name[1:] in os.environ else ""
        path = os.path.join(self._root, name)
        if name.endswith("/"):
            try:
                names = os.fsencode("\0".join(sorted(os.listdir(path))))
            except OSError:
                return ""
            return hashlib.sha256(names).hexdigest()
        digest = self._memo.digest(path)
        return "" if digest is None else digest.hash

    def was_written_since(self, name: str, began_ns: int) -> bool:
        """Whether NAME, as for `consulted`, was changed at or after BEGAN_NS (ns since 1970), less a margin."""
        try:
            return os.stat(os.path.join(self._root, name)).st_ctime_ns >= began_ns - CLOCK_MARGIN_NS
        except OSError:
            return False  # also a variable, which stays while this process lives

    def forget_trees(self) -> None:
        """Look at folders again when they are next asked for."""
        self._trees.clear()


def is_narrowed(action: Action) -> bool:
    """Whether what ACTION really reads, or that its result holds the project's path, is learned from its first run."""
    learns = action.dep_info is not None and (action.user_env or action.reads_outside)
    return learns or bool(output_folders(action)) or any(entry.kind == "package" for entry in action.inputs)


def finds_modules(action: Action) -> bool:
    """Whether a new file of ACTION's packages may take the place of one that was read, as a crate's module does."""
    return not is_python_step(action) or (action.dep_info is not None and not action.reads_outside)


def heeded(action: Action) -> tuple[str, ...]:
    """The variables of the person's that count for ACTION whether or not it is said that it read them."""
    if not action.user_env:
        return ()
    return (*LINKING, *COMPILING) if action.reads_outside else LINKING


def key(action: Action, read: ReadSet | None, today: Today, root: str) -> Encoded | None:
    """The key of ACTION with READ, as for `look`."""
    found = look(action, read, today, root)
    return None if found is None else found.encoded()


def look(action: Action, read: ReadSet | None, today: Today, root: str) -> Found | None:
    """What ACTION's inputs hold, with READ for what its packages contribute; None where a file of READ is gone.

    READ is None for a step that declares all it reads; one that is narrowed has no key then. NOTHING_READ gives the
    base, under which read sets are kept.

    Raises:
        StepError: a declared input is missing.
    """
    if read is None and is_narrowed(action):
        return None
    found = Found(action, today)
    for entry in action.inputs:
        if entry.kind == "file":
            found.add_file(entry.path)
        elif entry.kind == "tree":
            found.add_tree(entry.path)
        elif read is not None and read.everything:
            found.files |= _all(package_files(".", entry.path), today) or {}
        elif read is not NOTHING_READ and finds_modules(action):
            names = "\0".join(rust_names(".", entry.path))
            found.properties[f"rust-files:{entry.path}"] = hashlib.sha256(names.encode()).hexdigest()
    found.properties |= {f"env:{name}": f"={os.environ[name]}" for name in heeded(action) if name in os.environ}
    for path in action.env_from:
        if Input(path) not in action.inputs:
            raise ValueError(f"{path} is no input of {action.label}, which takes variables from it")
    if read is NOTHING_READ:
        found.properties["reads"] = "unknown"  # a step may turn out to read nothing
    elif read is not None and not found.add_read(read, root):
        return None
    return found


class Found:
    """What ACTION's inputs hold, as `encode` takes it."""

    def __init__(self, action: Action, today: Today) -> None:
        self.files: dict[str, tuple[Digest, bool]] = {}
        self.trees: dict[str, Digest] = {}
        self.properties: dict[str, str] = {}
        self._action = action
        self._today = today

    def encoded(self) -> Encoded:
        """The key."""
        return encode(self._action, self.files, self.trees, self.properties)

    def glance(self) -> str:
        """A digest (hex) that is the same only where the key is; taken in a fraction of the time, it stays here."""
        all_of_it = (own_digest(), tuple(self._action), self.files, self.trees, self.properties)
        return hashlib.sha256(repr(all_of_it).encode("utf-8", "surrogateescape")).hexdigest()

    def add_file(self, path: str) -> None:
        """Add an input.

        Raises:
            StepError: it is missing.
        """
        if not self._add_file(path):
            raise _missing(self._action, path)

    def add_tree(self, path: str) -> None:
        """Add an input that is a folder; where a step fills it, links and empty folders count too.

        Raises:
            StepError: it is missing.
        """
        digest = self._today.tree(path)
        if digest is None:
            raise _missing(self._action, path)
        self.trees[path] = digest
        made = self._today.folder(path)
        if made is not None:
            inside = "\0".join([*made.folders, "", *(f"{name}\0{made.links[name]}" for name in sorted(made.links))])
            self.properties[f"filled:{path}"] = hashlib.sha256(os.fsencode(inside)).hexdigest()

    def add_read(self, read: ReadSet, root: str) -> bool:
        """Add what a run of the step READ; False where something of it is gone."""
        for name in read.files:
            if not (self._add_folder(name) if name.endswith("/") else self._add_file(name)):
                return False
        if finds_modules(self._action):
            # rustc refuses a module that could be in two files.
            self.properties |= {f"beside:{path}": "" for path in others(read.files) if os.path.lexists(path)}
        for name in read.env:
            self.properties[f"env:{name}"] = f"={os.environ[name]}" if name in os.environ else "unset"
        if read.root:
            self.properties["root"] = root
        return True

    def _add_file(self, path: str) -> bool:
        found = self._today.file(path)
        if found is None:
            return False
        if path.startswith(OUTSIDE):  # a REAPI input root has no place for it
            self.properties[f"outside:{path}"] = found[0].hash
        else:
            self.files[path] = found
        return True

    def _add_folder(self, name: str) -> bool:
        digest = self._today.tree(name.rstrip("/") or "/")
        if digest is None:
            return False
        self.properties[f"folder:{name}"] = digest.hash  # it may be the whole project, of which other inputs are parts
        return True


def _all(paths: Iterable[str], today: Today) -> dict[str, tuple[Digest, bool]] | None:
    found: dict[str, tuple[Digest, bool]] = {}
    for path in paths:
        value = today.file(path)
        if value is None:
            return None
        found[path] = value
    return found


def _missing(action: Action, path: str) -> StepError:
    return StepError(f"{action.where}: {action.label} reads {path}, which does not exist.")
