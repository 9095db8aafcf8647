"""Training of a model bundle, on training rows alone."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from londonpump.domain import national_grid
from londonpump.domain.attendance_targets import MIN_UNDERESTIMATE_S
from londonpump.domain.errors import TooFewRows
from londonpump.domain.stations import Station
from londonpump.features.catalogue import FEATURES, Feature, require_known_in_time, usable
from londonpump.features.dispatches import Dispatches, is_countable, recent_calls
from londonpump.features.ground_lookup import GroundLookup, fit_ground
from londonpump.features.observations import london_days
from londonpump.features.roads import ROAD_FIELDS, RoadLookUp
from londonpump.models.applicability_domain import fit_applicability_domain
from londonpump.models.area_points import fit_area_points
from londonpump.models.baselines import fit_constant, fit_distance
from londonpump.models.bundle import (
    Bundle,
    Card,
    RoadFacts,
    SelfTest,
    TrainingFacts,
    incident_hashes,
    stations_or_known,
)
from londonpump.models.distribution import P50
from londonpump.models.fitted_context import fit_context
from londonpump.models.pump_count import PumpsModel, fit_pumps
from londonpump.models.response_time_model import ResponseTimeModel
from londonpump.models.response_training import (
    LOCATION_FOLDS,
    MIN_WAYS,
    TrainingDispatches,
    fit_with_errors,
    fold_of,
    hyperparameters_for,
)
from londonpump.models.risk_stations import risk_stations
from londonpump.models.usual_error import fit_usual_errors

Columns = dict[str, NDArray[Any]]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Progress = Callable[[str, float], None]

MIN_TRAINING_ROWS = 300
FLAGGED_SHARE = 0.077
"""The share of dispatches with a warning, the same as the original's list of stations flags."""
MAX_THRESHOLD_ROWS = 60_000
"""Dispatches that set the threshold of the warning: the share that it flags is then known to 0.1 points."""


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """The data that a bundle is trained on."""

    rows: Columns
    """Columns of examples, n rows."""
    calls: Columns
    """Columns of calls, for station grounds and workload."""
    incident: Ints
    """(n,) incident codes."""
    stations: tuple[Station, ...]
    complete: Ints
    """(k, 2) spans of time in which no call is missing."""
    roads: RoadLookUp | None = None


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """Options of a training."""

    seed: int = 1
    is_without_fast: bool = False
    """Leave out dispatches over 60 km/h, which are selected by the target itself."""
    features: tuple[Feature, ...] = FEATURES
    """Features that the models may read."""


def fit_bundle(training: TrainingSet, plan: TrainingPlan, facts: TrainingFacts, progress: Progress) -> Bundle:
    """Train a bundle. Raises: TooFewRows, KnownTooLate."""
    # First of all: a feature known too late makes every later figure worthless.
    require_known_in_time(plan.features)
    training = usable_rows(training, plan)
    rows, attendance_s = training.rows, training.rows["attendance_s"]
    # The ground comes before the workload, which counts calls by looked-up ground as the service does.
    ground = fit_ground_lookup(training.calls, training.stations)
    rows = with_workload(rows, training.calls, ground, training.complete)
    dispatches, roads = _with_roads(Dispatches(rows, ground, training.roads), training.roads)
    # From here on, models read the completed context; the domain is fitted on the values as they were given.
    context, whole = fit_context(dispatches, fold_of(training.incident, LOCATION_FOLDS, plan.seed))
    features = usable(whole, plan.features)
    # A column that no chosen feature reads must not be labelled as imputed.
    read = frozenset(name for feature in features for name in feature.reads)
    context = context.of(read)
    training_dispatches = TrainingDispatches(
        whole, attendance_s, training.incident, rows["mobilised_us"], context
    )
    response, error_s = fit_with_errors(
        training_dispatches, features, plan.seed, lambda doing, share: progress(doing, 0.7 * share)
    )
    progress("Fitting the number of pumps", 0.7)
    pumps = fit_pumps_model(training.calls, ground, plan.seed)
    progress("Fitting the baselines", 0.85)
    distance_km = distance_as_original_km(rows)
    return Bundle(
        card=Card(
            seed=plan.seed,
            rows=len(attendance_s),
            features=tuple(feature.name for feature in features),
            location_effects=tuple(effect.smoothing.name for effect in response.location_effects),
            hyperparameters=asdict(hyperparameters_for(len(attendance_s))),
            context=context.card(),
            roads=None if roads is None else _road_facts(roads, dispatches),
            is_without_fast=plan.is_without_fast,
            self_test=_self_test(response, dispatches, read),
            data=facts,
        ),
        stations=training.stations,
        ground=ground,
        applicability_domain=fit_applicability_domain(dispatches, read),
        response=response,
        pumps=pumps,
        constant=fit_constant(attendance_s),
        distance=fit_distance(distance_km, attendance_s),
        risk_stations=risk_stations(rows["station_code"], attendance_s),
        risk_threshold=fit_risk_threshold(response, dispatches),
        seen=np.unique(incident_hashes(np.unique(rows["incident_number"].astype(str)))),
        area_points=fit_area_points(training.calls),
        usual_errors=fit_usual_errors(error_s, whole, rows["borough_name"]),
        roads=roads,
    )


def _with_roads(dispatches: Dispatches, roads: RoadLookUp | None) -> tuple[Dispatches, RoadLookUp | None]:
    """Return the dispatches and the table of roads, or both without it if it knows too few of their ways."""
    if roads is None or dispatches.has_way.sum() >= MIN_WAYS:
        return dispatches, roads
    return Dispatches(dispatches.columns, dispatches.lookup), None


def _road_facts(roads: RoadLookUp, dispatches: Dispatches) -> RoadFacts:
    share = round(float(dispatches.has_way.mean()), 4)
    return RoadFacts(roads.name, roads.source, roads.date, roads.licence, roads.attribution, share)


def _self_test(response: ResponseTimeModel, dispatches: Dispatches, read: frozenset[str]) -> SelfTest:
    """Return the first training dispatch, null where unknown, and its predicted median."""
    # The features read the timestamp as microseconds.
    columns = sorted((read - {"mobilised_at"}) | {"mobilised_us", "station_code", "property_type"})
    first = Dispatches(
        {name: dispatches.columns[name][:1] for name in columns if name in dispatches.columns},
        dispatches.lookup,
        dispatches.roads,
    )
    row = {name: _plain(values[0]) for name, values in first.columns.items()}
    way = None
    if response.roads is not None:
        way = {name: _plain(first.on_way(name)[0]) for name in ROAD_FIELDS}
    return SelfTest(row, round(float(response(first).quantile(P50)[0]), 3), way)


def _plain(value: Any) -> Any:
    """Return a JSON-serializable value, NaN as null."""
    plain = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(plain, float) and np.isnan(plain) else plain


def fit_ground_lookup(calls: Columns, stations: tuple[Station, ...]) -> GroundLookup:
    """Fit the look-up of station grounds from training calls."""
    return fit_ground(
        calls["easting_m"], calls["northing_m"], calls["recorded_ground_code"], stations_or_known(stations)
    )


def with_workload(rows: Columns, calls: Columns, ground: GroundLookup, complete: Ints) -> Columns:
    """Return rows with `recent_ground_calls`, unknown where calls are missing. complete: as in `TrainingSet`."""
    # a count over missing calls would be too low, so it is unknown rather than 0
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


def fit_pumps_model(calls: Columns, ground: GroundLookup, seed: int) -> PumpsModel:
    """Fit the number of pumps on the training calls whose number was published."""
    known = with_known_pumps(calls)
    return fit_pumps(
        Dispatches(known, ground), known["pumps_attending"], np.arange(len(known["call_us"])), seed
    )


def with_known_pumps(calls: Columns) -> Columns:
    """Return the calls whose number of pumps was published, as dispatches without a chosen pump."""
    known = np.isfinite(calls["pumps_attending"])
    return {
        **{name: values[known] for name, values in calls.items()},
        "mobilised_us": calls["call_us"][known],
    }


def distance_as_original_km(rows: Columns) -> Floats:
    """Return the great-circle distance from station to incident, km."""
    location = national_grid.to_degrees(rows["easting_m"], rows["northing_m"])
    station = national_grid.to_degrees(rows["station_easting_m"], rows["station_northing_m"])
    return national_grid.great_circle_km(*station, *location)


def usable_rows(training: TrainingSet, plan: TrainingPlan) -> TrainingSet:
    """Return the rows that a bundle is trained on, those with an attendance time. Raises: TooFewRows."""
    keep = np.isfinite(training.rows["attendance_s"])
    if plan.is_without_fast:
        # whole incidents go, so that no row of one is left to be compared with
        # The speed uses the actual time: it may choose training rows, never the rows of a test.
        fast = np.unique(training.incident[training.rows["is_over_60_kmh"] == 1])
        keep &= ~np.isin(training.incident, fast)
    if keep.sum() < MIN_TRAINING_ROWS:
        raise TooFewRows(f"{int(keep.sum())} training rows, {MIN_TRAINING_ROWS} needed. Give more records.")
    return TrainingSet(
        {name: values[keep] for name, values in training.rows.items()},
        training.calls,
        training.incident[keep],
        training.stations,
        training.complete,
        training.roads,
    )


def fit_risk_threshold(response: ResponseTimeModel, dispatches: Dispatches) -> float:
    """Return the probability of a late surprise that FLAGGED_SHARE of the training dispatches reach."""
    # predicting half a million dispatches once more would be a fifth of a training
    times = response(dispatches.take(slice(None, None, -(-dispatches.n // MAX_THRESHOLD_ROWS))))
    chance = times.p_over(times.quantile(P50) + MIN_UNDERESTIMATE_S)
    return float(np.quantile(chance, 1 - FLAGGED_SHARE))
