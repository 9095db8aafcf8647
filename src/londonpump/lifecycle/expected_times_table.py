"""Table of expected times on paper, for days on which the service is down.

It holds P50 and P90 per ground and station, by day and by night, over the locations of past calls: as CSV, and as a page to
print. A ground with too few calls is shown over its whole area, and marked.
"""

import csv
import io
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from numpy.typing import NDArray

from londonpump.domain.attendance_targets import MAX_PUBLISHED_S
from londonpump.domain.london_clock import LONDON
from londonpump.domain.stations import Station, land_stations
from londonpump.features.ground_lookup import EPOCH, distances_m
from londonpump.models.area_points import POINTS, representative
from londonpump.models.bundle import Bundle, Card
from londonpump.models.distribution import LEVELS, P50, P90
from londonpump.persistence.atomic_files import write_texts

STATIONS_PER_GROUND = 6
PERIODS = {"day": "13:00", "night": "03:30"}
AREA_SIDE_M, AREA_STEP_M = 6_000, 250
"""The square around a station, and the distance of the points in it, that stand for a ground with too few calls."""
CSV_HEADER = ("ground_code", "ground", "station_code", "station", "period", "p50_s", "p90_s", "locations")


class Locations(StrEnum):
    """Name the source of the locations on a ground."""

    CALLS = "calls"
    FEW_CALLS = "few calls"
    AREA = "area"


MARKS = {
    Locations.FEW_CALLS: f"fewer than {POINTS} calls",
    Locations.AREA: "too few calls: over its area",
}


@dataclass(frozen=True, slots=True)
class Line:
    """Expected times from one station to one ground."""

    station: Station
    expected_s: dict[str, tuple[int, int]]  # (P50, P90) per period


@dataclass(frozen=True, slots=True)
class Ground:
    """The stations nearest to one ground, the quickest by day first."""

    station: Station
    locations: Locations
    lines: list[Line]


def write_table(bundle: Bundle, folder: Path, day: date | None = None) -> list[Path]:
    """Write expected_times.csv and expected_times.html. day: London day, today by default. Returns: their paths."""
    day = day or datetime.now(LONDON).date()
    table = expected_times(bundle, day)
    paths = [folder / "expected_times.csv", folder / "expected_times.html"]
    write_texts({paths[0]: _as_csv(table), paths[1]: _as_page(table, bundle.card, day)})
    return paths


def expected_times(bundle: Bundle, day: date) -> list[Ground]:
    """Return each ground with the stations nearest to its calls that are open on the day."""
    stations = [station for station in land_stations(bundle.stations) if station.is_open_on(day)]
    station_m = np.array([[s.easting_m, s.northing_m] for s in stations])
    table = []
    for ground in (station for station in stations if station.code in bundle.ground.codes):
        source, locations = _locations(bundle, ground, day)
        far = distances_m(locations[:, 0], locations[:, 1], station_m).mean(axis=0)
        near = [stations[i] for i in np.argsort(far)[:STATIONS_PER_GROUND]]
        # nearest in a straight line are candidates only: the lines are ordered by what the model expects
        lines = [Line(station, _expected(bundle, station, locations, day)) for station in near]
        table.append(Ground(ground, source, sorted(lines, key=lambda line: line.expected_s["day"])))
    return table


def _locations(bundle: Bundle, ground: Station, day: date) -> tuple[Locations, NDArray[np.float64]]:
    """Return (n, 2) locations, as dense as the calls of the ground; the points of its area if it had too few calls."""
    found = bundle.area_points.ground(ground.code)
    if found is not None:
        return (Locations.CALLS if len(found) == POINTS else Locations.FEW_CALLS), found
    station_m = np.array([[ground.easting_m, ground.northing_m]])
    along = np.arange(-AREA_SIDE_M // 2, AREA_SIDE_M // 2 + 1, AREA_STEP_M, dtype=np.float64)
    square = station_m + np.stack(np.meshgrid(along, along), axis=-1).reshape(-1, 2)
    # the look-up depends on the day, because stations open and close
    days = np.full(len(square), (day - EPOCH).days)
    own = square[bundle.ground(square[:, 0], square[:, 1], days) == bundle.ground.codes.index(ground.code)]
    return Locations.AREA, representative(own) if len(own) else station_m


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


def _as_csv(table: list[Ground]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_HEADER)
    for ground in table:
        place = (ground.station.code, ground.station.name)
        for line in ground.lines:
            for period, seconds in line.expected_s.items():
                writer.writerow(
                    (*place, line.station.code, line.station.name, period, *seconds, ground.locations)
                )
    return text.getvalue()


def _as_page(table: list[Ground], card: Card, day: date) -> str:
    loader = PackageLoader("londonpump.presentation.texts", "templates")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["clock"] = _clock
    return environment.get_template("expected_times.html.j2").render(
        table=sorted(table, key=lambda ground: ground.station.name),
        card=card,
        periods=PERIODS,
        day=day,
        marks=MARKS,
    )


def _clock(seconds: int) -> str:
    """Format minutes and seconds; the longest published time becomes `20+`, which no column is too narrow for."""
    return f"{seconds // 60}+" if seconds >= MAX_PUBLISHED_S else f"{seconds // 60}:{seconds % 60:02d}"
