"""The places in use: those that were imported last, else those that the product and the active model know."""

from pathlib import Path
from threading import Lock

from londonpump.domain.stations import known_stations
from londonpump.places.resolve import Resolved, resolve
from londonpump.places.search import PlaceSearch
from londonpump.places.store import FOLDERS, known_places
from londonpump.service.champion import ChampionWatch
from londonpump.service.imported_tables import ImportedTable

MAX_CACHED = 4_096


class PlaceLookup:
    """Holds the open index. Call its methods in a thread: opening an index takes tenths of a second, a search milliseconds."""

    def __init__(self, folder: Path, champion: ChampionWatch) -> None:
        self._imported, self._champion = ImportedTable(FOLDERS, folder), champion
        self._lock = Lock()
        self._known: tuple[str | None, PlaceSearch] | None = None
        self._resolved: tuple[PlaceSearch, dict[str, tuple[Resolved | None, str]]] | None = None

    def search(self) -> PlaceSearch:
        """Return the search in the places in use. Raises: BadFile if the imported index is damaged."""
        return self._imported.find() or self._known_places()

    def resolve(self, text: str) -> tuple[Resolved | None, str]:
        """Return the place that a text means, or what to do if it is not certain."""
        search = self.search()
        with self._lock:
            # questions of a batch, and those asked again after a change of the board, repeat their texts
            if (
                self._resolved is None
                or self._resolved[0] is not search
                or len(self._resolved[1]) >= MAX_CACHED
            ):
                self._resolved = search, {}
            known = self._resolved[1]
        if text not in known:
            known[text] = resolve(search, text)
        return known[text]

    def _known_places(self) -> PlaceSearch:
        champion = self._champion.current
        name = None if champion is None else champion.name
        with self._lock:
            if self._known is None or self._known[0] != name:
                districts = champion.bundle.area_points.districts if champion else {}
                self._known = name, known_places(known_stations(), districts)
            return self._known[1]
