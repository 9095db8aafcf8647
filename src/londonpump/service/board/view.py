"""The fleet, and the board of all its pumps at one moment: what the ranking asks of it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Self

from londonpump.domain.london_clock import LONDON
from londonpump.domain.stations import Station, land_stations
from londonpump.service.board.rules import OUT, RANKED, SENDABLE, PumpRow, PumpState, State, state_of

REPORTED_WITHIN = timedelta(hours=12)
RECENT_WINDOW = timedelta(minutes=30)


@dataclass(frozen=True)
class Fleet:
    """The pumps of the Brigade on a day. homes: station of each pump. station_codes: all that stand that day."""

    homes: Mapping[str, str]
    station_codes: frozenset[str]

    @classmethod
    def of(cls, stations: Iterable[Station], day: date) -> Self:
        """Pumps are numbered from 1 at each station: H271, H272."""
        standing = [(station.code, station.pumps_on(day)) for station in land_stations(stations)]
        homes = {f"{code}{number}": code for code, pumps in standing for number in range(1, pumps + 1)}
        return cls(homes, frozenset(homes.values()))

    @cached_property
    def unknown(self) -> Mapping[str, PumpState]:
        """Each pump as it is where nothing was ever said of it."""
        return {code: PumpState(code, State.UNKNOWN, home, home) for code, home in self.homes.items()}


def london_day(at: datetime) -> date:
    """The day of a moment in London, by which stations open and close."""
    return at.astimezone(LONDON).date()


@dataclass(frozen=True, slots=True)
class RecentIncident:
    """An incident first mobilised in the last 30 minutes. Its place is None where no mobilisation named it."""

    incident_number: str
    mobilised_at: datetime
    easting_m: float | None
    northing_m: float | None


@dataclass(frozen=True)
class BoardView:
    """Every pump of the fleet at one moment."""

    at: datetime
    pumps: Mapping[str, PumpState]
    recent: tuple[RecentIncident, ...] = ()
    is_of_now: bool = True
    """False for `at_another` moment, of which nothing is counted."""

    @classmethod
    def of(
        cls, rows: Iterable[PumpRow], fleet: Fleet, at: datetime, recent: Iterable[RecentIncident] = ()
    ) -> Self:
        """Rows of pumps that are not in the fleet are left out; pumps without a row are unknown."""
        stored = {row.code: row for row in rows}
        pumps = {
            code: state_of(stored[code], home, at) if code in stored else fleet.unknown[code]
            for code, home in fleet.homes.items()
        }
        return cls(at, pumps, tuple(recent))

    def at_another(self, at: datetime, fleet: Fleet) -> "BoardView":
        """The board of a moment that nobody knows, of the fleet of that day: pumps that cannot be sent from where they
        stand now stay as they are, and all others are unknown."""
        away = {code: pump for code, pump in self.pumps.items() if pump.state not in RANKED}
        pumps = {code: away.get(code, pump) for code, pump in fleet.unknown.items()}
        return BoardView(at, pumps, is_of_now=False)

    @cached_property
    def n_heard_of(self) -> int:
        """Pumps that were heard of in the last 12 hours. A feed that says it does not know has told nothing."""
        since = self.at - REPORTED_WITHIN
        known = [pump for pump in self.pumps.values() if pump.state is not State.UNKNOWN]
        return sum(pump.reported_at is not None and pump.reported_at >= since for pump in known)

    @property
    def is_known(self) -> bool:
        """Whether enough pumps were heard of, so that what is not known to be out is in."""
        return self.is_of_now and bool(self.pumps) and self.n_heard_of * 2 >= len(self.pumps)

    def pumps_out(self, excluding: str | None = None) -> int | None:
        """Pumps between mobilised and left, as in training; None where fewer than half were heard of.

        but_for: the number of the call's own incident, whose pumps do not count.
        """
        if not self.is_known:
            return None
        return sum(p.state in OUT and _is_other(p.incident_number, excluding) for p in self.pumps.values())

    def ground_pumps_available(self, ground_code: str) -> int | None:
        """Pumps that stand at a ground's station and can go; None where too little is known, or no pump is its own."""
        if not self.is_known or all(pump.home_station_code != ground_code for pump in self.pumps.values()):
            return None
        return sum(p.station_code == ground_code and p.state in SENDABLE for p in self.pumps.values())

    def recent_ground_calls(
        self, ground_code: str, ground_of: Callable[[float, float], str | None], excluding: str | None = None
    ) -> int | None:
        """Other incidents of the last 30 minutes on a ground. ground_of: easting and northing to a ground's code.

        None where too little is known, or one of them could have been there and its place is not known.
        """
        others = [incident for incident in self.recent if _is_other(incident.incident_number, excluding)]
        locations = [(o.easting_m, o.northing_m) for o in others]
        known = [(east, north) for east, north in locations if east is not None and north is not None]
        if not self.is_known or len(known) < len(locations):
            return None
        return sum(ground_of(east, north) == ground_code for east, north in known)

    def candidates(self) -> tuple[PumpState, ...]:
        """Pumps that are ranked: available, on standby, or unknown and taken for available."""
        return tuple(pump for pump in self.pumps.values() if pump.state in RANKED)


def _is_other(incident_number: str | None, own: str | None) -> bool:
    return own is None or incident_number != own
