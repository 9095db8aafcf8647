"""What surrounds a call: the fleet of its day, what each pump does, the context of its moment."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from londonpump.brigade.errors import DatabaseFailed
from londonpump.brigade.stations import Station, by_code
from londonpump.features.ground import GroundLookup
from londonpump.features.moment import MomentContext
from londonpump.service.board import rows
from londonpump.service.board.rules import PumpRow
from londonpump.service.board.view import BoardView, Fleet, RecentIncident, london_day
from londonpump.service.champion import Champion
from londonpump.service.predictions.context import SHARE_OF_PATIENCE, ContextKept, moment_context
from londonpump.service.predictions.starts import Candidates
from londonpump.service.state import ServiceState

NOW_WITHIN = timedelta(minutes=15)
"""A call of a moment farther from now is answered without the board: what pumps did then, or will do, nobody knows."""
DAYS_KEPT = 8
NOT_NOW = "the board: it tells about now alone; all pumps of that day's fleet are assumed available"
NO_ANSWER = "the board: the database did not answer in time; all pumps are assumed available"
TOO_LITTLE = (
    "the board: fewer than half of the pumps were heard of in 12 h; those that nobody knows about are assumed "
    "available"
)


@dataclass(frozen=True, slots=True)
class BoardRows:
    """The board as it is stored; what it means depends on the moment."""

    pumps: Sequence[PumpRow]
    recent: Sequence[RecentIncident]


@dataclass(slots=True)
class Standing:
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
    def of(cls, champion: Champion) -> "Standing":
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
            if len(self.fleets) >= DAYS_KEPT:
                self.fleets.clear()
            known = self.fleets[day] = Fleet.of(self.stations.values(), day)
        return known


@dataclass(slots=True)
class StandingKept:
    """Of the model on duty."""

    current: Standing | None = None

    def of(self, champion: Champion) -> Standing:
        """Made anew when another model goes on duty."""
        if self.current is None or self.current.model != champion.name:
            self.current = Standing.of(champion)
        return self.current


def read_board(connection: Connection, now: datetime) -> BoardRows:
    """As it is stored: two questions."""
    return BoardRows(rows.read_pumps(connection), rows.recent_incidents(connection, now))


@dataclass(slots=True)
class Surroundings:
    """For the questions of one request: the board is read once, a context once a minute it is asked of.

    Where the database does not answer in time it is not asked again: board and context are None then.
    """

    state: ServiceState
    standing: Standing
    now: datetime
    stored: BoardRows | None = None
    is_silent: bool = False
    _grounds: dict[tuple[float, float], str] = field(default_factory=dict)
    _contexts: dict[datetime, asyncio.Future[MomentContext | None]] = field(default_factory=dict)
    _board: BoardView | None = None
    _candidates: Candidates | None = None

    @classmethod
    async def look(cls, state: ServiceState, standing: Standing) -> "Surroundings":
        """Read the board."""
        now = state.clock()
        seen = cls(state, standing, now)
        within_s = state.store.limits.patience_s * SHARE_OF_PATIENCE
        try:
            seen.stored = await state.store.read(lambda c: read_board(c, now), within_s=within_s)
        except DatabaseFailed:
            seen.is_silent = True
        return seen

    def is_near(self, at: datetime) -> bool:
        """Whether the board of now tells about a moment."""
        return abs(at - self.now) <= NOW_WITHIN

    def board_missing(self, at: datetime) -> str | None:
        """Why the board is not known at a moment, in words; None if it is."""
        if not self.is_near(at):
            return NOT_NOW
        if self.stored is None:
            return NO_ANSWER
        return None if self.board(at).is_known else TOO_LITTLE

    def board(self, at: datetime) -> BoardView:
        """What each pump of the day's fleet does; all unknown for a moment that is not near now."""
        if self.stored is None or not self.is_near(at):
            return BoardView.of((), self.standing.fleet(london_day(at)), at)
        if self._board is None:
            fleet = self.standing.fleet(london_day(self.now))
            self._board = BoardView.of(self.stored.pumps, fleet, self.now, self.stored.recent)
        return self._board

    def candidates(self, board: BoardView) -> Candidates:
        """Those of a board that can be sent; those of now are found once."""
        if board is not self._board:
            return Candidates.of(board.candidates(), self.standing.row_of)
        if self._candidates is None:
            self._candidates = Candidates.of(board.candidates(), self.standing.row_of)
        return self._candidates

    def ground_of(self, easting_m: float, northing_m: float) -> str:
        """The ground of a place of a recent incident; looked up for all of them at once."""
        if not self._grounds and self.stored is not None:
            places = [(each.easting_m, each.northing_m) for each in self.stored.recent]
            known = [(east, north) for east, north in places if east is not None and north is not None]
            east, north = np.array(known, np.float64).reshape(-1, 2).T
            found = self.standing.ground(east, north)
            self._grounds = {
                place: self.standing.ground.codes[i] for place, i in zip(known, found, strict=True)
            }
        return self._grounds[easting_m, northing_m]

    async def context(self, at: datetime) -> MomentContext | None:
        """Weather, traffic and calendar as they were known then; None if the database does not answer in time."""
        kept = self.state.part(ContextKept).find(at, self.now)
        if kept is not None or self.is_silent:
            return kept
        if at not in self._contexts:
            # held as it is asked: the other questions of the round wait for the same answer
            self._contexts[at] = asyncio.ensure_future(moment_context(self.state, at))
        found = await self._contexts[at]
        self.is_silent = self.is_silent or found is None
        return found
