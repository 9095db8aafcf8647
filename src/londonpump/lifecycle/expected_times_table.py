"""Table of expected times on paper, for days on which the service is down.

It holds P50 and P90 per ground and station, by day and by night, over the locations of past calls: as CSV, and as a page to
print.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from numpy.typing import NDArray

from londonpump.domain.attendance_targets import MAX_PUBLISHED_S
from londonpump.domain.london_clock import LONDON
from londonpump.domain.stations import Station, by_code, land_stations
from londonpump.features.ground_lookup import CELL_SIZES_M, ROW, distances_m
from londonpump.models.bundle import Bundle, Card
from londonpump.models.distribution import LEVELS, P50, P90
from londonpump.persistence.atomic_files import write_texts

STATIONS_PER_GROUND = 6
PERIODS = {"day": "13:00", "night": "03:30"}
MAX_LOCATIONS = 60
CELL_M = CELL_SIZES_M[-1]
CSV_HEADER = ("ground_code", "ground", "station_code", "station", "period", "p50_s", "p90_s")


@dataclass(frozen=True, slots=True)
class Line:
    """Expected times from one station to one ground."""

    station: Station
    expected_s: dict[str, tuple[int, int]]  # (P50, P90) per period


def write_table(bundle: Bundle, folder: Path, day: date | None = None) -> list[Path]:
    """Write expected_times.csv and expected_times.html. day: London day, today by default. Returns: their paths."""
    day = day or datetime.now(LONDON).date()
    table = expected_times(bundle, day)
    paths = [folder / "expected_times.csv", folder / "expected_times.html"]
    write_texts({paths[0]: _as_csv(table), paths[1]: _as_page(table, bundle.card, day)})
    return paths


def expected_times(bundle: Bundle, day: date) -> list[tuple[Station, list[Line]]]:
    """Return the nearest stations per ground that are open on the day, the quickest by day first."""
    stations = [station for station in land_stations(bundle.stations) if station.is_open_on(day)]
    known = by_code(stations)
    station_m = np.array([[s.easting_m, s.northing_m] for s in stations])
    table = []
    for code, locations in _locations(bundle):
        if code not in known:
            continue
        far = distances_m(locations[:, 0], locations[:, 1], station_m).mean(axis=0)
        near = [stations[i] for i in np.argsort(far)[:STATIONS_PER_GROUND]]
        lines = [Line(station, _expected(bundle, station, locations, day)) for station in near]
        table.append((known[code], sorted(lines, key=lambda line: line.expected_s["day"])))
    return table


def _locations(bundle: Bundle) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Return (ground code, (n, 2) centres of its cells with past calls); the station's location if it has no calls."""
    cells, grounds = bundle.ground.cells[-1]
    for index, code in enumerate(bundle.ground.codes):
        own = cells[grounds == index]
        if not len(own):
            own_station = by_code(bundle.stations).get(code)
            if own_station is not None:
                yield code, np.array([[own_station.easting_m, own_station.northing_m]])
            continue
        # A sample is enough for two quantiles and keeps the table quick.
        step = max(1, len(own) // MAX_LOCATIONS)
        own = own[::step]
        yield code, np.stack([own // ROW, own % ROW], axis=1) * CELL_M + CELL_M / 2


def _expected(
    bundle: Bundle, station: Station, locations: NDArray[np.float64], day: date
) -> dict[str, tuple[int, int]]:
    return {
        period: _combined_quantiles(
            bundle, station, locations, datetime.combine(day, time.fromisoformat(at), tzinfo=LONDON)
        )
        for period, at in PERIODS.items()
    }


def _combined_quantiles(
    bundle: Bundle, station: Station, locations: NDArray[np.float64], at: datetime
) -> tuple[int, int]:
    """Return P50 and P90 over all locations together, each with the same weight."""
    n = len(locations)
    columns: dict[str, NDArray[Any]] = {
        "mobilised_us": np.full(n, int(at.timestamp()) * 1_000_000),
        "station_code": np.full(n, station.code, object),
        "station_easting_m": np.full(n, station.easting_m),
        "station_northing_m": np.full(n, station.northing_m),
        "easting_m": locations[:, 0],
        "northing_m": locations[:, 1],
    }
    dispatches = bundle.dispatches(
        bundle.applicability_domain.fill(columns, bundle.dispatches(columns).hour)[0]
    )
    seconds = bundle.response_times(dispatches).quantiles(tuple(LEVELS))
    # A mixture: pool the quantiles of all locations, weighted by the probability mass that each level covers.
    weight = np.tile(np.gradient(LEVELS), n)
    order = np.argsort(seconds.ravel())
    share = np.cumsum(weight[order]) / weight.sum()
    p50, p90 = np.interp((P50, P90), share, seconds.ravel()[order])
    return round(float(p50)), round(float(p90))


def _as_csv(table: list[tuple[Station, list[Line]]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_HEADER)
    for ground, lines in table:
        for line in lines:
            for period, (p50_s, p90_s) in line.expected_s.items():
                writer.writerow(
                    (ground.code, ground.name, line.station.code, line.station.name, period, p50_s, p90_s)
                )
    return text.getvalue()


def _as_page(table: list[tuple[Station, list[Line]]], card: Card, day: date) -> str:
    loader = PackageLoader("londonpump.presentation.texts", "templates")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["clock"] = _clock
    return environment.get_template("expected_times.html.j2").render(
        table=sorted(table, key=lambda entry: entry[0].name), card=card, periods=PERIODS, day=day
    )


def _clock(seconds: int) -> str:
    """Format minutes and seconds; 20:00, the longest published time, gets a plus sign."""
    return f"{seconds // 60}:{seconds % 60:02d}" + ("+" if seconds >= MAX_PUBLISHED_S else "")
