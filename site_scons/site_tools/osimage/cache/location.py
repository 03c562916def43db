"""Where the store lies and how large it may become."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from ..errors import DeclarationError, Where
from .store import DiskStore

SIZE = "10G"

_UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_UNITS |= {f"{unit}IB": factor for unit, factor in _UNITS.items()}
_UNITS |= {"KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


def open_store(environ: Mapping[str, str], readonly: bool = False) -> DiskStore:
    """The store that ENVIRON names; nothing is read or written yet.

    Raises:
        DeclarationError: OSIMAGE_CACHE_SIZE is no size, or there is no home directory to put the store in.
    """
    return DiskStore(folder(environ), limit(environ), readonly)


def folder(environ: Mapping[str, str]) -> Path:
    """The store's folder: OSIMAGE_CACHE, else `osimage/store` in the user's cache directory (XDG Base Directories).

    Raises:
        DeclarationError: there is no home directory.
    """
    named = environ.get("OSIMAGE_CACHE", "")
    if named.startswith("~/") or named == "~":
        named = str(_home(environ)) + named[1:]
    if named:
        return Path(named).absolute()
    cache = environ.get("XDG_CACHE_HOME", "")
    if cache.startswith("/"):  # the specification: a relative path is to be ignored
        return Path(cache, "osimage/store")
    return _home(environ) / ".cache/osimage/store"


def limit(environ: Mapping[str, str]) -> int:
    """How many bytes the store may hold: OSIMAGE_CACHE_SIZE, such as `500M`, `10G` or `1.5TB`; by default SIZE.

    Raises:
        DeclarationError: it says something else.
    """
    text = environ.get("OSIMAGE_CACHE_SIZE", "").strip() or SIZE
    where = Where("", 0, f"OSIMAGE_CACHE_SIZE={text}")
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)", text, re.ASCII)
    if match is None:
        raise DeclarationError(where, "not a size. Write a number and a unit, such as 500M or 10G.")
    number, unit = match.groups()
    if not unit:
        raise DeclarationError(where, f"which unit? Write {number}M or {number}G.")
    if unit.upper() not in _UNITS:
        raise DeclarationError(where, f"'{unit}' is no unit. K, M, G and T are, and KB, KiB and so on.")
    size = int(float(number) * _UNITS[unit.upper()])
    if size == 0:
        raise DeclarationError(where, "a cache of that size keeps nothing. To build without it: scons --cache-disable.")
    return size


def _home(environ: Mapping[str, str]) -> Path:
    home = environ.get("HOME") or os.path.expanduser("~")
    if not home.startswith("/"):
        raise DeclarationError(
            Where("", 0, "OSIMAGE_CACHE"), "there is no home directory to keep results in. Set it to a folder."
        )
    return Path(home)
