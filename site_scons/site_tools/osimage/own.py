"""The identity of our own code: a Python step is keyed by the content of its module and those of ours it imports."""

from __future__ import annotations

import ast
import hashlib
import os
from functools import cache
from pathlib import Path

PACKAGE = __name__.rpartition(".")[0]
FOLDER = Path(__file__).parent


@cache
def code_identity(module: str) -> str:
    """SHA-256 (hex) over the source of MODULE, a dotted name in this package, and of every module of ours it imports.

    Imports are read from the source, also those inside functions, so nothing is executed. Imports under
    `if TYPE_CHECKING:` count too: harmless, and simpler.
    """
    found: dict[str, bytes] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = _source(name)
        if name in found or path is None:
            continue
        found[name] = path.read_bytes()
        waiting.extend(_imports(name, path, found[name]))
    digest = hashlib.sha256()
    for name in sorted(found):
        digest.update(f"{name}\0{len(found[name])}\0".encode() + found[name])
    return digest.hexdigest()


def _source(module: str) -> Path | None:
    relative = Path(*module.split(".")[1:])
    for path in (FOLDER / relative.with_suffix(".py"), FOLDER / relative / "__init__.py"):
        if module != PACKAGE and path.is_file():
            return path
    return None


def _imports(module: str, path: Path, source: bytes) -> list[str]:
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    names: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").startswith(PACKAGE + ".")):
            base = package[: len(package) - node.level + 1] if node.level else []
            stem = ".".join([*base, *((node.module or "").split(".") if node.module else [])])
            names += [stem, *(f"{stem}.{alias.name}" for alias in node.names)]
    return names


@cache
def own_digest() -> str:
    """A digest that changes when any source file of this package does, by name, size and times; for plans kept here.

    Not for keys that leave this machine: those take `code_identity`. It is that of the first time this is asked.
    """
    return own_stats()


def own_stats() -> str:
    """`own_digest` as it is now."""
    stats: list[str] = []
    for folder, folders, names in os.walk(FOLDER):
        folders[:] = [name for name in folders if name != "__pycache__"]
        for name in names:
            path = os.path.join(folder, name)
            stat = os.stat(path)
            stats.append(f"{path}\0{stat.st_size}\0{stat.st_mtime_ns}\0{stat.st_ctime_ns}\0{stat.st_ino}")
    return hashlib.sha256("\n".join(sorted(stats)).encode()).hexdigest()
