"""Calibration figures of a simulation, named as in `reference_figures`, and their comparison with real records."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from londonpump.domain.stations import known_stations
from londonpump.simulation.plan import SimulationPlan, table
from londonpump.simulation.records import Records
from londonpump.simulation.reference_figures import BAND_EDGES_M, REFERENCE_FIGURES

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
NamedFigures = Iterator[tuple[str, float]]

QUANTILES = (10, 25, 50, 75, 90, 99)
BUSY_WITHIN_S = 1800
# Number of calls that are compared with every station, which limits memory.
NEARNESS_CALLS = 50_000
STREAM_ROWS = 15_558
# With fewer incidents random differences are larger, so the tolerances grow by the square root.
ROWS_FOR_TOLERANCE = 20_000
_TEMPLATE = """# Simulated Brigade

Everything in this folder is simulated; no row is a real incident.

{plan.incidents} incidents over {plan.days} days from {plan.start}, seed {plan.seed}, in the format of
{plan.vintage}: {rows[incidents]} rows of incidents and {rows[mobilisations]} of mobilisations.

## What falls short

{short}

## Simulated beside real

Real: London Fire Brigade records of 2023 unless a figure says otherwise (Open Government Licence v3.0).
A Brigade of another year, or with stations closed, differs from them rightly. With fewer than {rows_for_tolerance} incidents the tolerances are wider.

| figure | unit | simulated | real | difference | tolerance | |
|---|---|---:|---:|---:|---:|---|
{figures}

## Faults injected

{faults}
"""


@dataclass(frozen=True, slots=True)
class _View:
    """A simulation with the columns that the figures need."""

    records: Records
    grounds: Ints
    first: Ints
    """Rows of the dispatches that arrived first."""
    second: Ints
    """Rows of the dispatches that arrived second."""
    attendance_s: Floats
    distance_km: Floats
    is_own_ground: NDArray[np.bool_]


def measure(records: Records, grounds: Ints) -> dict[str, float]:
    """Return every figure for which there are rows."""
    dispatches = records.dispatches
    listed = dispatches.station < len(known_stations())
    # stations that are not listed have no coordinates; their rows are left out below
    safe = np.where(listed, dispatches.station, 0)
    east, north = (np.array([getattr(s, a) for s in known_stations()]) for a in ("easting_m", "northing_m"))
    location = records.calls.location[dispatches.call]
    city = records.city
    km = (
        np.hypot(east[safe] - city.location_east_m[location], north[safe] - city.location_north_m[location])
        / 1000
    )
    first = records.first[records.first >= 0]
    second = records.second[records.second >= 0]
    view = _View(
        records=records,
        grounds=grounds,
        first=first[listed[first]],
        second=second[listed[second]],
        attendance_s=dispatches.attendance_s.astype(np.float64),
        distance_km=km,
        is_own_ground=dispatches.station == grounds[dispatches.call],
    )
    parts: tuple[Callable[[_View], NamedFigures], ...] = (
        _times, _shares, _nearness, _pumps, _distances, _fits, _clock, _workload, _incident_shares,
    )  # fmt: skip
    # small simulations have empty groups, whose figures are NaN and are dropped
    with np.errstate(all="ignore"):
        found = {name: float(value) for part in parts for name, value in part(view)}
    return {name: value for name, value in found.items() if np.isfinite(value)}


def _mean(values: NDArray[np.bool_] | Ints | Floats) -> float:
    return float(np.mean(values)) if len(values) else float("nan")


def _spread(values: Floats) -> float:
    return float(np.std(values)) if len(values) else float("nan")


def _percentile(values: Floats, percent: float) -> float:
    return float(np.percentile(values, percent)) if len(values) else float("nan")


def _times(v: _View) -> NamedFigures:
    dispatches = v.records.dispatches
    for name, rows in (("first pump", v.first), ("second pump", v.second)):
        seconds = v.attendance_s[rows]
        yield f"{name} mean", _mean(seconds)
        yield f"{name} sd", _spread(seconds)
        for percent in QUANTILES:
            yield f"{name} p{percent}", _percentile(seconds, percent)
    for name, is_own in (("own ground", True), ("other station", False)):
        seconds = v.attendance_s[v.first[v.is_own_ground[v.first] == is_own]]
        yield f"first pump of {name} mean", _mean(seconds)
        yield f"first pump of {name} sd", _spread(seconds)
    parts: dict[str, Floats | Ints] = {
        "attendance": v.attendance_s,
        "turnout": dispatches.turnout_s,
        "travel": dispatches.travel_s,
    }
    for name, values in parts.items():
        yield f"all pumps {name} mean", _mean(values)
        yield f"all pumps {name} sd", _spread(values.astype(np.float64))


def _shares(v: _View) -> NamedFigures:
    for limit in (360, 600, 720):
        yield f"first pump within {limit} s", 100 * _mean(v.attendance_s[v.first] <= limit)
    for limit in (480, 600):
        yield f"second pump within {limit} s", 100 * _mean(v.attendance_s[v.second] <= limit)
    yield "no first-pump time", 100 * _mean(v.records.first < 0)
    yield "incidents with a second pump", 100 * _mean(v.records.second >= 0)
    has_both = v.records.second >= 0
    one, two = v.records.first[has_both], v.records.second[has_both]
    yield "second pump quicker than first", 100 * _mean(v.attendance_s[two] < v.attendance_s[one])
    station = v.records.dispatches.station
    yield "both pumps of one station (2017)", 100 * _mean(station[one] == station[two])
    yield "first pump not of own ground", 100 * _mean(~v.is_own_ground[v.first])
    yield "second pump not of own ground", 100 * _mean(~v.is_own_ground[v.second])
    yield "pumps from other than home station", 100 * _mean(v.records.out_of_house)


def _nearness(v: _View) -> NamedFigures:
    """Rank the stations that sent pumps by distance among all stations with pumps."""
    records = v.records
    sends = np.unique([pump.station for pump in records.fleet.pumps])
    east, north = (
        np.array([getattr(s, a) for s in known_stations()])[sends] for a in ("easting_m", "northing_m")
    )
    step = 1 + len(records.calls) // NEARNESS_CALLS
    location = records.calls.location[::step]
    apart_m = np.hypot(
        records.city.location_east_m[location][:, None] - east,
        records.city.location_north_m[location][:, None] - north,
    )
    shortest = apart_m.min(axis=1) / 1000
    yield "nearest station p50", _percentile(shortest, 50)
    yield "nearest station p90", _percentile(shortest, 90)
    yield "ground is of nearest station", 100 * _mean(sends[apart_m.argmin(axis=1)] == v.grounds[::step])
    first = v.first[records.dispatches.call[v.first] % step == 0]
    call = records.dispatches.call[first] // step
    # 1e-6 m keeps the station itself from counting as nearer through rounding
    rank = (apart_m[call] < (v.distance_km[first] * 1000 - 1e-6)[:, None]).sum(axis=1)
    for rank_index, name in enumerate(("nearest station", "second nearest", "third nearest")):
        yield f"first pump of {name}", 100 * _mean(rank == rank_index)


def _pumps(v: _View) -> NamedFigures:
    for n_pumps in range(1, 6):
        yield f"incidents with {n_pumps} pumps", 100 * _mean(v.records.pumps == n_pumps)


def _distances(v: _View) -> NamedFigures:
    for name, rows in (("first", v.first), ("second", v.second)):
        km = v.distance_km[rows]
        yield f"distance of {name} pump mean", _mean(km)
        for percent in (10, 50, 90, 99):
            yield f"distance of {name} pump p{percent}", _percentile(km, percent)
    band = np.searchsorted(BAND_EDGES_M, v.distance_km[v.first] * 1000, side="right") - 1
    for i, edge in enumerate(BAND_EDGES_M):
        yield f"first pump from {edge} m on", _mean(v.attendance_s[v.first[band == i]])


def _fits(v: _View) -> NamedFigures:
    # a regression on a few rows means nothing
    if len(v.first) < 10:
        return
    km, seconds = v.distance_km[v.first], v.attendance_s[v.first]
    rest = _rest(seconds, np.sqrt(km))
    yield "first ~ sqrt(distance): R2", 1 - rest.var() / seconds.var()
    yield "first ~ sqrt(distance): mean absolute error", _mean(np.abs(rest))
    yield "first ~ sqrt(distance): residual sd", _spread(rest)
    travel = v.records.dispatches.travel_s.astype(np.float64)
    rest = _rest(travel, v.distance_km, np.sqrt(v.distance_km))
    yield "travel ~ distance: R2", 1 - rest.var() / travel.var()
    yield "travel ~ distance: mean absolute error", _mean(np.abs(rest))


def _rest(seconds: Floats, *by: Floats) -> Floats:
    """Return the residuals of a linear regression on `by`."""
    known = np.stack([np.ones(len(seconds)), *by], axis=1)
    return np.asarray(seconds - known @ np.linalg.lstsq(known, seconds, rcond=None)[0])


def _clock(v: _View) -> NamedFigures:
    hour = v.records.calls.london_hour
    of_dispatch = hour[v.records.dispatches.call]
    for h in range(24):
        yield f"calls at {h:02} h (2017)", 100 * _mean(hour == h)
        yield f"first pump at {h:02} h London", _mean(v.attendance_s[v.first[of_dispatch[v.first] == h]])
    for h in range(0, 24, 3):
        turnout = v.records.dispatches.turnout_s[v.first[of_dispatch[v.first] // 3 == h // 3]]
        yield f"turnout {h:02}-{h + 2:02} h London", _mean(turnout)


def _workload(v: _View) -> NamedFigures:
    """Compare first pumps with and without another call on the ground in the half hour before."""
    at = v.records.calls.mobilised_at
    order = np.lexsort((at, v.grounds))
    gap = np.diff(at[order], prepend=-BUSY_WITHIN_S * 2)
    same = np.append(False, v.grounds[order][1:] == v.grounds[order][:-1])
    is_busy = np.zeros(len(at), dtype=np.bool_)
    is_busy[order] = same & (gap <= BUSY_WITHIN_S)
    busy_first = is_busy[v.records.dispatches.call[v.first]]
    names = (
        (True, "busy ground (call within 30 min before)", "busy ground"),
        (False, "quiet ground", "quiet ground"),
    )
    for is_busy_case, long_name, name in names:
        rows = v.first[busy_first == is_busy_case]
        yield f"{long_name}: first pump", _mean(v.attendance_s[rows])
        yield f"{name}: own station sends", 100 * _mean(v.is_own_ground[rows])


def _incident_shares(v: _View) -> NamedFigures:
    incident_types = table("incident_types")
    stop = np.array(incident_types["stop_code"])[v.records.calls.incident_type]
    is_fire = np.isin(stop, ("Primary Fire", "Secondary Fire"))
    is_false = (stop == "AFA") | np.char.startswith(stop, "False alarm")
    yield "Fire", 100 * _mean(is_fire)
    yield "False Alarm", 100 * _mean(is_false)
    yield "Special Service", 100 * _mean(~is_fire & ~is_false)
    category = np.array(incident_types["property_category"])[v.records.calls.incident_type]
    yield "Dwelling", 100 * _mean(category == "Dwelling")
    # always the same number of calls, because the figure grows with it
    step = max(len(stop) // STREAM_ROWS, 1)
    calls_per_square = np.bincount(v.records.calls.location[::step][:STREAM_ROWS]).astype(np.float64)
    if calls_per_square.sum() > STREAM_ROWS * 0.9:
        name = "calls in a repeated 100 m square: mean size in 15,558 calls (2017)"
        yield name, (calls_per_square**2).sum() / calls_per_square.sum()


@dataclass(frozen=True, slots=True)
class Comparison:
    """A figure of the simulation and of the real records."""

    name: str
    unit: str
    simulated: float | None
    """None if the simulation has no such rows."""
    real: float
    tolerance: float

    @property
    def difference(self) -> float | None:
        """Simulated minus real."""
        return None if self.simulated is None else round(self.simulated - self.real, 3)

    @property
    def is_within(self) -> bool:
        """True if the difference is within the tolerance, or there is nothing to compare."""
        return self.difference is None or abs(self.difference) <= self.tolerance


def compare(records: Records, grounds: NDArray[np.int64]) -> list[Comparison]:
    """Compare every figure of `REFERENCE_FIGURES`. grounds: (n,) station ground of each call."""
    found = measure(records, grounds)
    wider = max(1.0, (ROWS_FOR_TOLERANCE / max(len(records.calls), 1)) ** 0.5)
    return [
        Comparison(
            real.name, real.unit, found.get(real.name), round(real.value, 3), round(real.tolerance * wider, 3)
        )
        for real in REFERENCE_FIGURES
    ]


def as_markdown(
    plan: SimulationPlan,
    rows: Mapping[str, int],
    fault_counts: Mapping[str, int],
    comparisons: Sequence[Comparison],
) -> str:
    """Return the report as Markdown."""
    short = [
        f"- {c.name}: {_shown(c.simulated)} {c.unit} where the records show {_shown(c.real)}"
        for c in comparisons
        if not c.is_within
    ]
    return _TEMPLATE.format(
        plan=plan,
        rows=rows,
        rows_for_tolerance=ROWS_FOR_TOLERANCE,
        short="\n".join(short) or "Every figure is within its tolerance.",
        figures="\n".join(_line(c) for c in comparisons),
        faults="\n".join(f"- {fault_type}: {count}" for fault_type, count in fault_counts.items())
        or "None: the files are clean.",
    )


def _line(c: Comparison) -> str:
    figures = " | ".join(_shown(x) for x in (c.simulated, c.real, c.difference, c.tolerance))
    return f"| {c.name} | {c.unit} | {figures} | {'' if c.is_within else 'falls short'} |"


def _shown(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if abs(value) < 1 else f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"
