"""The table of roads that was imported last, opened again after an import."""

from pathlib import Path
from threading import Lock

from londonpump.roads.store import current_name, named_table
from londonpump.roads.table import RoadTable
from londonpump.service.errors import NotFound


class TableInUse:
    """Holds the open table. Its arrays are mapped, so that an unused table takes no memory."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = Lock()
        self._table: RoadTable | None = None

    def get(self) -> RoadTable:
        """Return the table. It blocks for tenths of a second when a table is opened: call it in a thread.

        Raises: NotFound if no map was imported; BadFile if the table is damaged.
        """
        with self._lock:
            name = current_name(self._folder)
            if name is None:
                raise NotFound(
                    "No roads are imported. An administrator imports a map: londonpump roads import FILE."
                )
            if self._table is None or self._table.name != name:
                self._table = named_table(self._folder, name)
            return self._table
