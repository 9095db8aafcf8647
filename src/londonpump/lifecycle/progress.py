"""Callback that reports the progress of long work; the command line shows it."""

from collections.abc import Callable

Progress = Callable[[str, float], None]
"""Function that is called with the current step and the share that is done, 0 to 1."""


def silent(doing: str, share: float) -> None:
    """Ignore progress."""
