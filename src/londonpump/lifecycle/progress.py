"""How long work says where it is; the command line draws it."""

from collections.abc import Callable

Progress = Callable[[str, float], None]
"""Called with what is being done and the share done, 0 to 1."""


def silent(doing: str, share: float) -> None:
    """No progress shown."""
