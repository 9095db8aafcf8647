"""How long work says where it is; the command line draws it."""

from typing import Protocol


class Progress(Protocol):
    """Called with what is being done and the share done, 0 to 1."""

    def __call__(self, doing: str, share: float) -> None: ...


def silent(doing: str, share: float) -> None:
    """No progress shown."""
