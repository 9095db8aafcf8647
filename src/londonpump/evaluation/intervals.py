"""95 % intervals by resampling whole days.

Calls of one day share weather, traffic and workload, so days are drawn, not rows. A metric is computed
from sums over days: one matrix product of (resamples, days) counts with daily sums gives all resamples
at once, of which the first is the data.
"""

from dataclasses import dataclass

import numpy as np

from londonpump.domain.errors import BadValue, TooFewRows
from londonpump.evaluation.evaluation_rows import Floats, Ints

# Two-sided: 2.5 % of the resamples lie beyond each end.
CONFIDENCE = 0.95
# A single day drawn again and again would give an interval without width.
MIN_DAYS = 2
MIN_DEFINED_SHARE = 0.5
"""An interval is given if at least this share of the resamples has the metric at all."""


@dataclass(frozen=True, eq=False)
class DayDraws:
    """The number of times that each day is drawn in each resample."""

    days: Ints
    """(d,) days, increasing."""
    counts: Floats
    """(1 + resamples, d); the first row is all ones, for the data."""


def draw_days(day: Ints, resamples: int, seed: int) -> DayDraws:
    """Draw as many days as there are, with replacement, `resamples` times.

    Raises: TooFewRows if there is no day, BadValue for fewer than one resample.
    """
    days = np.unique(day)
    if not len(days):
        raise TooFewRows("no rows to evaluate. Check the dates and files given.")
    if resamples < 1:
        raise BadValue("resamples", resamples, "needs one or more")
    # the number of times that each day is drawn is multinomial, so no list of drawn days is needed
    drawn = np.random.default_rng(seed).multinomial(len(days), np.full(len(days), 1 / len(days)), resamples)
    return DayDraws(days, np.vstack([np.ones((1, len(days))), drawn]).astype(np.float64))


@dataclass(frozen=True, slots=True)
class Stat:
    """A figure and the ends of its interval; None where not defined."""

    value: float | None
    low: float | None = None
    high: float | None = None


def stat(samples: Floats) -> Stat:
    """Return value and percentile interval of (1 + resamples,) values, of which the first is that of the data."""
    return stats_of({"only": samples})["only"]


def stats_of(samples: dict[str, Floats]) -> dict[str, Stat]:
    """Return value and percentile interval of (1 + resamples,) values by name; null where not defined."""
    if not samples:
        return {}
    table = np.stack(list(samples.values()))
    lows, highs = percentiles(table[:, 1:])
    return {
        name: Stat(_number(values[0]), _number(low), _number(high))
        for name, values, low, high in zip(samples, table, lows, highs, strict=True)
    }


def percentiles(table: Floats) -> tuple[Floats, Floats]:
    """Return the ends of the interval of each row; NaN where too few resamples have the metric."""
    # Rows without gaps are taken together, because quantiles of one row at a time are slow.
    ends = np.full((2, len(table)), np.nan)
    if table.shape[1] == 0:
        return ends[0], ends[1]
    tails = ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2)
    defined = np.isfinite(table)
    whole = defined.all(axis=1)
    if whole.any():
        ends[:, whole] = np.quantile(table[whole], tails, axis=1)
    for row in np.flatnonzero(~whole & (defined.mean(axis=1) >= MIN_DEFINED_SHARE)):
        ends[:, row] = np.quantile(table[row][defined[row]], tails)
    return ends[0], ends[1]


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def ratio(part: Floats, whole: Floats) -> Floats:
    """Return part / whole; NaN where the whole is 0, as in a resample without such rows."""
    # No warning for 0 / 0: a resample without such rows is expected.
    filled = np.full(np.shape(part), np.nan)
    return np.asarray(np.divide(part, whole, out=filled, where=np.asarray(whole) > 0), np.float64)
