"""The stations of the London Fire Brigade, and the neighbouring stations that send pumps over the border.

Source: LFB property assets list (Open Government Licence v3.0), press for the closures of 2014. The number of pumps
per station is inferred from how often both first and second pump came from it.
"""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources

FLEET_DATES = (date(2009, 1, 1), date(2014, 1, 9), date(2023, 1, 1))
"""The dates from which each known fleet is valid."""
CLOSED_IN_2014 = date(2014, 1, 9)


@dataclass(frozen=True, slots=True)
class Station:
    """One fire station."""

    code: str
    name: str
    status: str
    """`open`, `river` (no road pump), `closed` (for good) or `border` (not London's)."""
    easting_m: float
    northing_m: float
    borough: str = ""
    closed_date: date | None = None
    """The first day without the station; None if unknown or not planned."""
    pumps: tuple[int, ...] = (1, 1, 1)
    """The number of pumps from each of FLEET_DATES on."""
    opened_date: date | None = None

    def is_open_on(self, day: date) -> bool:
        """Return whether the day lies from the opened date up to the day before the closed date."""
        return (self.opened_date is None or self.opened_date <= day) and (
            self.closed_date is None or day < self.closed_date
        )

    def pumps_on(self, day: date) -> int:
        """Return the pumps stationed here on a day; before the first known fleet, those of that fleet."""
        if not self.is_open_on(day):
            return 0
        known = [n for start, n in zip(FLEET_DATES, self.pumps, strict=True) if start <= day]
        return known[-1] if known else self.pumps[0]


@cache
def known_stations() -> tuple[Station, ...]:
    """Return every station of the list, sorted by code."""
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
            # A station without a number of pumps in a year had none then.
            pumps=tuple(int(row[f"pumps_{year}"] or 0) for year in (2009, 2014, 2023)),
        )
        for row in csv.DictReader(text.splitlines())
    ]
    return tuple(sorted(stations, key=lambda station: station.code))


@cache
def open_stations() -> tuple[Station, ...]:
    """Return the land stations of London that have been open since 9 January 2014."""
    return tuple(station for station in known_stations() if station.status == "open")


def land_stations(stations: Iterable[Station]) -> tuple[Station, ...]:
    """Return the stations of London that send pumps by road, or did until a known day."""
    return tuple(
        station
        for station in stations
        if station.status == "open" or (station.status == "closed" and station.closed_date is not None)
    )


def by_code(stations: Iterable[Station]) -> dict[str, Station]:
    """Return the stations by code."""
    return {station.code: station for station in stations}
