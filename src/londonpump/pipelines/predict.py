"""From calls to predictions: fill what is missing, predict, say what was filled and what could not be."""

import csv
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from londonpump.brigade.errors import BadFile
from londonpump.brigade.stations import by_code
from londonpump.brigade.targets import UNDERESTIMATE_S
from londonpump.features.runs import Runs
from londonpump.models.bundle import Bundle, from_files
from londonpump.models.distribution import P10, P50, P90, ResponseTimes
from londonpump.models.domain import CONTEXT, TEXTS
from londonpump.models.reasons import Reason, reasons
from londonpump.pipelines.calls import Calls, read_calls
from londonpump.pipelines.context_words import parts_unknown
from londonpump.pipelines.known_context import ContextStore, with_known
from londonpump.storage.bundles import load_bundle
from londonpump.storage.files import refuse_foreign_file, whole_file

Columns = dict[str, NDArray[Any]]
Floats = NDArray[np.float64]
OVER_S = (360, 480, 600)
OF_CALL = ("mobilised_us", "easting_m", "northing_m", "station_ground_code")
HEADER = (
    "id",
    "mean_s",
    "p10_s",
    "p50_s",
    "p90_s",
    *(f"p_over_{threshold_s}" for threshold_s in OVER_S),
    "pumps_needed",
    "risk_underestimated",
    "filled",
    "error",
)


@dataclass(frozen=True, slots=True)
class Predictions:
    """n answers. p_over: (n, 3) of OVER_S. filled: per run the labels `column=source`. pumps: (n,) 1 to 5."""

    times: ResponseTimes
    median_s: Floats
    p_over: Floats
    p_underestimate: Floats
    pumps: NDArray[np.int64]
    is_risky: NDArray[np.bool_]
    filled: list[list[str]]
    runs: Runs
    table: Floats
    widening: Floats

    def reasons(self, bundle: Bundle) -> list[list[Reason]]:
        """Why, run by run."""
        return reasons(bundle.response, self.runs, self.widening, (self.table, self.median_s))


def open_bundle(path: Path) -> Bundle:
    """A bundle from its folder, whole and as stored."""
    return from_files(load_bundle(path)[1], str(path))


def answer(bundle: Bundle, columns: Columns, known: Columns | None = None) -> Predictions:
    """Predict runs given as columns; what is missing is filled and labelled.

    known: the context of the runs' moments, as `ContextStore.columns`; what a call states goes before it.
    """
    context = bundle.response.context
    columns, from_context = with_known(columns, known or {}, context.takes)
    runs = bundle.runs(columns)
    filled, labels = bundle.domain.fill(columns, runs.hour)
    runs = bundle.runs(filled)
    _label_ground(columns, labels)
    standing_in = context.labels(runs)
    runs = context.completed(runs)
    widening, outside = bundle.domain.widening(runs)
    table = bundle.response.table(runs)
    times = bundle.response.from_table(runs, table, widening)
    median_s = times.quantile(P50)
    p_underestimate = times.p_over(median_s + UNDERESTIMATE_S)
    return Predictions(
        times=times,
        median_s=median_s,
        p_over=np.stack([times.p_over(threshold_s) for threshold_s in OVER_S], axis=1),
        p_underestimate=p_underestimate,
        pumps=_pumps(bundle, runs),
        is_risky=(p_underestimate >= bundle.warn_at) | (widening > 1.0),
        filled=[list(chain(*row)) for row in zip(labels, from_context, standing_in, outside, strict=True)],
        runs=runs,
        table=table,
        widening=widening,
    )


def _pumps(bundle: Bundle, runs: Runs) -> NDArray[np.int64]:
    """(n,) how many pumps such calls get; worked out once a call, however many pumps are asked about."""
    first: dict[tuple[Any, ...], int] = {}
    columns = [runs.columns[name] for name in (*OF_CALL, *TEXTS) if name in runs.columns]
    call = np.array([first.setdefault(key, len(first)) for key in zip(*columns, strict=True)])
    _, rows = np.unique(call, return_index=True)
    one = bundle.runs({name: values[rows] for name, values in runs.columns.items()})
    return np.asarray(bundle.pumps(one).chosen[call])


def known_at(bundle: Bundle, columns: Columns, store: ContextStore | None) -> Columns:
    """What the store knows of the moments of calls; it is not asked for what the bundle does not read."""
    if store is None or not bundle.response.context.takes:
        return {}
    return store.columns(columns["mobilised_us"])


def predict_file(bundle: Bundle, source: Path, out: Path, store: ContextStore | None = None) -> Calls:
    """Answer CALLS.csv into PREDICTIONS.csv, whole.

    Returns: the calls, with the errors of each row and what was not known of those answered.
    """
    if out.exists() and source.exists() and out.samefile(source):
        raise BadFile(out, "holds the calls themselves", "Name another file for the predictions.")
    refuse_foreign_file(out, ",".join(HEADER))
    calls = read_calls(source, by_code(bundle.stations))
    rows = [
        [run_id, *[""] * (len(HEADER) - 2), error]
        for run_id, error in zip(calls.ids, calls.errors, strict=True)
    ]
    if len(calls.answered):
        predictions = answer(bundle, calls.columns, known_at(bundle, calls.columns, store))
        calls.unknown = dict(parts_unknown(bundle.response.context, predictions.filled))
        for i, texts in enumerate(_texts(predictions, calls.notes)):
            row = int(calls.answered[i])
            rows[row] = [calls.ids[row], *texts, ""]
    with whole_file(out) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows(rows)
    return calls


def _texts(predictions: Predictions, notes: list[list[str]]) -> list[list[str]]:
    times = predictions.times
    seconds = np.stack([times.mean_s, times.quantile(P10), predictions.median_s, times.quantile(P90)], axis=1)
    return [
        [
            *(f"{s:.1f}" for s in seconds[i]),
            *(f"{p:.4f}" for p in predictions.p_over[i]),
            str(predictions.pumps[i]),
            "true" if predictions.is_risky[i] else "false",
            ";".join([*notes[i], *predictions.filled[i]]),
        ]
        for i in range(len(seconds))
    ]


def _label_ground(columns: Columns, labels: list[list[str]]) -> None:
    """The ground of a place that nobody stated is looked up: it comes from context."""
    given = columns.get("station_ground_code")
    for i, label in enumerate(labels):
        if given is None or given[i] is None:
            label.append(f"station_ground_code={CONTEXT}")
