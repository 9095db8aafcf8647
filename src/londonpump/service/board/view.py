"""The fleet, and a view of the board at one time with the features that the ranking needs."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Self

from londonpump.domain.london_clock import LONDON
from londonpump.domain.mobilisations import OUT, RANKED, SENDABLE, PumpRow, RecentIncident, State
from londonpump.domain.stations import Station, land_stations
from londonpump.service.board.rules import PumpState, state_of

# about one shift: a pump without any news for longer may have a new state that was never reported
REPORTED_WITHIN = timedelta(hours=12)


@dataclass(frozen=True)
class Fleet:
    """Pumps of the Brigade on a day."""

    homes: Mapping[str, str]
    """{pump: code of its station}."""
    station_codes: frozenset[str]
    """Stations that have pumps on that day."""

    @classmethod
    def of(cls, stations: Iterable[Station], day: date) -> Self:
        """Number the pumps of each station from 1: H271, H272."""
        # river stations have no pumps that the models rank
        standing = [(station.code, station.pumps_on(day)) for station in land_stations(stations)]
        homes = {f"{code}{number}": code for code, pumps in standing for number in range(1, pumps + 1)}
        return cls(homes, frozenset(homes.values()))

    @cached_property
    def unknown(self) -> Mapping[str, PumpState]:
        """Each pump in the unknown state, for pumps without a report."""
        return {code: PumpState(code, State.UNKNOWN, home, home) for code, home in self.homes.items()}


def london_day(at: datetime) -> date:
    """Return the date in London, because stations open and close by local date."""
    return at.astimezone(LONDON).date()


@dataclass(frozen=True)
class BoardView:
    """Every pump of the fleet at one time."""

    at: datetime
    pumps: Mapping[str, PumpState]
    recent: tuple[RecentIncident, ...] = ()
    is_of_now: bool = True
    """False for a view of `at_another` time, on which nothing can be counted."""

    @classmethod
    def of(
        cls, rows: Iterable[PumpRow], fleet: Fleet, at: datetime, recent: Iterable[RecentIncident] = ()
    ) -> Self:
        """Build the view. Rows of pumps outside the fleet are ignored; pumps without a row are unknown."""
        stored = {row.code: row for row in rows}
        pumps = {
            code: state_of(stored[code], home, at) if code in stored else fleet.unknown[code]
            for code, home in fleet.homes.items()
        }
        return cls(at, pumps, tuple(recent))

    def at_another(self, at: datetime, fleet: Fleet) -> "BoardView":
        """Return the board at another time, with the fleet of that day.

        Pumps that cannot be sent now keep their state; all others are unknown.
        """
        # a pump that cannot be sent now must not be recommended, whatever time the call names
        away = {code: pump for code, pump in self.pumps.items() if pump.state not in RANKED}
        pumps = {code: away.get(code, pump) for code, pump in fleet.unknown.items()}
        return BoardView(at, pumps, is_of_now=False)

    @cached_property
    def n_reported(self) -> int:
        """Number of pumps with news in the last 12 hours. A report of the state `unknown` is no news."""
        since = self.at - REPORTED_WITHIN
        known = [pump for pump in self.pumps.values() if pump.state is not State.UNKNOWN]
        return sum(pump.reported_at is not None and pump.reported_at >= since for pump in known)

    @property
    def is_known(self) -> bool:
        """True if at least half of the fleet has news, so that pumps without a report can be assumed available."""
        # below half of the fleet, counts would mostly reflect missing reports
        return self.is_of_now and bool(self.pumps) and self.n_reported * 2 >= len(self.pumps)

    def pumps_out(self, excluding: str | None = None) -> int | None:
        """Return the number of pumps between mobilised and left, as in training; None if the board is not known.

        excluding: number of the call's own incident, whose pumps do not count.
        """
        if not self.is_known:
            return None
        return sum(p.state in OUT and _is_other(p.incident_number, excluding) for p in self.pumps.values())

    def ground_pumps_available(self, ground_code: str) -> int | None:
        """Return the number of available pumps at the station of a ground.

        It is None if the board is not known or the station has no pump of its own.
        """
        if not self.is_known or all(pump.home_station_code != ground_code for pump in self.pumps.values()):
            return None
        return sum(p.station_code == ground_code and p.state in SENDABLE for p in self.pumps.values())

    def recent_ground_calls(
        self, ground_code: str, ground_of: Callable[[float, float], str | None], excluding: str | None = None
    ) -> int | None:
        """Return the number of other incidents of the last 30 minutes on a ground.

        ground_of: maps easting and northing to a ground code. Returns: None if the board is not known, or if the
        location of an incident is unknown.
        """
        others = [incident for incident in self.recent if _is_other(incident.incident_number, excluding)]
        locations = [(o.easting_m, o.northing_m) for o in others]
        known = [(east, north) for east, north in locations if east is not None and north is not None]
        if not self.is_known or len(known) < len(locations):
            # a count that may be too low is worse than a missing value, which the model can impute
            return None
        return sum(ground_of(east, north) == ground_code for east, north in known)

    def candidates(self) -> tuple[PumpState, ...]:
        """Return the pumps to rank: available, on standby, or unknown and assumed available."""
        return tuple(pump for pump in self.pumps.values() if pump.state in RANKED)


def _is_other(incident_number: str | None, own: str | None) -> bool:
    return own is None or incident_number != own
