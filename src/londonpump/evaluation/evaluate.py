"""Every model on the same rows, the whole and slice by slice, each metric with its interval.

Differences of two models, and the metrics of the number of pumps, follow at the end.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.stats import rankdata

from londonpump.domain.attendance_targets import FIRST_PUMP_TARGET_S
from londonpump.domain.errors import BadValue
from londonpump.domain.json_values import INLINE
from londonpump.evaluation.evaluation_rows import Bools, EvaluationRows, Floats, Forecast, Ints
from londonpump.evaluation.intervals import MIN_DAYS, DayDraws, Stat, draw_days, ratio, stats_of
from londonpump.evaluation.metrics import FLAGGED_SHARE, MIN_CHANCE, metrics_of, row_columns

# The bins narrow towards the median, so that few of them suffice for it.
ERROR_BINS = 48
CALIBRATION_BINS = 10
# The calibration has ten bins; the AUC needs finer ones, which nest in them and are counted once for both.
BINS_WITHIN = 4
CHANCE_BINS = CALIBRATION_BINS * BINS_WITHIN


@dataclass(frozen=True, eq=False)
class DaysOfRows:
    """The day of each of (n,) rows: `of_row` indexes the columns of `counts`, (1 + resamples, days)."""

    of_row: Ints
    counts: Floats

    def draw(self, bin_of_row: Ints, n_bins: int, weight: Floats | None = None) -> Floats:
        """Return (1 + resamples, n_bins) rows, or their weights, per bin and resample."""
        n_days = self.counts.shape[1]
        cells = np.bincount(self.of_row * n_bins + bin_of_row, weight, minlength=n_days * n_bins)
        table = cells.reshape(n_days, n_bins).astype(np.float32)
        return np.asarray(self.counts.astype(np.float32, copy=False) @ table, np.float64)


def median_error(abs_error: Floats, days: DaysOfRows) -> Floats:
    """Return (1 + resamples,) median absolute errors, interpolated in bins that narrow towards the median."""
    # counts in bins, because sorting every resample would be far too slow
    order = np.argsort(abs_error, kind="stable")
    bin_of_rank = _bin_of_rank(len(abs_error))
    bin_of_row = np.empty(len(order), np.int64)
    bin_of_row[order] = bin_of_rank
    first_rank = np.searchsorted(bin_of_rank, np.arange(ERROR_BINS + 1))
    edges = abs_error[order][np.minimum(first_rank, len(order) - 1)]
    counts = days.draw(bin_of_row, ERROR_BINS)
    reached = np.cumsum(counts, axis=1)
    half = reached[:, -1:] / 2
    middle = np.argmax(reached >= half, axis=1)
    row = np.arange(len(counts))
    inside = np.maximum(counts[row, middle], 1e-12)
    share = np.clip(1 - (reached[row, middle] - half[:, 0]) / inside, 0, 1)
    medians = edges[middle] + share * (edges[middle + 1] - edges[middle])
    # A resample may contain no row of a small slice.
    medians[half[:, 0] == 0] = np.nan
    return _moved_to(float(np.median(abs_error)), medians)


def _bin_of_rank(n: int) -> Ints:
    """Return the (n,) bin of each rank; the nearer to the median, the fewer ranks share one."""
    from_middle = 2 * (np.arange(n) + 0.5) / n - 1
    warped = (1 + np.sign(from_middle) * np.sqrt(np.abs(from_middle))) / 2
    return np.asarray(np.minimum(warped * ERROR_BINS, ERROR_BINS - 1), np.int64)


def ranking_and_calibration(chance: Floats, happened: Bools, days: DaysOfRows) -> tuple[Floats, Floats]:
    """Return AUC and expected calibration error, both (1 + resamples,).

    The error is the mean gap between probability and share in ten bins of equal count (equal probabilities stay
    together), weighted by rows. Resampling adds noise to every gap, so the draws are centred on the value.
    AUC is NaN where only one of the two outcomes occurs.
    """
    edges = np.quantile(chance, np.arange(1, CHANCE_BINS) / CHANCE_BINS)
    bin_of_row = np.searchsorted(edges, chance, side="left")
    rows = days.draw(bin_of_row, CHANCE_BINS)
    late = days.draw(bin_of_row, CHANCE_BINS, happened.astype(np.float64))
    chances = days.draw(bin_of_row, CHANCE_BINS, chance)
    # The value is exact and the resamples are binned: they are shifted by the error that binning makes on the data.
    auc = np.clip(_moved_to(auc_of(chance, happened), _binned_auc(late, rows - late)), 0, 1)
    return auc, _calibration_error(rows, late, chances)


def auc_of(chance: Floats, happened: Bools) -> float:
    """Return the probability that a positive row ranks above a negative one; NaN with one outcome only."""
    n_late = int(happened.sum())
    n_other = len(happened) - n_late
    if not n_late or not n_other:
        return float("nan")
    ranks = rankdata(chance)[happened].sum()
    return float((ranks - n_late * (n_late + 1) / 2) / (n_late * n_other))


def _binned_auc(late: Floats, other: Floats) -> Floats:
    others_below = np.cumsum(other, axis=1) - other
    pairs = late.sum(axis=1) * other.sum(axis=1)
    won = (late * (others_below + other / 2)).sum(axis=1)
    return ratio(won, pairs)


def _calibration_error(rows: Floats, late: Floats, chances: Floats) -> Floats:
    def coarse(fine: Floats) -> Floats:
        return np.asarray(fine.reshape(len(fine), CALIBRATION_BINS, BINS_WITHIN).sum(axis=2))

    gap = np.abs(coarse(chances) - coarse(late)).sum(axis=1)
    error = ratio(gap, rows.sum(axis=1))
    # resampling adds its own noise to an absolute gap: without the shift the interval would lie above the value
    if len(error) > 1 and np.isfinite(error[1:]).any():
        error[1:] = np.clip(error[1:] + error[0] - np.nanmean(error[1:]), 0, 1)
    return error


def _moved_to(exact: float, binned: Floats) -> Floats:
    """Return the values of all resamples, shifted so that the first one, the data itself, has its exact value."""
    return np.asarray(binned + (exact - binned[0]))


RESAMPLES = 1000
MIN_ROWS = 20
"""A slice with fewer rows gets values but no interval, which so few rows cannot support."""
WHOLE = "all"


@dataclass(frozen=True, eq=False)
class Scored:
    """The rows of one model, sorted by day: columns that are summed, and values that are ranked."""

    names: tuple[str, ...]
    columns: Floats
    abs_error: Floats
    p_late: Floats | None
    is_late: Bools


@dataclass(frozen=True, eq=False)
class Part:
    """The rows of one slice value."""

    index: Ints
    """(m,) into rows sorted by day."""
    day: Ints
    """(m,) index of each row's day."""


@dataclass(frozen=True, slots=True)
class SliceMetrics:
    """The metrics that are known of the rows of one slice value, by name."""

    n: int
    metrics: Mapping[str, Stat] = field(metadata=INLINE)


Slices = Mapping[str, Mapping[str, SliceMetrics]]
"""Metrics by slice and value; `all/all` holds all rows."""


@dataclass(frozen=True, slots=True)
class ModelsEvaluation:
    """The metrics of every model on the same rows. The same days are drawn for every model and slice."""

    rows: int
    days: int
    resamples: int
    seed: int
    models: Mapping[str, Slices]

    def whole(self, model: str) -> Mapping[str, Stat]:
        """Return the metrics of a model over all rows."""
        return self.models[model][WHOLE][WHOLE].metrics


def evaluate_models(
    rows: EvaluationRows,
    forecasts: Mapping[str, Forecast],
    resamples: int = RESAMPLES,
    seed: int = 0,
    min_rows: int = MIN_ROWS,
) -> ModelsEvaluation:
    """Evaluate every model on the same rows.

    Args: min_rows: a slice value with fewer rows has no ends of its intervals.
    Raises: TooFewRows if there is no row, BadValue if a forecast has another number of rows.
    """
    # One set of draws for all models and slices, so that their intervals can be compared.
    draws = draw_days(rows.day, resamples, seed)
    order = np.argsort(rows.day, kind="stable")
    parts = list(parts_of(rows, order, draws))
    models = {}
    for name, forecast in forecasts.items():
        scored = score(rows, forecast, order)
        models[name] = _evaluate_parts(scored, parts, draws, min_rows)
    return ModelsEvaluation(len(rows), len(draws.days), resamples, seed, models)


def _evaluate_parts(
    scored: Scored, parts: list[tuple[str, str, Part]], draws: DayDraws, min_rows: int
) -> Slices:
    evaluated: dict[str, dict[str, SliceMetrics]] = {}
    for slice_name, value, part in parts:
        samples = samples_of(scored, part, draws, min_rows)
        evaluated.setdefault(slice_name, {})[value] = SliceMetrics(len(part.index), stats_of(samples))
    return evaluated


def score(rows: EvaluationRows, forecast: Forecast, order: Ints) -> Scored:
    """Return the values of each row that the metrics need, in the given order.

    Raises: BadValue if the forecast has another number of rows.
    """
    if len(forecast) != len(rows):
        raise BadValue(
            "forecast", len(forecast), f"has another number of dispatches than the {len(rows)} evaluated"
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
    """Yield all rows, then each value of each slice, in the order of their names."""
    day = np.searchsorted(draws.days, rows.day[order])
    yield WHOLE, WHOLE, Part(np.arange(len(order)), day)
    for slice_name, values in rows.slices.items():
        names, code = np.unique(values[order], return_inverse=True)
        # A stable sort keeps the rows of each value in the order of days, on which the sums by day rely.
        by_value = np.argsort(code, kind="stable")
        bounds = np.searchsorted(code[by_value], np.arange(len(names) + 1))
        for value, start, stop in zip(names, bounds[:-1], bounds[1:], strict=True):
            index = by_value[start:stop]
            yield slice_name, str(value), Part(index, day[index])


def samples_of(scored: Scored, part: Part, draws: DayDraws, min_rows: int) -> dict[str, Floats]:
    """Return every metric of a part: (1 + resamples,), the data first; (1,) with too few rows or days."""
    starts = np.flatnonzero(np.diff(part.day, prepend=-1))
    present = part.day[starts]
    counts = draws.counts[:, present] if len(present) < len(draws.days) else draws.counts
    # with few rows or days only the data themselves are kept, and the intervals stay empty
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


N_CLASSES = 5


@dataclass(frozen=True, eq=False)
class EvaluationPumps:
    """Incidents with a known number of pumps: actual and chosen (n,) 1 to 5, probability (n, 5), day (n,)."""

    actual: Ints
    probability: Floats
    chosen: Ints
    day: Ints

    def __post_init__(self) -> None:
        n = len(self.actual)
        if self.probability.shape != (n, N_CLASSES):
            raise BadValue("probability", self.probability.shape, f"needs ({n}, {N_CLASSES})")
        # Products of chances add up to 1 only nearly.
        if n and not np.allclose(self.probability.sum(axis=1), 1, atol=1e-6):
            raise BadValue(
                "probability", float(self.probability.sum(axis=1).min()), "a row does not add up to 1"
            )
        for name, values in (("actual", self.actual), ("chosen", self.chosen)):
            if len(values) != n or (n and (values.min() < 1 or values.max() > N_CLASSES)):
                raise BadValue(
                    name, np.unique(values).tolist(), f"needs {n} whole numbers from 1 to {N_CLASSES}"
                )


@dataclass(frozen=True, slots=True)
class PumpMetrics:
    """Metrics of the number of pumps on n incidents."""

    n: int
    accuracy: Stat
    macro_f1: Stat
    """The plain mean over the numbers that occur or are chosen."""
    log_loss: Stat
    confusion: list[list[int]]
    """5 x 5 counts, with one row per actual number and one column per chosen one."""


def evaluate_pumps(
    actual: Ints, probability: Floats, chosen: Ints, day: Ints, resamples: int = RESAMPLES, seed: int = 0
) -> PumpMetrics:
    """Return metrics of the number of pumps, with intervals from resampled days.

    Args: actual, chosen: (n,) 1 to 5 (5 or more). probability: (n, 5). day: (n,) days since 1970.
    Raises: TooFewRows without rows, BadValue for a number or chance that cannot be.
    """
    evaluated = EvaluationPumps(actual, probability, chosen, day)
    draws = draw_days(day, resamples, seed)
    day_index = np.searchsorted(draws.days, day)
    # Sums by day first: macro F1 is no mean of rows, and every resample needs a confusion matrix of its own.
    confusion, log_loss = _per_day(evaluated, day_index, len(draws.days))
    cells = draws.counts @ confusion
    counts = cells.sum(axis=1)
    matrices = cells.reshape(-1, N_CLASSES, N_CLASSES)
    stats = stats_of(
        {
            "accuracy": ratio(np.trace(matrices, axis1=1, axis2=2), counts),
            "macro_f1": _macro_f1(matrices),
            "log_loss": ratio(draws.counts @ log_loss, counts),
        }
    )
    return PumpMetrics(len(actual), **stats, confusion=matrices[0].astype(int).tolist())


def _per_day(evaluated: EvaluationPumps, day_index: Ints, n_days: int) -> tuple[Floats, Floats]:
    """Return confusion counts (days, 25) and summed log loss (days,)."""
    cell = (evaluated.actual - 1) * N_CLASSES + evaluated.chosen - 1
    n_cells = N_CLASSES**2
    confusion = np.bincount(day_index * n_cells + cell, minlength=n_days * n_cells).reshape(n_days, n_cells)
    chance = evaluated.probability[np.arange(len(cell)), evaluated.actual - 1]
    loss = -np.log(np.clip(chance, MIN_CHANCE, 1.0))
    summed = np.bincount(day_index, loss, minlength=n_days).astype(np.float64)
    return confusion.astype(np.float64), summed


def _macro_f1(matrices: Floats) -> Floats:
    hits = np.diagonal(matrices, axis1=1, axis2=2)
    involved = matrices.sum(axis=1) + matrices.sum(axis=2)
    # a number that neither occurs nor is chosen has no F1 and does not count in the mean
    f1 = ratio(2 * hits, involved)
    occurs = involved > 0
    return ratio(np.where(occurs, f1, 0).sum(axis=1), occurs.sum(axis=1).astype(np.float64))


def paired_difference(
    rows: EvaluationRows, a: Forecast, b: Forecast, metric: str, resamples: int = RESAMPLES, seed: int = 0
) -> Stat:
    """Return the metric of a minus that of b over all rows.

    Returns: the difference; below 0 favours a where less is better (`mae_s`).
    Raises: BadValue if one of the two does not have the metric.
    """
    found = sliced_differences(rows.without_slices(), (a, b), (metric,), resamples, seed)
    return found[WHOLE][WHOLE].metrics[metric]


def sliced_differences(
    rows: EvaluationRows,
    pair: tuple[Forecast, Forecast],
    metrics: Sequence[str],
    resamples: int = RESAMPLES,
    seed: int = 0,
    min_rows: int = MIN_ROWS,
) -> Slices:
    """Return the metrics of the first minus those of the second.

    A slice value with fewer rows than `min_rows` has no ends.
    Raises: BadValue if one of the two does not have a metric.
    """
    # The same drawn days for both: what makes a day hard for both models cancels out.
    draws = draw_days(rows.day, resamples, seed)
    order = np.argsort(rows.day, kind="stable")
    first, second = (score(rows, forecast, order) for forecast in pair)
    found: dict[str, dict[str, SliceMetrics]] = {}
    for slice_name, value, part in parts_of(rows, order, draws):
        a = samples_of(first, part, draws, min_rows)
        b = samples_of(second, part, draws, min_rows)
        gaps = stats_of(_gaps(a, b, metrics))
        found.setdefault(slice_name, {})[value] = SliceMetrics(len(part.index), gaps)
    return found


def _gaps(a: dict[str, Floats], b: dict[str, Floats], metrics: Iterable[str]) -> dict[str, Floats]:
    for metric in metrics:
        if metric not in a or metric not in b:
            both = ", ".join(sorted(set(a) & set(b)))
            raise BadValue("metric", metric, f"is not known of both models. Known of both: {both}")
    return {metric: a[metric] - b[metric] for metric in metrics}
