"""From columns to predictions: fill what is missing, predict, say what was filled and what could not be.

Pure, for `pipelines` and `service` alike: files, databases and clocks are theirs.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from londonpump.brigade.targets import UNDERESTIMATE_S
from londonpump.features.runs import Runs
from londonpump.models.bundle import Bundle
from londonpump.models.distribution import P50
from londonpump.models.domain import CONTEXT, TEXTS
from londonpump.models.labels import Labels
from londonpump.models.mixture import MixtureTimes, Times
from londonpump.models.places_named import central
from londonpump.models.pumps_needed import PumpChances
from londonpump.models.reasons import Reason, reasons
from londonpump.tables.context import WEATHER_NUMBERS

Columns = dict[str, NDArray[Any]]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
EVERY = slice(None)
SOONEST = 24
"""Runs to a named place that are answered in full: the rest arrives far too late to be the first."""
OVER_S = (360, 480, 600)
OF_CALL = ("mobilised_us", "easting_m", "northing_m", "station_ground_code")
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
    is_risky: NDArray[np.bool_]
    filled: Labels
    runs: Runs
    table: Floats
    widening: Floats

    def reasons(self, bundle: Bundle, rows: Ints | slice = EVERY) -> list[list[Reason]]:
        """Why, run by run. rows: of which runs; a run takes about a millisecond."""
        runs = self.runs if rows is EVERY else self.runs.take(rows)
        return reasons(bundle.response, runs, self.widening[rows], (self.table[rows], self.median_s[rows]))


@dataclass(frozen=True, slots=True)
class Prepared:
    """Runs with everything in place that the models look at. filled: columns as they were before context was
    completed. labels, widening: (n,)."""

    runs: Runs
    filled: Columns
    labels: Labels
    widening: Floats


def answer(bundle: Bundle, columns: Columns, known: Columns | None = None) -> Predictions:
    """Predict runs given as columns; what is missing is filled and labelled.

    known: the context of the runs' moments, as `ContextStore.columns`; what a call states goes before it.
    """
    prepared = _prepared(bundle, columns, known or {})
    table = bundle.response.table(prepared.runs)
    times = bundle.response.from_table(prepared.runs, table, prepared.widening)
    return _told(bundle, prepared, table, times)


def answer_named(
    bundle: Bundle, columns: Columns, points_m: Floats, known: Columns | None = None, most: int = SOONEST
) -> tuple[Ints, Predictions]:
    """Predict runs to a place that is only named.

    Args: columns: as of `answer`, without a place. points_m: (k, 2) of `PlacesNamed`. most: how many runs are
    answered, those that are soonest at the central point.
    Returns: (m,) the rows answered, in their order, and their answers. Reasons, labels, context and the number of
    pumps are those of the central point; times and chances are of all points.
    """
    prepared = _prepared(bundle, _at(columns, points_m[[central(points_m)]]), known or {})
    table = bundle.response.table(prepared.runs)
    times = bundle.response.from_table(prepared.runs, table, prepared.widening)
    rows = np.sort(np.argsort(times.centre_s, kind="stable")[:most])
    some = Prepared(
        runs=prepared.runs.take(rows),
        filled={name: values[rows] for name, values in prepared.filled.items()},
        labels=prepared.labels.take(rows),
        widening=prepared.widening[rows],
    )
    return rows, _told(bundle, some, table[rows], _mixture(bundle, some.filled, points_m))


def _prepared(bundle: Bundle, columns: Columns, known: Columns) -> Prepared:
    context = bundle.response.context
    columns, from_context = with_known(columns, known, context.takes)
    runs = bundle.runs(columns)
    filled, labels = bundle.domain.fill(columns, runs.hour)
    _label_ground(columns, labels)
    runs = runs.with_columns(filled)
    standing_in = context.labels(runs)
    runs = context.completed(runs)
    widening, outside = bundle.domain.widening(runs)
    return Prepared(runs, filled, labels.followed_by(from_context, standing_in, outside), widening)


def _told(bundle: Bundle, prepared: Prepared, table: Floats, times: Times) -> Predictions:
    median_s = times.quantile(P50)
    p_underestimate = times.p_over(median_s + UNDERESTIMATE_S)
    pumps = _pumps(bundle, prepared.runs)
    return Predictions(
        times=times,
        median_s=median_s,
        p_over=np.stack([times.p_over(threshold_s) for threshold_s in OVER_S], axis=1),
        p_underestimate=p_underestimate,
        pumps=pumps.chosen,
        pump_chances=pumps.probability,
        is_risky=(p_underestimate >= bundle.warn_at) | (prepared.widening > 1.0),
        filled=prepared.labels,
        runs=prepared.runs,
        table=table,
        widening=prepared.widening,
    )


def _mixture(bundle: Bundle, filled: Columns, points_m: Floats) -> MixtureTimes:
    """Of n runs to k points, n x k runs of which those of a run stand side by side."""
    k = len(points_m)
    every = _at({name: np.repeat(values, k) for name, values in filled.items()}, points_m)
    runs = bundle.runs(every)
    return MixtureTimes(bundle.response_times(runs), k)


def _at(columns: Columns, points_m: Floats) -> Columns:
    """Columns at points, over and over."""
    east_m, north_m = np.tile(points_m, (len(columns["mobilised_us"]) // len(points_m), 1)).T
    return {**columns, "easting_m": east_m, "northing_m": north_m}


def _pumps(bundle: Bundle, runs: Runs) -> PumpChances:
    """How many pumps such calls get; worked out once for runs of one call that follow each other."""
    columns = [runs.columns[name] for name in (*OF_CALL, *TEXTS) if name in runs.columns]
    begins = np.ones(runs.n, bool)
    begins[1:] = np.any([values[1:] != values[:-1] for values in columns], axis=0)
    call = np.cumsum(begins) - 1
    chances = bundle.pumps(runs.take(np.flatnonzero(begins)))
    return PumpChances(chances.probability[call], chances.chosen[call])


def with_known(columns: Columns, known: Columns, wanted: frozenset[str]) -> tuple[Columns, Labels]:
    """Columns with what is known of the wanted ones where the call does not state them; per run the labels
    `column=source`."""
    n = len(columns["mobilised_us"])
    labels = Labels(n)
    told = dict(columns)
    for name in sorted(wanted & known.keys()):
        stated = np.asarray(columns.get(name, np.full(n, np.nan)), np.float64)
        taken = np.isnan(stated) & np.isfinite(known[name])
        told[name] = np.where(taken, known[name], stated)
        sources = known.get(SOURCE_COLUMN.get(name, ""))
        if sources is None:
            labels.add(f"{name}={CONTEXT}", taken)
            continue
        for source in dict.fromkeys(sources[taken]):
            labels.add(f"{name}={source}", taken & (sources == source))
    return told, labels


def _label_ground(columns: Columns, labels: Labels) -> None:
    """The ground of a place that nobody stated is looked up: it comes from context."""
    given = columns.get("station_ground_code")
    is_found = [True] * len(labels) if given is None else [code is None for code in given]
    labels.add(f"station_ground_code={CONTEXT}", np.array(is_found, bool))
