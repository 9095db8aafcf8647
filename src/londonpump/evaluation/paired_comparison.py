"""Differences of the metrics of two models on the same rows and the same drawn days."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from londonpump.domain.errors import BadValue
from londonpump.evaluation.evaluate import MIN_ROWS, RESAMPLES, parts_of, samples_of, score
from londonpump.evaluation.evaluation_rows import EvaluationRows, Floats, Forecast
from londonpump.evaluation.intervals import Stat, draw_days, stats_of


def paired_difference(
    rows: EvaluationRows, a: Forecast, b: Forecast, metric: str, resamples: int = RESAMPLES, seed: int = 0
) -> Stat:
    """Return the metric of a minus that of b over all rows.

    Returns: `{value, low, high}`; below 0 favours a where less is better (`mae_s`).
    Raises: BadValue if one of the two does not have the metric.
    """
    whole = sliced_differences(rows.without_slices(), (a, b), (metric,), resamples, seed)["all"]["all"]
    found: Stat = whole[metric]
    return found


def sliced_differences(
    rows: EvaluationRows,
    pair: tuple[Forecast, Forecast],
    metrics: Sequence[str],
    resamples: int = RESAMPLES,
    seed: int = 0,
    min_rows: int = MIN_ROWS,
) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the metrics of the first minus those of the second: `{SLICE: {VALUE: {n, METRIC: {value, low, high}}}}`.

    The key `all/all` holds all rows. A slice value with fewer rows than `min_rows` has null ends.
    Raises: BadValue if one of the two does not have a metric.
    """
    # The same drawn days for both: what makes a day hard for both models cancels out.
    draws = draw_days(rows.day, resamples, seed)
    order = np.argsort(rows.day, kind="stable")
    first, second = (score(rows, forecast, order) for forecast in pair)
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for slice_name, value, part in parts_of(rows, order, draws):
        a = samples_of(first, part, draws, min_rows)
        b = samples_of(second, part, draws, min_rows)
        gaps = stats_of(_gaps(a, b, metrics))
        found.setdefault(slice_name, {})[value] = {"n": len(part.index), **gaps}
    return found


def _gaps(a: dict[str, Floats], b: dict[str, Floats], metrics: Iterable[str]) -> dict[str, Floats]:
    for metric in metrics:
        if metric not in a or metric not in b:
            both = ", ".join(sorted(set(a) & set(b)))
            raise BadValue("metric", metric, f"is not known of both models. Known of both: {both}")
    return {metric: a[metric] - b[metric] for metric in metrics}
