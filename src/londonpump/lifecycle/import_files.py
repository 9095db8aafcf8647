"""Import files into the database: school holidays and the list of stations."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from londonpump.domain.errors import BadFile
from londonpump.domain.stations import Station, by_code, known_stations, land_stations
from londonpump.ingest.school_holidays import read_calendar
from londonpump.ingest.station_file import read_stations
from londonpump.persistence.database import Engine
from londonpump.persistence.repositories import context

MIN_OPEN_STATIONS = 50
"""London has 102 open land stations, so a list with less than half of them is a mistake."""
MIN_MOVE_M = 1.0
"""Smaller moves come from rounding between degrees and metres."""


@dataclass(frozen=True, slots=True)
class Changes:
    """Differences between two lists of stations."""

    added: tuple[Station, ...]
    removed: tuple[Station, ...]  # with their former names
    moved: tuple[tuple[Station, float], ...]  # (station, metres)
    changed: tuple[Station, ...]


def import_calendar(engine: Engine, path: Path, *, is_replacing: bool) -> list[str]:
    """Store the school holidays of the calendar years that the file covers completely. Returns: what was done.

    Raises: BadFile if the file is wrong; then nothing is stored.
    """
    calendar = read_calendar(path)
    stored = context.store_school_holidays(engine, calendar.holidays, replace=is_replacing)
    messages = []
    for verb, years in (("Added", stored.added), ("Replaced", stored.replaced)):
        for year in years:
            n_days = sum(holiday.day.year == year for holiday in calendar.holidays)
            messages.append(f"{verb} {year}: {n_days} weekdays without school.")
    messages += [f"Kept {year} as it was; --replace overwrites it with this file." for year in stored.kept]
    if calendar.incomplete_years:
        years_left = ", ".join(str(year) for year in calendar.incomplete_years)
        messages.append(f"Left out {years_left}: the file does not cover the whole year.")
    if calendar.n_weekend_days:
        messages.append(f"Left out {calendar.n_weekend_days} weekend days.")
    return messages


def import_stations(engine: Engine, path: Path, day: date, *, is_forced: bool) -> list[str]:
    """Replace the whole list of stations by that of a file. day: today. Returns: what changes.

    Raises: BadFile if the file is wrong, or if it has few open stations in London and is_forced is not set.
    """
    stations = read_stations(path)
    n_open = _n_open(stations, day)
    if n_open < MIN_OPEN_STATIONS and not is_forced:
        raise BadFile(
            path,
            f"has {n_open} stations open in London on {day:%d %B %Y}, and London has about 100",
            "Give the whole list: it replaces the former one. If it is complete, add --force.",
        )
    # Compare before storing: afterwards, the list in use is the new one.
    changes = changes_between(stations_in_use(engine), stations)
    context.store_stations(engine, sorted(stations, key=lambda station: station.code))
    return [*_format_changes(changes), _counted(stations, day)]


def stations_in_use(engine: Engine) -> tuple[Station, ...]:
    """Return the imported list of stations, or else the built-in one."""
    return context.read_stations(engine) or known_stations()


def changes_between(before: tuple[Station, ...], after: tuple[Station, ...]) -> Changes:
    """Compare two lists of stations; each part of the result is sorted by code."""
    old, new = by_code(before), by_code(after)
    both = [(old[code], new[code]) for code in sorted(old.keys() & new.keys())]
    apart = [(station, float(np.hypot(*_shift_m(former, station)))) for former, station in both]
    return Changes(
        added=tuple(new[code] for code in sorted(new.keys() - old.keys())),
        removed=tuple(old[code] for code in sorted(old.keys() - new.keys())),
        moved=tuple((station, far_m) for station, far_m in apart if far_m >= MIN_MOVE_M),
        changed=tuple(station for former, station in both if _other_fields(former) != _other_fields(station)),
    )


def format_stations(stations: tuple[Station, ...], day: date) -> list[str]:
    """Format one line per station, sorted by code, and the number of stations open on the day."""
    heading = (
        f"{'code':5}{'name':24}{'status':8}{'easting_m':>10}{'northing_m':>11}  pumps  opened      closed"
    )
    lines = [_format_station(station) for station in sorted(stations, key=lambda station: station.code)]
    return [heading, *lines, _counted(stations, day)]


def _format_station(station: Station) -> str:
    location = f"{station.easting_m:10.0f}{station.northing_m:11.0f}"
    dates = f"{station.opened_date or '':<10}  {station.closed_date or ''}"
    return f"{station.code:5}{station.name:24}{station.status:8}{location}  {station.pumps[-1]:5}  {dates}".rstrip()


def _counted(stations: tuple[Station, ...], day: date) -> str:
    return f"{len(stations)} stations are in use, {_n_open(stations, day)} of them open in London on {day:%d %B %Y}."


def _n_open(stations: tuple[Station, ...], day: date) -> int:
    return sum(station.is_open_on(day) for station in land_stations(stations))


def _shift_m(former: Station, station: Station) -> tuple[float, float]:
    return station.easting_m - former.easting_m, station.northing_m - former.northing_m


def _other_fields(station: Station) -> tuple[object, ...]:
    return (
        station.name,
        station.status,
        station.borough,
        station.pumps,
        station.opened_date,
        station.closed_date,
    )


def _format_changes(changes: Changes) -> list[str]:
    messages = [f"Added {station.code} {station.name} ({station.status})." for station in changes.added]
    messages += [f"Removed {station.code} {station.name}." for station in changes.removed]
    messages += [
        f"Moved {station.code} {station.name} by {far_m:,.0f} m." for station, far_m in changes.moved
    ]
    messages += [
        f"Changed {station.code} {station.name}: name, status, borough, pumps or dates."
        for station in changes.changed
    ]
    return messages or ["Nothing changes."]
