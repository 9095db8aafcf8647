"""Live performance of announced times: error, bias, coverage and share late, and the band that the error must keep.

Only pumps that were sent have an outcome, and they were often chosen by the same announced times: the figures describe
them, not every pump that was ranked.

A day is outside the band if the two weeks until it are, beyond chance: the lower end of the interval of the live MAE is
above the evaluated MAE by more than `mae_worse_pct`, or the upper end of the coverage of P10 to P90 is below
`min_cover_share`. The model leaves the band after `consecutive_days` such days.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date

import numpy as np

from londonpump.domain.attendance_targets import FIRST_PUMP_TARGET_S
from londonpump.evaluation.evaluation_rows import Bools, Floats, Ints, Texts, hour_band
from londonpump.evaluation.intervals import DayDraws, Stat, draw_days, ratio, stats_of
from londonpump.features.observations import day_of

# Fewer outcomes scatter too much to be shown as a figure of a station.
MIN_SLICE_ROWS = 30
RESAMPLES = 400


@dataclass(frozen=True, slots=True, eq=False)
class LiveRows:
    """Announced times with their outcomes; all arrays (n,)."""

    model: Texts
    """The model that announced the time."""
    station_code: Texts
    """Station that the pump left from."""
    day: Ints
    """London day of the mobilisation, since 1970."""
    hour: Ints
    """0 to 23 in London."""
    p10_s: Floats
    p50_s: Floats
    p90_s: Floats
    actual_s: Floats
    predicted_late_share: Floats
    """Announced probability of more than 360 s, NaN where unknown."""

    def __len__(self) -> int:
        return len(self.actual_s)

    def take(self, rows: Bools | Ints) -> "LiveRows":
        """Return some of the rows."""
        return LiveRows(**{each.name: getattr(self, each.name)[rows] for each in fields(self)})


@dataclass(frozen=True, slots=True)
class LiveFigures:
    """Figures of some rows; the last three cover the rows with an announced probability."""

    n: int
    mae_s: Stat
    bias_s: Stat
    """Announced minus actual."""
    cover_80_share: Stat
    late_share: Stat
    predicted_late_share: Stat
    late_beyond_predicted_share: Stat


@dataclass(frozen=True, slots=True)
class LiveSlices:
    """Figures of all rows, and by value of each slice with 30 rows or more."""

    whole: LiveFigures
    by_model: Mapping[str, LiveFigures]
    by_station: Mapping[str, LiveFigures]
    by_hour_band: Mapping[str, LiveFigures]

    @property
    def by_name(self) -> dict[str, Mapping[str, LiveFigures]]:
        """Return the figures as they are stored, `{SLICE: {VALUE: figures}}`, without empty slices."""
        named = {
            "all": {"all": self.whole},
            "model": self.by_model,
            "station": self.by_station,
            "hour_band": self.by_hour_band,
        }
        return {name: values for name, values in named.items() if values}


def live_figures(rows: LiveRows, resamples: int = RESAMPLES, seed: int = 0) -> LiveSlices:
    """Return the figures of all rows and of their slices. Raises: TooFewRows if there is no row."""
    draws = draw_days(rows.day, resamples, seed)
    slices = (rows.model, rows.station_code, hour_band(rows.hour))
    return LiveSlices(_figures(rows, draws), *(_by_value(rows, values, draws) for values in slices))


def _by_value(rows: LiveRows, values: Texts, draws: DayDraws) -> dict[str, LiveFigures]:
    names, counts = np.unique(values, return_counts=True)
    return {str(name): _figures(rows.take(values == name), draws) for name in names[counts >= MIN_SLICE_ROWS]}


def _figures(rows: LiveRows, draws: DayDraws) -> LiveFigures:
    # Announced minus actual, as in the evaluation: the median lies below the mean, so a little below 0 is right.
    error_s = rows.p50_s - rows.actual_s
    is_inside = (rows.p10_s <= rows.actual_s) & (rows.actual_s <= rows.p90_s)
    has_chance = np.isfinite(rows.predicted_late_share)
    # 0 instead of NaN, because one NaN would spoil the sum of its day; such rows are not counted below either.
    chance = np.where(has_chance, rows.predicted_late_share, 0.0)
    is_late = (rows.actual_s > FIRST_PUMP_TARGET_S) & has_chance
    day = np.searchsorted(draws.days, rows.day)

    def drawn(values: Floats | Bools) -> Floats:
        return np.asarray(draws.counts @ np.bincount(day, values.astype(np.float64), len(draws.days)))

    n, n_with_chance = drawn(np.ones(len(rows))), drawn(has_chance)
    late, should_be = ratio(drawn(is_late), n_with_chance), ratio(drawn(chance), n_with_chance)
    samples = {
        "mae_s": ratio(drawn(np.abs(error_s)), n),
        "bias_s": ratio(drawn(error_s), n),
        "cover_80_share": ratio(drawn(is_inside), n),
        "late_share": late,
        "predicted_late_share": should_be,
        "late_beyond_predicted_share": late - should_be,
    }
    return LiveFigures(n=len(rows), **stats_of(samples))


@dataclass(frozen=True, slots=True)
class BandRule:
    """Settings of the band."""

    # Together with three days in succession: one extreme day does not move the lower end of an interval.
    mae_worse_pct: float = 10.0
    # P10 to P90 should contain 80 %: the rest is room for ordinary change.
    min_cover_share: float = 0.70
    consecutive_days: int = 3
    window_days: int = 14
    min_rows: int = 300
    """Rows needed in a window; with fewer, the day is not evaluated and not outside."""


@dataclass(frozen=True, slots=True)
class BandDay:
    """The window that ends with one day."""

    day: date
    rows: int
    mae_s: Stat | None
    cover_80_share: Stat | None
    reason: str
    """Why the window is outside the band; empty if it is inside or cannot be evaluated."""


@dataclass(frozen=True, slots=True)
class Band:
    """The evaluated days, in order."""

    days: tuple[BandDay, ...]
    evaluated_mae_s: float | None

    @property
    def has_left(self) -> bool:
        """Return True if every one of the last days is outside the band."""
        return bool(self.days) and all(day.reason for day in self.days)


def check_band(
    rows: LiveRows, evaluated_mae_s: float | None, last_day: int, rule: BandRule = BandRule()
) -> Band:
    """Evaluate the last days of one model.

    Args: rows: of that model alone. evaluated_mae_s: its MAE when it was promoted; None skips the error.
    last_day: London days since 1970.
    """
    days = range(last_day - rule.consecutive_days + 1, last_day + 1)
    return Band(tuple(_evaluate_day(rows, evaluated_mae_s, day, rule) for day in days), evaluated_mae_s)


def _evaluate_day(rows: LiveRows, evaluated_mae_s: float | None, day: int, rule: BandRule) -> BandDay:
    # two weeks, because the error of a single day varies more than the band is wide
    window = rows.take((rows.day > day - rule.window_days) & (rows.day <= day))
    # Without arrivals on the board there is nothing to say until the records of the month are published.
    if len(window) < rule.min_rows:
        return BandDay(day_of(day), len(window), None, None, "")
    found = live_figures(window).whole
    mae_s, cover = found.mae_s, found.cover_80_share
    return BandDay(day_of(day), len(window), mae_s, cover, _reason(mae_s, cover, evaluated_mae_s, rule))


def _reason(mae_s: Stat, cover: Stat, evaluated_mae_s: float | None, rule: BandRule) -> str:
    # The near end of each interval: a day is outside only beyond chance.
    low, high = mae_s.low, cover.high
    if (
        evaluated_mae_s is not None
        and low is not None
        and low > evaluated_mae_s * (1 + rule.mae_worse_pct / 100)
    ):
        return f"live error {mae_s.value:.1f} s (at least {low:.1f} s), {evaluated_mae_s:.1f} s when it was evaluated"
    if high is not None and high < rule.min_cover_share:
        return f"{cover.value:.0%} of arrivals between P10 and P90 (at most {high:.0%}); the target is 80 %"
    return ""
