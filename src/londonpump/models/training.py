"""Everything that is fitted, fitted once, on training rows alone."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from londonpump.brigade import grid
from londonpump.brigade.errors import TooFewRows
from londonpump.brigade.stations import Station
from londonpump.brigade.targets import UNDERESTIMATE_S
from londonpump.features.catalogue import FEATURES, Feature, refuse_late, usable
from londonpump.features.days import london_days
from londonpump.features.ground import GroundLookup, fit_ground
from londonpump.features.runs import Runs
from londonpump.features.workload import is_countable, recent_calls
from londonpump.models.baselines import fit_constant, fit_distance
from londonpump.models.bundle import SCHEMA, Bundle, incident_hashes, stations_or_known
from londonpump.models.distribution import P50
from londonpump.models.domain import fit_domain
from londonpump.models.learnt_context import learn_context
from londonpump.models.places_named import fit_places_named
from londonpump.models.pumps_needed import PumpsModel, fit_pumps
from londonpump.models.response_time import ResponseTimeModel
from londonpump.models.response_training import (
    PLACE_FOLDS,
    TrainingRuns,
    effort_for,
    fit_response_time,
    fold_of,
)
from londonpump.models.risk_stations import risk_stations
from londonpump.models.seed_coefficients import SeedRecipe
from londonpump.models.seed_recipe import RowLimits, fit_seed_recipe

Columns = dict[str, NDArray[Any]]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Told = Callable[[str, float], None]

LEAST_TRAINING_ROWS = 300
FLAGGED_SHARE = 0.077
"""The share of runs that a warning is shown for: as many as the original's list of stations flags."""
SEED_FIT_ROWS = 100_000


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """Training rows and what else they are learnt with.

    rows: columns of examples, n rows. calls: columns of calls, for the ground of places and workload.
    incident: (n,) codes. stations: the list in use. complete: (k, 2) spans of time over which no call is missing.
    """

    rows: Columns
    calls: Columns
    incident: Ints
    stations: tuple[Station, ...]
    complete: Ints


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """seed: of every draw. is_without_fast: leave out runs over 60 km/h (they look at the answer).
    features: what may be looked at."""

    seed: int = 1
    is_without_fast: bool = False
    features: tuple[Feature, ...] = FEATURES


def fit_bundle(training: TrainingSet, plan: TrainingPlan, facts: dict[str, Any], told: Told) -> Bundle:
    """Learn a bundle. facts: what goes on its card (data hash, dates). Raises: TooFewRows, KnownTooLate."""
    refuse_late(plan.features)
    training = _usable_rows(training, plan)
    rows, attendance_s = training.rows, training.rows["attendance_s"]
    ground = learn_ground(training.calls, training.stations)
    rows = with_workload(rows, training.calls, ground, training.complete)
    runs = Runs(rows, ground)
    context, whole = learn_context(runs, fold_of(training.incident, PLACE_FOLDS, plan.seed))
    features = usable(whole, plan.features)
    read = frozenset(name for feature in features for name in feature.reads)
    context = context.of(read)
    learnt = TrainingRuns(whole, attendance_s, training.incident, rows["mobilised_us"], context)
    response = fit_response_time(learnt, features, plan.seed, lambda doing, share: told(doing, 0.7 * share))
    told("Learning the number of pumps", 0.7)
    pumps = learn_pumps(training.calls, ground, plan.seed)
    told("Fitting the baselines", 0.85)
    distance_km = distance_as_original_km(rows)
    return Bundle(
        card={
            "schema": SCHEMA,
            "seed": plan.seed,
            "rows": len(attendance_s),
            "features": [feature.name for feature in features],
            "places": [place.smoothing.name for place in response.places],
            "effort": _effort_json(len(attendance_s)),
            "context": context.card(),
            "without_runs_over_60_kmh": plan.is_without_fast,
            "prototype": _prototype(response, runs, read),
            **facts,
        },
        stations=training.stations,
        ground=ground,
        domain=fit_domain(runs, read),
        response=response,
        pumps=pumps,
        constant=fit_constant(attendance_s),
        distance=fit_distance(distance_km, attendance_s),
        seed=learn_seed_recipe(rows, ground, training.incident),
        risk_stations=risk_stations(rows["station_code"], attendance_s),
        warn_at=_warn_at(response, runs),
        seen=np.unique(incident_hashes(np.unique(rows["incident_number"].astype(str)))),
        places_named=fit_places_named(training.calls),
    )


def _prototype(response: ResponseTimeModel, runs: Runs, read: frozenset[str]) -> dict[str, Any]:
    """The first training run as it went in, null where unknown, and the median that came out."""
    columns = sorted((read - {"mobilised_at"}) | {"mobilised_us", "station_code", "property_type"})
    first = Runs({name: runs.columns[name][:1] for name in columns if name in runs.columns}, runs.lookup)
    row = {name: values[0] for name, values in first.columns.items()}
    return {
        "run": {name: _plain(value) for name, value in row.items()},
        "p50_s": round(float(response(first).quantile(P50)[0]), 3),
    }


def _plain(value: Any) -> Any:
    """As json has it: numbers as Python's, NaN as null."""
    plain = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(plain, float) and np.isnan(plain) else plain


def learn_ground(calls: Columns, stations: tuple[Station, ...]) -> GroundLookup:
    """The ground of a place from training calls."""
    return fit_ground(
        calls["easting_m"], calls["northing_m"], calls["recorded_ground_code"], stations_or_known(stations)
    )


def with_workload(rows: Columns, calls: Columns, ground: GroundLookup, complete: Ints) -> Columns:
    """Rows with `recent_ground_calls`, unknown where calls are missing. complete: as in `TrainingSet`."""
    if not len(complete):
        return {**rows, "recent_ground_calls": np.full(len(rows["mobilised_us"]), np.nan)}
    counted = recent_calls(
        ground(calls["easting_m"], calls["northing_m"], london_days(calls["call_us"])),
        calls["call_us"],
        ground(rows["easting_m"], rows["northing_m"], london_days(rows["call_us"])),
        rows["mobilised_us"],
        rows["call_us"],
    )
    known = is_countable(complete, rows["call_us"], rows["mobilised_us"])
    return {**rows, "recent_ground_calls": np.where(known, counted, np.nan)}


def learn_pumps(calls: Columns, ground: GroundLookup, seed: int) -> PumpsModel:
    """How many pumps attend, from the training calls whose number was published."""
    known = with_known_pumps(calls)
    return fit_pumps(Runs(known, ground), known["pumps_attending"], np.arange(len(known["call_us"])), seed)


def with_known_pumps(calls: Columns) -> Columns:
    """Calls whose number of pumps was published, as runs of a pump nobody has chosen yet."""
    known = np.isfinite(calls["pumps_attending"])
    return {
        **{name: values[known] for name, values in calls.items()},
        "mobilised_us": calls["call_us"][known],
    }


def learn_seed_recipe(rows: Columns, ground: GroundLookup, incident: Ints) -> SeedRecipe:
    """The original's recipe on the same rows, eleven seeds."""
    columns = seed_columns(Runs(rows, ground))
    limits = RowLimits(fit_rows_at_most=SEED_FIT_ROWS)
    return fit_seed_recipe(columns, rows["attendance_s"], groups=incident, limits=limits)


def seed_columns(runs: Runs) -> Columns:
    """The original's 19 features under the product's names, from the recorded ground as it had it."""
    rows = dict(runs.columns)
    home = rows.get("home_station_code")
    station = rows["station_code"]
    known = home is not None and any(code is not None for code in home)
    return {
        **rows,
        "home_station_code": home if known and home is not None else station,
        "ground_code": runs.text("recorded_ground_code"),
        "distance_km": distance_as_original_km(rows),
        "month": runs.month.astype(np.float64),
        "is_working_day": runs.is_working_day.astype(np.float64),
    }


def distance_as_original_km(rows: Columns) -> Floats:
    """Great-circle distance from station to place, km."""
    place = grid.to_degrees(rows["easting_m"], rows["northing_m"])
    station = grid.to_degrees(rows["station_easting_m"], rows["station_northing_m"])
    return grid.great_circle_km(*station, *place)


def _usable_rows(training: TrainingSet, plan: TrainingPlan) -> TrainingSet:
    keep = np.isfinite(training.rows["attendance_s"])
    if plan.is_without_fast:
        fast = np.unique(training.incident[training.rows["is_over_60_kmh"] == 1])
        keep &= ~np.isin(training.incident, fast)
    if keep.sum() < LEAST_TRAINING_ROWS:
        raise TooFewRows(f"{int(keep.sum())} training rows, {LEAST_TRAINING_ROWS} needed. Give more records.")
    return TrainingSet(
        {name: values[keep] for name, values in training.rows.items()},
        training.calls,
        training.incident[keep],
        training.stations,
        training.complete,
    )


def _warn_at(response: ResponseTimeModel, runs: Runs) -> float:
    """The chance of a late surprise that FLAGGED_SHARE of the training runs reach."""
    times = response(runs)
    chance = times.p_over(times.quantile(P50) + UNDERESTIMATE_S)
    return float(np.quantile(chance, 1 - FLAGGED_SHARE))


def _effort_json(n: int) -> dict[str, Any]:
    effort = effort_for(n)
    return {name: getattr(effort, name) for name in effort.__slots__}
