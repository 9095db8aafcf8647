"""From columns to predictions: fill what is missing, predict, say what was filled and what could not be.

Pure, for `pipelines` and `service` alike: files, databases and clocks are theirs.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from londonpump.domain.attendance_targets import MIN_UNDERESTIMATE_S
from londonpump.domain.context_records import WEATHER_NUMBERS
from londonpump.features.dispatches import Dispatches
from londonpump.models.applicability_domain import CONTEXT, TEXTS, ImputationFlags
from londonpump.models.area_points import central
from londonpump.models.bundle import Bundle
from londonpump.models.distribution import P50, MixtureTimes, Times
from londonpump.models.explanations import Contribution, explanations
from londonpump.models.pump_count import PumpChances

Columns = dict[str, NDArray[Any]]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
ALL_ROWS = slice(None)
MAX_AREA_DISPATCHES = 24
"""Runs to a named place that are answered in full: the rest arrives far too late to be the first."""
OVER_S = (360, 480, 600)
CALL_COLUMNS = ("mobilised_us", "easting_m", "northing_m", "station_ground_code")
SOURCE_COLUMN = {
    **{name: f"{name}_source" for name in WEATHER_NUMBERS},
    "congestion_rate": "congestion_source",
}


@dataclass(frozen=True, slots=True)
class Predictions:
    """n answers. p_over: (n, 3) of OVER_S. filled: per run the labels `column=source`. pumps: (n,) 1 to 5.
    pump_chances: (n, 5) of 1, 2, 3, 4, 5 or more."""

    times: Times
    median_s: Floats
    p_over: Floats
    p_underestimate: Floats
    pumps: Ints
    pump_chances: Floats
    is_flagged: NDArray[np.bool_]
    imputed: ImputationFlags
    dispatches: Dispatches
    table: Floats
    interval_scaling: Floats

    def explanations(self, bundle: Bundle, rows: Ints | slice = ALL_ROWS) -> list[list[Contribution]]:
        """Why, run by run. rows: of which runs; a run takes about a millisecond."""
        dispatches = self.dispatches if rows is ALL_ROWS else self.dispatches.take(rows)
        return explanations(
            bundle.response, dispatches, self.interval_scaling[rows], (self.table[rows], self.median_s[rows])
        )


@dataclass(frozen=True, slots=True)
class Prepared:
    """Runs with everything in place that the models look at. filled: columns as they were before context was
    completed. labels, widening: (n,)."""

    dispatches: Dispatches
    imputed: Columns
    imputation_flags: ImputationFlags
    interval_scaling: Floats


def predict_dispatches(bundle: Bundle, columns: Columns, known: Columns | None = None) -> Predictions:
    """Predict runs given as columns; what is missing is filled and labelled.

    known: the context of the runs' moments, as `ContextStore.columns`; what a call states goes before it.
    """
    prepared = _prepare(bundle, columns, known or {})
    table = bundle.response.table(prepared.dispatches)
    times = bundle.response.from_table(prepared.dispatches, table, prepared.interval_scaling)
    return _predictions(bundle, prepared, table, times)


def predict_area(
    bundle: Bundle,
    columns: Columns,
    points_m: Floats,
    known: Columns | None = None,
    max_dispatches: int = MAX_AREA_DISPATCHES,
) -> tuple[Ints, Predictions]:
    """Predict runs to a place that is only named.

    Args: columns: as of `answer`, without a place. points_m: (k, 2) of `AreaPoints`. most: how many runs are
    answered, those that are soonest at the central point.
    Returns: (m,) the rows answered, in their order, and their answers. Reasons, labels, context and the number of
    pumps are those of the central point; times and chances are of all points.
    """
    prepared = _prepare(bundle, _at_points(columns, points_m[[central(points_m)]]), known or {})
    table = bundle.response.table(prepared.dispatches)
    times = bundle.response.from_table(prepared.dispatches, table, prepared.interval_scaling)
    rows = np.sort(np.argsort(times.centre_s, kind="stable")[:max_dispatches])
    some = Prepared(
        dispatches=prepared.dispatches.take(rows),
        imputed={name: values[rows] for name, values in prepared.imputed.items()},
        imputation_flags=prepared.imputation_flags.take(rows),
        interval_scaling=prepared.interval_scaling[rows],
    )
    return rows, _predictions(bundle, some, table[rows], _area_times(bundle, some.imputed, points_m))


def _prepare(bundle: Bundle, columns: Columns, known: Columns) -> Prepared:
    context = bundle.response.context
    columns, from_context = with_known_context(columns, known, context.takes)
    dispatches = bundle.dispatches(columns)
    imputed, imputation_flags = bundle.applicability_domain.fill(columns, dispatches.hour)
    _label_ground(columns, imputation_flags)
    dispatches = dispatches.with_columns(imputed)
    fallbacks = context.imputation_flags(dispatches)
    dispatches = context.completed(dispatches)
    interval_scaling, outside = bundle.applicability_domain.interval_scaling(dispatches)
    return Prepared(
        dispatches, imputed, imputation_flags.followed_by(from_context, fallbacks, outside), interval_scaling
    )


def _predictions(bundle: Bundle, prepared: Prepared, table: Floats, times: Times) -> Predictions:
    median_s = times.quantile(P50)
    p_underestimate = times.p_over(median_s + MIN_UNDERESTIMATE_S)
    pumps = _pumps(bundle, prepared.dispatches)
    return Predictions(
        times=times,
        median_s=median_s,
        p_over=np.stack([times.p_over(threshold_s) for threshold_s in OVER_S], axis=1),
        p_underestimate=p_underestimate,
        pumps=pumps.chosen,
        pump_chances=pumps.probability,
        is_flagged=(p_underestimate >= bundle.risk_threshold) | (prepared.interval_scaling > 1.0),
        imputed=prepared.imputation_flags,
        dispatches=prepared.dispatches,
        table=table,
        interval_scaling=prepared.interval_scaling,
    )


def _area_times(bundle: Bundle, imputed: Columns, points_m: Floats) -> MixtureTimes:
    """Of n runs to k points, n x k runs of which those of a run stand side by side."""
    k = len(points_m)
    every = _at_points({name: np.repeat(values, k) for name, values in imputed.items()}, points_m)
    dispatches = bundle.dispatches(every)
    return MixtureTimes(bundle.response_times(dispatches), k)


def _at_points(columns: Columns, points_m: Floats) -> Columns:
    """Columns at points, over and over."""
    east_m, north_m = np.tile(points_m, (len(columns["mobilised_us"]) // len(points_m), 1)).T
    return {**columns, "easting_m": east_m, "northing_m": north_m}


def _pumps(bundle: Bundle, dispatches: Dispatches) -> PumpChances:
    """How many pumps such calls get; worked out once for runs of one call that follow each other."""
    columns = [dispatches.columns[name] for name in (*CALL_COLUMNS, *TEXTS) if name in dispatches.columns]
    begins = np.ones(dispatches.n, bool)
    begins[1:] = np.any([values[1:] != values[:-1] for values in columns], axis=0)
    call = np.cumsum(begins) - 1
    chances = bundle.pumps(dispatches.take(np.flatnonzero(begins)))
    return PumpChances(chances.probability[call], chances.chosen[call])


def with_known_context(
    columns: Columns, known: Columns, names: frozenset[str]
) -> tuple[Columns, ImputationFlags]:
    """Columns with what is known of the wanted ones where the call does not state them; per run the labels
    `column=source`."""
    n = len(columns["mobilised_us"])
    imputation_flags = ImputationFlags(n)
    merged = dict(columns)
    for name in sorted(names & known.keys()):
        stated = np.asarray(columns.get(name, np.full(n, np.nan)), np.float64)
        taken = np.isnan(stated) & np.isfinite(known[name])
        merged[name] = np.where(taken, known[name], stated)
        sources = known.get(SOURCE_COLUMN.get(name, ""))
        if sources is None:
            imputation_flags.add(f"{name}={CONTEXT}", taken)
            continue
        for source in dict.fromkeys(sources[taken]):
            imputation_flags.add(f"{name}={source}", taken & (sources == source))
    return merged, imputation_flags


def _label_ground(columns: Columns, imputation_flags: ImputationFlags) -> None:
    """The ground of a place that nobody stated is looked up: it comes from context."""
    stated_codes = columns.get("station_ground_code")
    is_found = (
        [True] * len(imputation_flags) if stated_codes is None else [code is None for code in stated_codes]
    )
    imputation_flags.add(f"station_ground_code={CONTEXT}", np.array(is_found, bool))
