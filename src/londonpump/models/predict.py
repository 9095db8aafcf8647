"""Predictions from columns: impute missing values, predict, and label what was imputed.

This module is pure: `lifecycle` and `service` read the files, databases and clocks.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from londonpump.domain.attendance_targets import MIN_UNDERESTIMATE_S
from londonpump.domain.columns import WEATHER_NUMBERS
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
"""Dispatches to an area that are predicted in full; the others arrive far too late to be the first."""
# The targets of the first and second pump, 6 and 8 minutes, and 10 minutes.
OVER_S = (360, 480, 600)
CALL_COLUMNS = ("mobilised_us", "easting_m", "northing_m", "station_ground_code")
SOURCE_COLUMN = {
    **{name: f"{name}_source" for name in WEATHER_NUMBERS},
    "congestion_rate": "congestion_source",
}


@dataclass(frozen=True, slots=True)
class Predictions:
    """The predictions of n dispatches."""

    times: Times
    median_s: Floats
    p_over: Floats
    """(n, 3) probability of exceeding each of OVER_S."""
    p_underestimate: Floats
    pumps: Ints
    """(n,) 1 to 5."""
    pump_chances: Floats
    """(n, 5) probability of 1, 2, 3, 4, 5 or more pumps."""
    is_flagged: NDArray[np.bool_]
    imputed: ImputationFlags
    """Labels `column=source` of imputed values."""
    dispatches: Dispatches
    table: Floats
    interval_scaling: Floats

    def explanations(self, bundle: Bundle, rows: Ints | slice = ALL_ROWS) -> list[list[Contribution]]:
        """Return the explanations of some dispatches; each takes about a millisecond."""
        dispatches = self.dispatches if rows is ALL_ROWS else self.dispatches.take(rows)
        return explanations(
            bundle.response, dispatches, self.interval_scaling[rows], (self.table[rows], self.median_s[rows])
        )


@dataclass(frozen=True, slots=True)
class Prepared:
    """Dispatches without missing values, ready for the models."""

    dispatches: Dispatches
    imputed: Columns
    """The columns before the context was completed."""
    imputation_flags: ImputationFlags
    interval_scaling: Floats


def predict_dispatches(bundle: Bundle, columns: Columns, known: Columns | None = None) -> Predictions:
    """Predict dispatches given as columns; missing values are imputed and labelled.

    Args: known: the context at the times of the dispatches; values given by the caller take precedence.
    """
    prepared = _prepare(bundle, columns, known or {})
    table = bundle.response.table_of_completed(prepared.dispatches)
    times = bundle.response.from_table(prepared.dispatches, table, prepared.interval_scaling)
    return _predictions(bundle, prepared, table, times)


def predict_area(
    bundle: Bundle,
    columns: Columns,
    points_m: Floats,
    known: Columns | None = None,
    max_dispatches: int = MAX_AREA_DISPATCHES,
) -> tuple[Ints, Predictions]:
    """Predict dispatches to an area.

    Args: columns: as in `predict_dispatches`, without a location. points_m: (k, 2) of `AreaPoints`. max_dispatches: the
    number of dispatches to predict, the fastest to the central point.
    Returns: the (m,) predicted rows in their order, and their predictions. Explanations, labels, context and number of
    pumps are those of the central point; times and probabilities are over all points.
    """
    prepared = _prepare(bundle, _at_points(columns, points_m[[central(points_m)]]), known or {})
    table = bundle.response.table_of_completed(prepared.dispatches)
    times = bundle.response.from_table(prepared.dispatches, table, prepared.interval_scaling)
    # all candidates are ranked at the central point, because k points for each would cost k times as much
    # In the caller's order again: the ranking only chooses.
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
    # The order matters: stated values first, then known context, then what is typical, and only then the fallbacks.
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
        # Outside the domain the chance itself is an extrapolation, so such a dispatch is always flagged.
        is_flagged=(p_underestimate >= bundle.risk_threshold) | (prepared.interval_scaling > 1.0),
        imputed=prepared.imputation_flags,
        dispatches=prepared.dispatches,
        table=table,
        interval_scaling=prepared.interval_scaling,
    )


def _area_times(bundle: Bundle, imputed: Columns, points_m: Floats) -> MixtureTimes:
    """Predict n dispatches to k points, as n x k dispatches with those of one adjacent."""
    k = len(points_m)
    every = _at_points({name: np.repeat(values, k) for name, values in imputed.items()}, points_m)
    dispatches = bundle.dispatches(every)
    return MixtureTimes(bundle.response_times(dispatches), k)


def _at_points(columns: Columns, points_m: Floats) -> Columns:
    """Return the columns with the points as locations, repeated in order."""
    east_m, north_m = np.tile(points_m, (len(columns["mobilised_us"]) // len(points_m), 1)).T
    return {**columns, "easting_m": east_m, "northing_m": north_m}


def _pumps(bundle: Bundle, dispatches: Dispatches) -> PumpChances:
    """Predict the number of pumps, once for adjacent dispatches of one call."""
    columns = [dispatches.columns[name] for name in (*CALL_COLUMNS, *TEXTS) if name in dispatches.columns]
    # The number of pumps belongs to the call: its candidates differ in the pump only and are adjacent.
    begins = np.ones(dispatches.n, bool)
    begins[1:] = np.any([values[1:] != values[:-1] for values in columns], axis=0)
    call = np.cumsum(begins) - 1
    chances = bundle.pumps(dispatches.take(np.flatnonzero(begins)))
    return PumpChances(chances.probability[call], chances.chosen[call])


def with_known_context(
    columns: Columns, known: Columns, names: frozenset[str]
) -> tuple[Columns, ImputationFlags]:
    """Return the columns with known context where the caller gives no value, and the labels `column=source`."""
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
    """Label the station grounds that are looked up because the caller does not give them."""
    stated_codes = columns.get("station_ground_code")
    is_found = (
        [True] * len(imputation_flags) if stated_codes is None else [code is None for code in stated_codes]
    )
    imputation_flags.add(f"station_ground_code={CONTEXT}", np.array(is_found, bool))
