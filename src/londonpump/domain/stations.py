"""The stations of the London Fire Brigade and the neighbours that send pumps over the border.

Source: LFB property assets list (Open Government Licence v3.0), press for the closures of 2014; pumps
a station inferred from how often both first and second pump came from it.
"""

import csv
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date
from functools import cache
from importlib import resources
from typing import Any

FLEET_DATES = (date(2009, 1, 1), date(2014, 1, 9), date(2023, 1, 1))
"""From when each known fleet stood: pumps a station on these days."""
CLOSED_IN_2014 = date(2014, 1, 9)
_DATES = ("opened_date", "closed_date")


@dataclass(frozen=True, slots=True)
class Station:
    """One fire station.

    status: `open`, `river` (no road pump), `closed` (for good) or `border` (not London's).
    pumps: pumps stationed there from each of FLEET_DATES on. opened_date, closed_date: its first day and the
    first day without it, None where that is not known or has not come.
    """

    code: str
    name: str
    status: str
    easting_m: float
    northing_m: float
    borough: str = ""
    closed_date: date | None = None
    pumps: tuple[int, ...] = (1, 1, 1)
    opened_date: date | None = None

    def is_open_on(self, day: date) -> bool:
        """Whether it stands on a day: from its opened date on, until the day before its closed date."""
        return (self.opened_date is None or self.opened_date <= day) and (
            self.closed_date is None or day < self.closed_date
        )

    def pumps_on(self, day: date) -> int:
        """Pumps stationed here on a day; before the first known fleet, as then."""
        if not self.is_open_on(day):
            return 0
        known = [n for start, n in zip(FLEET_DATES, self.pumps, strict=True) if start <= day]
        return known[-1] if known else self.pumps[0]

    def to_json(self) -> dict[str, Any]:
        """As json-able values."""
        dates = {name: day and day.isoformat() for name in _DATES for day in (getattr(self, name),)}
        return {**asdict(self), **dates}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Station":
        """The inverse of `to_json`."""
        dates = {name: date.fromisoformat(day) if (day := value.get(name)) else None for name in _DATES}
        return cls(**{**value, **dates, "pumps": tuple(value["pumps"])})


@cache
def known_stations() -> tuple[Station, ...]:
    """Every station of the list, in the order of its codes."""
    text = resources.files(__package__).joinpath("stations.csv").read_text("utf-8")
    stations = [
        Station(
            code=row["code"],
            name=row["name"],
            status=row["status"],
            easting_m=float(row["easting_m"]),
            northing_m=float(row["northing_m"]),
            borough=row["borough"],
            closed_date=date.fromisoformat(row["closed_date"]) if row["closed_date"] else None,
            pumps=tuple(int(row[f"pumps_{year}"] or 0) for year in (2009, 2014, 2023)),
        )
        for row in csv.DictReader(text.splitlines())
    ]
    return tuple(sorted(stations, key=lambda station: station.code))


@cache
def open_stations() -> tuple[Station, ...]:
    """The land stations of London open since 9 January 2014."""
    return tuple(station for station in known_stations() if station.status == "open")


def land_stations(stations: Iterable[Station]) -> tuple[Station, ...]:
    """Those of London that send pumps by road, or did until a known day."""
    return tuple(
        station
        for station in stations
        if station.status == "open" or (station.status == "closed" and station.closed_date is not None)
    )


def by_code(stations: Iterable[Station]) -> dict[str, Station]:
    """Stations by their code."""
    return {station.code: station for station in stations}
