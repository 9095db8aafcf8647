"""Every model on the same rows, the whole and slice by slice, each metric with its interval."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from londonpump.domain.attendance_targets import FIRST_PUMP_TARGET_S
from londonpump.domain.errors import BadValue
from londonpump.evaluation.binned_metrics import DaysOfRows, median_error, ranking_and_calibration
from londonpump.evaluation.evaluation_rows import Bools, EvaluationRows, Floats, Forecast, Ints
from londonpump.evaluation.intervals import MIN_DAYS, DayDraws, draw_days, stats_of
from londonpump.evaluation.metrics import metrics_of, row_columns
from londonpump.evaluation.warning_flags import FLAGGED_SHARE

RESAMPLES = 1000
MIN_ROWS = 20
"""A slice with fewer rows gets its values but no interval: so few rows cannot tell how sure they are."""
WHOLE = "all"


@dataclass(frozen=True, eq=False)
class Scored:
    """One model's rows, sorted by day: what is added up, and what is ranked."""

    names: tuple[str, ...]
    columns: Floats
    abs_error: Floats
    p_late: Floats | None
    is_late: Bools


@dataclass(frozen=True, eq=False)
class Part:
    """The rows of one slice value. index: (m,) into rows sorted by day. day: (m,) index of each row's day."""

    index: Ints
    day: Ints


def evaluate_models(
    rows: EvaluationRows,
    forecasts: Mapping[str, Forecast],
    resamples: int = RESAMPLES,
    seed: int = 0,
    min_rows: int = MIN_ROWS,
) -> dict[str, Any]:
    """Judges every model on the same rows.

    Args: least_rows: a slice value with fewer rows has null ends of its intervals.
    Returns: `{rows, days, resamples, seed, models: {NAME: {SLICE: {VALUE: {n, METRIC: {value, low, high}}}}}}`
    for json: no NaN, null where a metric is not defined. The whole stands under `all/all`. The same days
    are drawn for every model and slice.
    Raises: TooFewRows if there is no row, BadValue if a forecast has another number of rows.
    """
    draws = draw_days(rows.day, resamples, seed)
    order = np.argsort(rows.day, kind="stable")
    parts = list(parts_of(rows, order, draws))
    models = {}
    for name, forecast in forecasts.items():
        scored = score(rows, forecast, order)
        models[name] = _evaluate_parts(scored, parts, draws, min_rows)
    return {
        "rows": len(rows),
        "days": len(draws.days),
        "resamples": resamples,
        "seed": seed,
        "models": models,
    }


def _evaluate_parts(
    scored: Scored, parts: list[tuple[str, str, Part]], draws: DayDraws, min_rows: int
) -> dict[str, dict[str, dict[str, Any]]]:
    evaluated: dict[str, dict[str, dict[str, Any]]] = {}
    for slice_name, value, part in parts:
        samples = samples_of(scored, part, draws, min_rows)
        evaluated.setdefault(slice_name, {})[value] = {"n": len(part.index), **stats_of(samples)}
    return evaluated


def score(rows: EvaluationRows, forecast: Forecast, order: Ints) -> Scored:
    """What the metrics need of each row, in the given order.

    Raises: BadValue if the forecast is about another number of rows.
    """
    if len(forecast) != len(rows):
        raise BadValue(
            "forecast", len(forecast), f"answers another number of runs than the {len(rows)} judged"
        )
    columns = row_columns(rows, forecast, FLAGGED_SHARE)
    p_late = (forecast.p_over or {}).get(FIRST_PUMP_TARGET_S)
    return Scored(
        names=tuple(columns),
        columns=np.stack(list(columns.values()), axis=1)[order],
        abs_error=columns["abs_error"][order],
        p_late=None if p_late is None else p_late[order],
        is_late=(rows.actual_s > FIRST_PUMP_TARGET_S)[order],
    )


def parts_of(rows: EvaluationRows, order: Ints, draws: DayDraws) -> Iterator[tuple[str, str, Part]]:
    """The whole, then each value of each slice, in the order of their names."""
    day = np.searchsorted(draws.days, rows.day[order])
    yield WHOLE, WHOLE, Part(np.arange(len(order)), day)
    for slice_name, values in rows.slices.items():
        names, code = np.unique(values[order], return_inverse=True)
        by_value = np.argsort(code, kind="stable")
        bounds = np.searchsorted(code[by_value], np.arange(len(names) + 1))
        for value, start, stop in zip(names, bounds[:-1], bounds[1:], strict=True):
            index = by_value[start:stop]
            yield slice_name, str(value), Part(index, day[index])


def samples_of(scored: Scored, part: Part, draws: DayDraws, min_rows: int) -> dict[str, Floats]:
    """Every metric of a part: (1 + resamples,), the data first; (1,) where too few rows or days stand behind it."""
    starts = np.flatnonzero(np.diff(part.day, prepend=-1))
    present = part.day[starts]
    counts = draws.counts[:, present] if len(present) < len(draws.days) else draws.counts
    if len(part.index) < min_rows or len(present) < MIN_DAYS:
        counts = counts[:1]
    by_day = np.add.reduceat(scored.columns[part.index], starts, axis=0)
    sums = counts @ by_day
    samples = metrics_of(dict(zip(scored.names, sums.T, strict=True)))
    days = DaysOfRows(np.searchsorted(present, part.day), counts.astype(np.float32))
    samples["median_ae_s"] = median_error(scored.abs_error[part.index], days)
    if scored.p_late is not None:
        late = ranking_and_calibration(scored.p_late[part.index], scored.is_late[part.index], days)
        samples["over_360_auc"], samples["over_360_ece"] = late
    return samples
