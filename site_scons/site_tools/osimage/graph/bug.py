"""What is said where osimage itself fails: the only time when a person sees a traceback."""

from __future__ import annotations


def words(error: BaseException) -> str:
    """That ERROR is a bug of ours, and the lines to report."""
    import traceback

    trace = "".join(traceback.format_exception(error)).rstrip()
    return f"osimage failed, which is a bug of its own and not of what you wrote. Please report it:\n{trace}"
