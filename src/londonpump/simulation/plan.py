"""The plan of a simulation, and the tables that it draws from.

Source of the tables: LFB Incident Records, January and February 2017 and samples of 2023, counted by cell, incident
type, hour and property; London Fire Brigade and London Datastore, Open Government Licence v3.0.
"""

import csv
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache
from importlib import resources
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from londonpump.domain.errors import BadValue
from londonpump.domain.stations import Station, known_stations


@cache
def table(name: str) -> dict[str, list[str]]:
    """Return a table of this package as columns of text: cells, wards, boroughs, kinds, hours, ..."""
    path = resources.files(__package__).joinpath("measured").joinpath(f"{name}.csv")
    header, *rows = csv.reader(path.read_text("utf-8").splitlines())
    return {column: [row[i] for row in rows] for i, column in enumerate(header)}


def numbers(name: str, column: str) -> NDArray[np.float64]:
    """Return a numeric column of a table."""
    return np.array(table(name)[column], dtype=np.float64)


def positions(values: list[str], among: list[str]) -> NDArray[np.int64]:
    """Return the position of each value in `among`. Raises: KeyError if it is missing."""
    index = {word: i for i, word in enumerate(among)}
    return np.array([index[word] for word in values], dtype=np.int64)


FIRST_DATE = date(2009, 1, 1)
LAST_DATE = date(2098, 12, 31)
# Twice the busiest day on record (1,058 on 12 July 2021); with more, no pump would ever be free.
MAX_INCIDENTS_PER_DAY = 2_000

FileFormat = Literal["csv", "xlsx"]


@dataclass(frozen=True, slots=True)
class Vintage:
    """The format of the files of one period of publication."""

    name: str
    number: Literal["sequence", "dated"]
    """`sequence` (1091 is call 1 of 2009) or `dated` (000001-01012023)."""
    date_style: str
    """A key of `text_formats.DATE_STYLES`."""
    time_style: str
    """`seconds` or `minutes`."""
    mobilisation_null: str
    """The text of a missing value in mobilisations."""
    has_area: bool
    """True if mobilisations have BoroughName and WardName (24 columns instead of 22)."""
    has_returned: bool
    has_upper_wards: bool
    has_byte_order_mark: bool
    call_delay_s: tuple[int, int]


VINTAGES = {
    vintage.name: vintage
    for vintage in (
        Vintage("2009-14", "sequence", "01 Jan 2009", "seconds", "", False, True, False, True, (30, 120)),
        Vintage("2021-24", "dated", "28-Mar-23", "minutes", "", True, False, True, False, (0, 0)),
        Vintage("2025", "dated", "2025-01-31", "minutes", "NULL", True, False, True, False, (0, 0)),
    )
}


@dataclass(frozen=True, slots=True)
class SimulationPlan:
    """The options of a simulation. Raises: BadValue with the field, the value and what is allowed."""

    incidents: int = 110_000
    start: date = date(2023, 1, 1)
    """The first London day."""
    days: int = 365
    seed: int = 1
    """The same plan with the same seed gives the same bytes."""
    vintage: str = "2021-24"
    is_clean: bool = False
    """True for files without injected faults."""
    closed_stations: tuple[str, ...] = ()
    """Codes or names of London stations that send no pumps."""
    file_format: FileFormat = "csv"

    def __post_init__(self) -> None:
        _check_numbers(self)
        if self.vintage not in VINTAGES:
            raise BadValue("vintage", self.vintage, f"no such vintage; choose one of {', '.join(VINTAGES)}")
        if self.file_format not in ("csv", "xlsx"):
            raise BadValue("file_format", self.file_format, "files are written as csv or as xlsx")
        self.closed_codes()

    @property
    def end(self) -> date:
        """The first London day after the simulation."""
        return self.start + timedelta(days=self.days)

    @property
    def output_format(self) -> Vintage:
        """The format of the files. Spreadsheets have seconds, 22 columns and real dates in every vintage."""
        vintage = VINTAGES[self.vintage]
        if self.file_format == "csv":
            return vintage
        return replace(
            vintage, time_style="seconds", has_area=False, mobilisation_null="", date_style="2025-01-31"
        )

    def closed_codes(self) -> frozenset[str]:
        """Return the codes of the closed stations. Raises: BadValue for a station that London does not have."""
        named = {s.name.casefold(): s.code for s in london_stations()}
        named |= {s.code.casefold(): s.code for s in london_stations()}
        for station_name in self.closed_stations:
            if station_name.casefold() not in named:
                problem = "no such London station; give a code like A21 or a name like Paddington"
                raise BadValue("closed_stations", station_name, problem)
        closed = frozenset(named[station_name.casefold()] for station_name in self.closed_stations)
        if closed and not any(s.pumps_on(self.start) for s in london_stations() if s.code not in closed):
            problem = "every station with a pump is closed; leave at least one open"
            raise BadValue("closed_stations", len(closed), problem)
        return closed


def london_stations() -> tuple[Station, ...]:
    """Return the land stations of London, open or closed in 2014, in the order of their codes."""
    return tuple(s for s in known_stations() if s.status in ("open", "closed"))


def _check_numbers(plan: SimulationPlan) -> None:
    if plan.incidents < 1:
        raise BadValue("incidents", plan.incidents, "simulate at least 1 incident")
    if plan.days < 1:
        raise BadValue("days", plan.days, "simulate at least 1 day")
    if plan.seed < 0:
        raise BadValue("seed", plan.seed, "give a seed of 0 or more")
    if plan.start < FIRST_DATE:
        raise BadValue("start", plan.start.isoformat(), f"the Brigade's records begin on {FIRST_DATE}")
    if plan.days > (LAST_DATE - plan.start).days:
        raise BadValue("days", plan.days, f"the simulation must end by {LAST_DATE}")
    if plan.incidents > plan.days * MAX_INCIDENTS_PER_DAY:
        problem = f"at most {MAX_INCIDENTS_PER_DAY} incidents per day; give more days or fewer incidents"
        raise BadValue("incidents", plan.incidents, problem)
