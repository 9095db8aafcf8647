"""Everything that the calls of one request share: the stations, the board, the candidates and the context."""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Self

import numpy as np
from numpy.typing import NDArray

from londonpump.domain.errors import DatabaseFailed
from londonpump.domain.mobilisations import MAX_SILENCE
from londonpump.domain.stations import Station, by_code
from londonpump.features.context import ContextSnapshot
from londonpump.features.ground_lookup import GroundLookup
from londonpump.models.bundle import Bundle
from londonpump.persistence.repositories.context import select_context
from londonpump.service.board.cache import BoardCache, CachedBoard
from londonpump.service.board.rules import PumpState
from londonpump.service.board.view import BoardView, Fleet, london_day
from londonpump.service.champion import Champion
from londonpump.service.state import Services

Start = tuple[str, bool]
"""Code of the station that a pump leaves from, and whether it is the pump's home station."""
MAX_AGE = timedelta(minutes=1)
TIMEOUT_SHARE = 0.5
"""Share of the store's timeout for reads that an answer can do without; the rest is left for storing the answer."""
MAX_CACHED = 4
# the first read also loads the holiday library, which takes longer than a request may wait
FIRST_WITHIN_S = 5.0
MAX_NOW_OFFSET = timedelta(minutes=15)
"""Within this time from now the board is taken to hold; farther away the states of pumps are not known."""
MAX_AWAY_OFFSET = MAX_SILENCE
"""Beyond this time from now a call is answered without the board; up to it, pumps that are out now are not ranked."""
MAX_FLEET_DAYS = 8
BOARD_OF_NOW_ONLY = (
    "the board: it is known only for now; all pumps of that day's fleet are assumed to be available"
)
BOARD_OF_AWAY_ONLY = (
    "the board: it is known only for now; all pumps of that day's fleet are assumed to be available except those that "
    "are out, on their way back or off the run now"
)
BOARD_TIMED_OUT = (
    "the board: the database did not answer in time; all pumps are assumed to be available except those that were "
    "reported to this service itself"
)
BOARD_UNREAD_WARNING = (
    "The board could not be read: a pump that is out may be ranked. Check the board before you send a pump."
)
BOARD_UNKNOWN_WARNING = (
    "The board of that time is not known: pumps are ranked as if all were available. Check the board before you send a "
    "pump."
)
BOARD_PARTLY_KNOWN_WARNING = (
    "The board of that time is not known: pumps that are out, on their way back or off the run now are not ranked, and "
    "all others are ranked as if they were available."
)
BOARD_OLD_WARNING = "The board is {age_s:.0f} s old because the database did not answer in time: a pump that went out since may be ranked."
RELOAD_AFTER_S = 1.0
"""Age of the board at which a long request reads it again, as other processes change it meanwhile."""
BOARD_TOO_FEW_REPORTS = "the board: fewer than half of the pumps reported in 12 h; pumps with an unknown state are assumed to be available"


@dataclass(frozen=True, slots=True)
class Candidates:
    """The pumps to rank, and their distinct starts: pumps with the same start share one row of the model input."""

    pumps: tuple[PumpState, ...]
    starts: tuple[Start, ...]
    """The distinct starts, at least one."""
    start_of: tuple[int, ...]
    """Index into `starts`, one per pump."""

    @classmethod
    def of(cls, pumps: Iterable[PumpState], known: Mapping[str, object]) -> Self:
        """Group pumps by their start. The keys of `known` are the codes of the model's stations."""
        placed: list[PumpState] = []
        numbered: dict[Start, int] = {}
        start_of: list[int] = []
        for pump in pumps:
            # the board may hold a station that only the station list of an earlier model had
            if pump.station_code not in known:
                pump = replace(pump, station_code=pump.home_station_code)  # noqa: PLW2901
            start = pump.station_code, pump.station_code == pump.home_station_code
            start_of.append(numbered.setdefault(start, len(numbered)))
            placed.append(pump)
        # without pumps one start remains, as the number of pumps needed is predicted from its row
        return cls(tuple(placed), tuple(numbered) or ((next(iter(known)), True),), tuple(start_of))


@dataclass(slots=True)
class ContextCache:
    """Cached context for times near now."""

    by_minute: dict[datetime, tuple[datetime, ContextSnapshot]] = field(default_factory=dict)
    """(read_at, context) by the minute that the context is for."""

    def find(self, at: datetime, now: datetime) -> ContextSnapshot | None:
        """Return the context for the minute of `at` if it was read within the last minute."""
        read_at, context = self.by_minute.get(_minute(at), (None, None))
        # a negative age means that the clock was set back
        if read_at is None or context is None or not timedelta(0) <= now - read_at < MAX_AGE:
            return None
        return replace(context, at=at)

    def keep(self, context: ContextSnapshot, now: datetime) -> None:
        """Cache a context that was just read, if it is for a time near now."""
        # other times are rarely requested twice, and would displace the current ones
        if abs(context.at - now) >= MAX_AGE:
            return
        if len(self.by_minute) >= MAX_CACHED:
            self.by_minute.clear()
        self.by_minute[_minute(context.at)] = (now, context)


async def read_context(state: Services, at: datetime) -> ContextSnapshot | None:
    """Return the context as it was known at a time; None if the database does not answer in time."""
    now = state.clock()
    cache = state.contexts
    known = cache.find(at, now)
    if known is not None:
        return known
    within_s = state.store.limits.patience_s * TIMEOUT_SHARE
    try:
        read = await state.store.read(lambda connection: select_context(connection, at), within_s=within_s)
    except DatabaseFailed:
        # a late database must not fail a call: the model imputes its usual values and the answer says so
        return None
    cache.keep(read, now)
    return read


async def warm_up_context(state: Services) -> None:
    """Read a context and discard it, so that the first request does not wait for the holiday library to load."""
    now = state.clock()
    with suppress(DatabaseFailed):
        await state.store.read(lambda connection: select_context(connection, now), within_s=FIRST_WITHIN_S)


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


@dataclass(slots=True)
class StationIndex:
    """The stations of a bundle as arrays, and its fleets by London day, shared while the model is active."""

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
        """Index the stations of a champion's bundle."""
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
        """Return the fleet of a London day."""
        known = self.fleets.get(day)
        if known is None:
            if len(self.fleets) >= MAX_FLEET_DAYS:
                self.fleets.clear()
            known = self.fleets[day] = Fleet.of(self.stations.values(), day)
        return known


@dataclass(slots=True)
class StationIndexCache:
    """The station index of the active model."""

    current: StationIndex | None = None

    def of(self, champion: Champion) -> StationIndex:
        """Return the index of a champion, rebuilt if another model has become active."""
        if self.current is None or self.current.model != champion.name:
            self.current = StationIndex.of(champion)
        return self.current


@dataclass(slots=True)
class RequestContext:
    """Active model, board and context for the questions of one request: the board is read once, the context once per timestamp.

    If the database does not answer in time, it is not queried again: the last board that was read is used, and the
    context is None.
    """

    state: Services
    champion: Champion
    station_index: StationIndex
    now: datetime
    board_cache: BoardCache
    snapshot: CachedBoard
    is_database_late: bool = False
    _revision: int = 0
    _loaded_s: float = 0.0
    _grounds: dict[tuple[float, float], str] = field(default_factory=dict)
    _contexts: dict[datetime, asyncio.Future[ContextSnapshot | None]] = field(default_factory=dict)
    _board: BoardView | None = None
    _candidates: Candidates | None = None

    @classmethod
    async def load(cls, state: Services) -> "RequestContext":
        """Take the active model, read the board and return the context of a request. Raises: NoModel."""
        champion, board_cache = state.champion.require(), state.board
        station_index = state.station_indexes.of(champion)
        request_context = cls(
            state, champion, station_index, state.clock(), board_cache, board_cache.read_cached()
        )
        await request_context._load()
        return request_context

    @property
    def bundle(self) -> Bundle:
        """Bundle of the active model."""
        return self.champion.bundle

    async def reload(self) -> bool:
        """Read the board again within a long request. Return whether the board or its age has changed."""
        if self.is_database_late or self.board_cache.limits.now_s() - self._loaded_s < RELOAD_AFTER_S:
            return self._take_current() or self.is_database_late
        return await self._load()

    def renew(self) -> bool:
        """Take the board cached meanwhile, without a query. Return whether it has changed."""
        return self.board_cache.revision != self._revision and self._take_current()

    async def _load(self) -> bool:
        # part of the timeout is kept back, as the answer still has to be stored
        self._loaded_s = self.board_cache.limits.now_s()
        within_s = self.state.store.limits.patience_s * TIMEOUT_SHARE
        self.is_database_late = not await self.board_cache.read(self.state, self.state.clock(), within_s)
        return self._take_current()

    def _take_current(self) -> bool:
        before, self.snapshot, self._revision = (
            self.snapshot,
            self.board_cache.read_cached(),
            self.board_cache.revision,
        )
        # the cache replaces its rows whenever the board changes, so identity is enough
        if self.snapshot.rows is before.rows:
            return False
        self._board = self._candidates = None
        self._grounds = {}
        return True

    def is_near(self, at: datetime) -> bool:
        """Return whether the current board holds at a time."""
        return abs(at - self.now) <= MAX_NOW_OFFSET

    def is_far(self, at: datetime) -> bool:
        """Return whether the current board says nothing about a time, not even which pumps are out."""
        return abs(at - self.now) > MAX_AWAY_OFFSET

    def board_missing(self, at: datetime) -> str | None:
        """Return why the board is not known at a time; None if it is."""
        if self.is_far(at):
            return BOARD_OF_NOW_ONLY
        if self.snapshot.verified_s is None:
            return BOARD_TIMED_OUT
        if not self.is_near(at):
            return BOARD_OF_AWAY_ONLY
        return None if self.board(at).is_known else BOARD_TOO_FEW_REPORTS

    def board_age_s(self, at: datetime) -> float | None:
        """Return the seconds since the board was last verified against the database; None if it is not used."""
        if self.snapshot.verified_s is None or self.is_far(at):
            return None
        return max(self.board_cache.limits.now_s() - self.snapshot.verified_s, 0.0)

    def board_warning(self, at: datetime) -> str | None:
        """Return the warning about the board for whoever sends a pump; None if there is none."""
        if self.is_far(at):
            return BOARD_UNKNOWN_WARNING
        # two independent facts, both of which may apply: the requested time, and the age of the board
        age_s, other = self.board_age_s(at), None if self.is_near(at) else BOARD_PARTLY_KNOWN_WARNING
        late = None
        if age_s is None:
            late = BOARD_UNREAD_WARNING
        elif age_s >= self.board_cache.limits.warn_after_s:
            late = BOARD_OLD_WARNING.format(age_s=age_s)
        return " ".join(filter(None, (other, late))) or None

    def board(self, at: datetime) -> BoardView:
        """Return the states of the fleet at a time.

        Near now all of them are known, up to MAX_AWAY_OFFSET those of pumps away now, beyond it none.
        """
        stored = self.snapshot.rows
        if stored is None or self.is_far(at):
            return BoardView.of((), self.station_index.fleet(london_day(at)), at)
        if self._board is None:
            fleet = self.station_index.fleet(london_day(self.now))
            self._board = BoardView.of(stored.pumps, fleet, self.now, stored.recent_at(self.now))
        if self.is_near(at):
            return self._board
        return self._board.at_another(at, self.station_index.fleet(london_day(at)))

    def candidates(self, board: BoardView) -> Candidates:
        """Return the pumps of a board that can be sent; those of the current board are computed once."""
        if board is not self._board:
            return Candidates.of(board.candidates(), self.station_index.row_of)
        if self._candidates is None:
            self._candidates = Candidates.of(board.candidates(), self.station_index.row_of)
        return self._candidates

    def ground_of(self, easting_m: float, northing_m: float) -> str:
        """Return the station ground of a recent incident."""
        # one lookup for all recent incidents costs little more than one for a single incident
        if not self._grounds and self.snapshot.rows is not None:
            locations = [(each.easting_m, each.northing_m) for each in self.snapshot.rows.recent]
            known = [(east, north) for east, north in locations if east is not None and north is not None]
            east, north = np.array(known, np.float64).reshape(-1, 2).T
            found = self.station_index.ground(east, north)
            self._grounds = {
                location: self.station_index.ground.codes[i] for location, i in zip(known, found, strict=True)
            }
        return self._grounds[easting_m, northing_m]

    async def context(self, at: datetime) -> ContextSnapshot | None:
        """Return weather, traffic and calendar as known at a time; None if the database does not answer in time."""
        cached = self.state.contexts.find(at, self.now)
        if cached is not None or self.is_database_late:
            return cached
        if at not in self._contexts:
            # the future is shared at once: other questions for the same time wait for it instead of reading again
            self._contexts[at] = asyncio.ensure_future(read_context(self.state, at))
        found = await self._contexts[at]
        # one timeout is enough: the remaining questions of the request do not wait for the database again
        self.is_database_late = self.is_database_late or found is None
        return found
