"""The table that was imported last, opened again after an import: roads, places."""

from pathlib import Path
from threading import Lock
from typing import Generic, TypeVar

from londonpump.persistence.content_folders import ContentFolders

T = TypeVar("T")


class ImportedTable(Generic[T]):
    """Holds the open table. What an import wrote is used from the next request on, without a restart."""

    def __init__(self, folders: ContentFolders[T], out: Path) -> None:
        self._folders, self._out = folders, out
        self._lock = Lock()
        self._open: tuple[str, T] | None = None

    def find(self) -> T | None:
        """Return the table; None if none was imported.

        It blocks for tenths of a second when a table is opened: call it in a thread. Raises: BadFile if it is damaged.
        """
        with self._lock:
            name = self._folders.current_name(self._out)
            if name is None:
                return None
            # requests that use the former one keep it until they end
            if self._open is None or self._open[0] != name:
                self._open = name, self._folders.named(self._out, name)
            return self._open[1]
