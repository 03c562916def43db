"""Where the store lies and how large it may be."""

from __future__ import annotations

from pathlib import Path

import pytest
from osimage.cache import location
from osimage.errors import DeclarationError


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"HOME": "/people"}, "/people/.cache/osimage/store"),
        ({"HOME": "/people", "XDG_CACHE_HOME": "/elsewhere"}, "/elsewhere/osimage/store"),
        ({"HOME": "/people", "XDG_CACHE_HOME": "relative"}, "/people/.cache/osimage/store"),
        ({"HOME": "/people", "XDG_CACHE_HOME": ""}, "/people/.cache/osimage/store"),
        ({"HOME": "/people", "XDG_CACHE_HOME": "/x", "OSIMAGE_CACHE": "/big/disk"}, "/big/disk"),
        ({"HOME": "/people", "OSIMAGE_CACHE": ""}, "/people/.cache/osimage/store"),
        ({"HOME": "/people", "OSIMAGE_CACHE": "~"}, "/people"),
        ({"HOME": "/people", "OSIMAGE_CACHE": "~/c"}, "/people/c"),
    ],
)
def test_the_folder(environ: dict[str, str], folder: str) -> None:
    assert location.folder(environ) == Path(folder)


def test_a_relative_folder_is_below_the_working_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert location.folder({"OSIMAGE_CACHE": "cache"}) == tmp_path / "cache"


def test_without_a_home_it_has_to_be_named() -> None:
    with pytest.raises(DeclarationError) as told:
        location.folder({"HOME": "nowhere"})
    assert str(told.value) == "OSIMAGE_CACHE: there is no home directory to keep results in. Set it to a folder."


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("", 10 << 30), ("  ", 10 << 30), ("1K", 1024), ("500M", 500 << 20), ("2T", 2 << 40), ("1.5G", 3 << 29),
        ("10GiB", 10 << 30), ("10GB", 10**10), ("10 gb", 10**10), ("3mib", 3 << 20), (" 7k ", 7 << 10),
    ],
)  # fmt: skip
def test_the_limit(text: str, size: int) -> None:
    assert location.limit({"OSIMAGE_CACHE_SIZE": text}) == size
    assert location.open_store({"OSIMAGE_CACHE_SIZE": text, "OSIMAGE_CACHE": "/x"}).limit == size


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("big", "not a size. Write a number and a unit, such as 500M or 10G."),
        ("-1G", "not a size. Write a number and a unit, such as 500M or 10G."),
        ("1e3G", "not a size. Write a number and a unit, such as 500M or 10G."),
        ("٣G", "not a size. Write a number and a unit, such as 500M or 10G."),
        ("10", "which unit? Write 10M or 10G."),
        ("10X", "'X' is no unit. K, M, G and T are, and KB, KiB and so on."),
        ("0G", "a cache of that size keeps nothing. To build without it: scons --cache-disable."),
        ("0.0001K", "a cache of that size keeps nothing. To build without it: scons --cache-disable."),
    ],
)
def test_what_is_no_size_is_told(text: str, says: str) -> None:
    with pytest.raises(DeclarationError) as told:
        location.limit({"OSIMAGE_CACHE_SIZE": text})
    assert str(told.value) == f"OSIMAGE_CACHE_SIZE={text}: {says}"
