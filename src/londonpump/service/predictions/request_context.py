"""What surrounds a call: the fleet of its day, what each pump does, the context of its moment."""

import asyncio
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from londonpump.domain.stations import Station, by_code
from londonpump.features.context import ContextSnapshot
from londonpump.features.ground_lookup import GroundLookup
from londonpump.service.board.cache import BoardCache, CachedBoard
from londonpump.service.board.rules import MAX_SILENCE
from londonpump.service.board.view import BoardView, Fleet, london_day
from londonpump.service.champion import Champion
from londonpump.service.predictions.candidates import Candidates
from londonpump.service.predictions.context_cache import TIMEOUT_SHARE, ContextCache, read_context
from londonpump.service.state import ServiceState

MAX_NOW_OFFSET = timedelta(minutes=15)
"""What pumps did at a moment farther from now, or will do, nobody knows."""
MAX_AWAY_OFFSET = MAX_SILENCE
"""A call of a moment farther from now is answered without the board. Until then a pump that is out now is not ranked."""
MAX_FLEET_DAYS = 8
BOARD_OF_NOW_ONLY = "the board: it tells about now alone; all pumps of that day's fleet are assumed available"
BOARD_OF_AWAY_ONLY = (
    "the board: it tells about now alone; all pumps of that day's fleet are assumed available but those that are out, "
    "on their way back or off the run now"
)
BOARD_TIMED_OUT = (
    "the board: the database did not answer in time; all pumps are assumed available but those that were reported to "
    "this service itself"
)
BOARD_UNREAD_WARNING = (
    "The board could not be read: a pump that is out may be ranked. Look at the board before you send one."
)
BOARD_UNKNOWN_WARNING = (
    "The board of that time is not known: pumps are ranked as if all were available. Look at the board before you send "
    "one."
)
BOARD_PARTLY_KNOWN_WARNING = (
    "The board of that time is not known: pumps that are out, on their way back or off the run now are not ranked, and "
    "all others as if they were available."
)
BOARD_OLD_WARNING = "The board is {age_s:.0f} s old, as the database did not answer in time: a pump that went out since may be ranked."
RELOAD_AFTER_S = 1.0
"""For requests that take long: other processes change the board meanwhile."""
BOARD_TOO_FEW_REPORTS = (
    "the board: fewer than half of the pumps were heard of in 12 h; those that nobody knows about are assumed "
    "available"
)


@dataclass(slots=True)
class StationIndex:
    """The stations of a bundle as arrays, and its fleets by day; kept for all requests while it is on duty."""

    model: str
    stations: dict[str, Station]
    row_of: dict[str, int]
    code: NDArray[np.object_]
    easting_m: NDArray[np.float64]
    northing_m: NDArray[np.float64]
    ground: GroundLookup
    fleets: dict[date, Fleet] = field(default_factory=dict)

    @classmethod
    def of(cls, champion: Champion) -> "StationIndex":
        """Of a champion's own list."""
        stations = champion.bundle.stations
        code = np.array([station.code for station in stations], object)
        return cls(
            model=champion.name,
            stations=by_code(stations),
            row_of={station.code: i for i, station in enumerate(stations)},
            code=code,
            easting_m=np.array([station.easting_m for station in stations], np.float64),
            northing_m=np.array([station.northing_m for station in stations], np.float64),
            ground=champion.bundle.ground,
        )

    def fleet(self, day: date) -> Fleet:
        """The pumps of a London day."""
        known = self.fleets.get(day)
        if known is None:
            if len(self.fleets) >= MAX_FLEET_DAYS:
                self.fleets.clear()
            known = self.fleets[day] = Fleet.of(self.stations.values(), day)
        return known


@dataclass(slots=True)
class StationIndexCache:
    """Of the model on duty."""

    current: StationIndex | None = None

    def of(self, champion: Champion) -> StationIndex:
        """Made anew when another model goes on duty."""
        if self.current is None or self.current.model != champion.name:
            self.current = StationIndex.of(champion)
        return self.current


@dataclass(slots=True)
class RequestContext:
    """For the questions of one request: the board is looked at once, a context once a minute it is asked of.

    Where the database does not answer in time it is not asked again: the board is the last one that was read, and the
    context None.
    """

    state: ServiceState
    station_index: StationIndex
    now: datetime
    kept: BoardCache
    board_cached: CachedBoard
    is_database_late: bool = False
    _revision: int = 0
    _loaded_s: float = 0.0
    _grounds: dict[tuple[float, float], str] = field(default_factory=dict)
    _contexts: dict[datetime, asyncio.Future[ContextSnapshot | None]] = field(default_factory=dict)
    _board: BoardView | None = None
    _candidates: Candidates | None = None

    @classmethod
    async def load(cls, state: ServiceState, station_index: StationIndex) -> "RequestContext":
        """Look at the board."""
        kept = state.part(BoardCache)
        request_context = cls(state, station_index, state.clock(), kept, kept.read_cached())
        await request_context._load()
        return request_context

    async def reload(self) -> bool:
        """For the rest of a request that takes long. Returns: whether the board, or its age, is another one now."""
        if self.is_database_late or self.kept.limits.now_s() - self._loaded_s < RELOAD_AFTER_S:
            return self._take_current() or self.is_database_late
        return await self._load()

    def renew(self) -> bool:
        """Take the board that was kept meanwhile, without asking the database. Returns: whether there was another."""
        return self.kept.revision != self._revision and self._take_current()

    async def _load(self) -> bool:
        self._loaded_s = self.kept.limits.now_s()
        within_s = self.state.store.limits.patience_s * TIMEOUT_SHARE
        self.is_database_late = not await self.kept.read(self.state, self.state.clock(), within_s)
        return self._take_current()

    def _take_current(self) -> bool:
        before, self.board_cached, self._revision = (
            self.board_cached,
            self.kept.read_cached(),
            self.kept.revision,
        )
        if self.board_cached.rows is before.rows:
            return False
        self._board = self._candidates = None
        self._grounds = {}
        return True

    def is_near(self, at: datetime) -> bool:
        """Whether the board of now tells about a moment."""
        return abs(at - self.now) <= MAX_NOW_OFFSET

    def is_far(self, at: datetime) -> bool:
        """Whether the board of now tells nothing about a moment, not even which pumps are out."""
        return abs(at - self.now) > MAX_AWAY_OFFSET

    def board_missing(self, at: datetime) -> str | None:
        """Why the board is not known at a moment, in words; None if it is."""
        if self.is_far(at):
            return BOARD_OF_NOW_ONLY
        if self.board_cached.verified_s is None:
            return BOARD_TIMED_OUT
        if not self.is_near(at):
            return BOARD_OF_AWAY_ONLY
        return None if self.board(at).is_known else BOARD_TOO_FEW_REPORTS

    def board_age_s(self, at: datetime) -> float | None:
        """Seconds since the board was last known to be that of the database; None where it is not used."""
        if self.board_cached.verified_s is None or self.is_far(at):
            return None
        return max(self.kept.limits.now_s() - self.board_cached.verified_s, 0.0)

    def board_warning(self, at: datetime) -> str | None:
        """What whoever sends a pump must know of the board; None if there is nothing."""
        if self.is_far(at):
            return BOARD_UNKNOWN_WARNING
        age_s, other = self.board_age_s(at), None if self.is_near(at) else BOARD_PARTLY_KNOWN_WARNING
        late = None
        if age_s is None:
            late = BOARD_UNREAD_WARNING
        elif age_s >= self.kept.limits.warn_after_s:
            late = BOARD_OLD_WARNING.format(age_s=age_s)
        return " ".join(filter(None, (other, late))) or None

    def board(self, at: datetime) -> BoardView:
        """What each pump of the day's fleet does. Of a moment that is not near now only the pumps that are away now are
        known, of one that is far none."""
        stored = self.board_cached.rows
        if stored is None or self.is_far(at):
            return BoardView.of((), self.station_index.fleet(london_day(at)), at)
        if self._board is None:
            fleet = self.station_index.fleet(london_day(self.now))
            self._board = BoardView.of(stored.pumps, fleet, self.now, stored.recent_at(self.now))
        if self.is_near(at):
            return self._board
        return self._board.at_another(at, self.station_index.fleet(london_day(at)))

    def candidates(self, board: BoardView) -> Candidates:
        """Those of a board that can be sent; those of now are found once."""
        if board is not self._board:
            return Candidates.of(board.candidates(), self.station_index.row_of)
        if self._candidates is None:
            self._candidates = Candidates.of(board.candidates(), self.station_index.row_of)
        return self._candidates

    def ground_of(self, easting_m: float, northing_m: float) -> str:
        """The ground of a place of a recent incident; looked up for all of them at once."""
        if not self._grounds and self.board_cached.rows is not None:
            locations = [(each.easting_m, each.northing_m) for each in self.board_cached.rows.recent]
            known = [(east, north) for east, north in locations if east is not None and north is not None]
            east, north = np.array(known, np.float64).reshape(-1, 2).T
            found = self.station_index.ground(east, north)
            self._grounds = {
                location: self.station_index.ground.codes[i] for location, i in zip(known, found, strict=True)
            }
        return self._grounds[easting_m, northing_m]

    async def context(self, at: datetime) -> ContextSnapshot | None:
        """Weather, traffic and calendar as they were known then; None if the database does not answer in time."""
        kept = self.state.part(ContextCache).find(at, self.now)
        if kept is not None or self.is_database_late:
            return kept
        if at not in self._contexts:
            # held as it is asked: the other questions of the round wait for the same answer
            self._contexts[at] = asyncio.ensure_future(read_context(self.state, at))
        found = await self._contexts[at]
        self.is_database_late = self.is_database_late or found is None
        return found
