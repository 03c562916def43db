"""Where rustup keeps its toolchains, which one a project or a person chose, and what is a proxy of it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import NamedTuple

from ..errors import ToolchainError
from .trail import Trail

TOOLCHAIN_FILES = ("rust-toolchain", "rust-toolchain.toml")  # where both are, rustup takes the first


class Choice(NamedTuple):
    """A toolchain somebody chose: its name or folder, and who says so ("rust-toolchain.toml", "rustup default")."""

    toolchain: str
    origin: str


def home(environ: Mapping[str, str]) -> str:
    """rustup's folder."""
    return environ.get("RUSTUP_HOME") or f"{environ.get('HOME') or os.path.expanduser('~')}/.rustup"


def is_proxy(path: str) -> bool:
    """Whether PATH is rustup itself under another name (a link, symbolic or hard), which picks a compiler when run."""
    if os.path.basename(os.path.realpath(path)) in {"rustup", "rustup-init"}:
        return True
    try:
        return os.path.samefile(path, os.path.join(os.path.dirname(path), "rustup"))
    except OSError:
        return False


def installed(environ: Mapping[str, str], trail: Trail) -> tuple[str, ...]:
    """The names of the installed toolchains: stable first, then newest names first."""
    folder = f"{home(environ)}/toolchains"
    if not trail.see(folder):
        return ()
    try:
        names = sorted(os.listdir(folder), reverse=True)
    except OSError:
        return ()
    return tuple(sorted(names, key=lambda name: not name.startswith("stable")))


def folder_of(name: str, environ: Mapping[str, str], trail: Trail) -> str | None:
    """The folder of the toolchain NAME, with or without the host in it, or None: not installed."""
    machine = os.uname().machine
    folders = (f"{home(environ)}/toolchains/{name}{host}" for host in
               ("", f"-{machine}-unknown-linux-gnu", f"-{machine}-unknown-linux-musl"))  # fmt: skip
    return next((folder for folder in folders if trail.see(folder)), None)


def toolchain_of(compiler: str) -> str:
    """The name of the rustup toolchain that the program COMPILER is of, or nothing."""
    found = re.search(r"/toolchains/([^/]+)/bin/[^/]+$", compiler)
    return found[1] if found else ""


def project_choice(root: str, trail: Trail) -> Choice | None:
    """What the nearest toolchain file in ROOT or above it asks for.

    Raises:
        ToolchainError: the file says nothing that can be understood.
    """
    folder = root
    while True:
        for name in TOOLCHAIN_FILES:
            path = f"{folder.rstrip('/')}/{name}"
            text = trail.text(path)
            if text is not None:
                return Choice(_asked_for(path, text, root), _near(path, root))
        if folder in {"/", ""}:
            return None
        folder = folder.rpartition("/")[0] or "/"


def persons_choice(root: str, environ: Mapping[str, str], trail: Trail) -> Choice | None:
    """What the proxy takes in ROOT where no file decides: RUSTUP_TOOLCHAIN, an override of a folder, the default."""
    import tomllib

    if environ.get("RUSTUP_TOOLCHAIN"):
        return Choice(environ["RUSTUP_TOOLCHAIN"], "RUSTUP_TOOLCHAIN")
    try:
        settings = tomllib.loads(trail.text(f"{home(environ)}/settings.toml") or "")
    except tomllib.TOMLDecodeError:
        return None
    overrides = settings.get("overrides")
    overrides = overrides if isinstance(overrides, dict) else {}
    folders = [path for path in overrides if f"{root}/".startswith(f"{path}/")]
    if folders:
        return Choice(str(overrides[max(folders, key=len)]), "rustup override")
    default = settings.get("default_toolchain")
    return Choice(default, "rustup default") if isinstance(default, str) else None


def _asked_for(path: str, text: str, root: str) -> str:
    import tomllib

    where = _near(path, root)
    if not path.endswith(".toml") and re.fullmatch(r"\s*[A-Za-z0-9_.+-]+\s*", text):
        return text.strip()
    try:
        table = tomllib.loads(text).get("toolchain")
    except tomllib.TOMLDecodeError as error:
        raise ToolchainError(f"{where}: not TOML: {str(error)[:1].lower()}{str(error)[1:]}.") from error
    table = table if isinstance(table, dict) else {}
    if isinstance(table.get("path"), str):
        return os.path.normpath(os.path.join(os.path.dirname(path), table["path"]))
    if isinstance(table.get("channel"), str):
        return str(table["channel"])
    raise ToolchainError(f'{where}: it names no toolchain. Write `channel = "nightly"` below `[toolchain]`.')


def _near(path: str, root: str) -> str:
    return os.path.relpath(path, root)
