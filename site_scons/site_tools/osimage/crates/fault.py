"""What is wrong with a kernel's project, before it is known which declaration it belongs to."""

from __future__ import annotations


class FaultError(Exception):
    """One thing that is wrong: a sentence or two for the person, without the place in the SConstruct."""
