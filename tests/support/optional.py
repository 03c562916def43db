"""Programs that some tests need and a person may lack."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest

SYSTEM = ":/usr/sbin:/sbin"  # programs for root are not on everybody's PATH


def program(name: str, package: str) -> str:
    """The absolute path of the program NAME; without it the test is skipped, and fails where CI=true.

    PACKAGE is Debian's that brings it.
    """
    found = shutil.which(name, path=os.environ.get("PATH", "") + SYSTEM)
    if found is None:
        missing(f"{name} is not installed (Debian's package {package})")
    return found


def missing(what: str) -> NoReturn:
    """Skip the test, or fail it where CI=true: there nothing may be missing."""
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)
