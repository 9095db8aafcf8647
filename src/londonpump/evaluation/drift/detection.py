"""Drift of the inputs against the training data of a model, by effect size.

The reference is the training period, at most its last two years. Every later window of two weeks is compared with the
expected distribution of its days; an input drifts from the window that exceeds the limit (`drift.thresholds`) until one
is below half of it. Silent and new stations are found separately, because each is at most one per cent of all dispatches.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from londonpump.domain.errors import TooFewRows
from londonpump.evaluation.drift.thresholds import (
    Bins,
    DriftMeasure,
    DriftRule,
    Expected,
    Thresholds,
    clip_residuals,
    daily_counts,
    deviations,
    fit_bins,
    thresholds,
    window_sums,
)
from londonpump.evaluation.evaluation_rows import Floats, Ints
from londonpump.features.observations import day_of

# Two whole years, so that each season counts equally.
REFERENCE_DAYS = 730
MIN_REFERENCE_DAYS = 56
MIN_ROWS = 200
CLEARED_AT_SHARE = 0.5
MAX_SHIFTED_BINS = 3
MIN_PSI_SHARE = 1e-4
WINDOWS_DAYS = (14, 28, 56)
"""The first window serves most stations, the longer ones those with few dispatches."""
USUAL_DAYS = 91
"""The usual number of dispatches is that of the last quarter of the training period."""
MIN_EXPECTED_DISPATCHES = 15.0
SILENT_SHARE = 0.1
"""A station with a tenth of its usual dispatches is silent; by chance, at most 1 where 15 are usual: 5 in a million."""
MIN_NEW_DISPATCHES = 5


@dataclass(frozen=True, slots=True, eq=False)
class MonitoredInput:
    """One input whose drift is monitored."""

    name: str
    measure: DriftMeasure
    values: NDArray[Any]
    """(n,) texts as objects (None unknown), or float64 (NaN unknown)."""
    day: Ints
    """(n,) London days since 1970."""


@dataclass(frozen=True, slots=True)
class Span:
    """The reference and the checked days, as London days since 1970, ends included."""

    reference_first: int
    reference_last: int
    checked_last: int

    def reference(self) -> Ints:
        """Return the days of the reference, at most the last two years."""
        first = max(self.reference_first, self.reference_last - REFERENCE_DAYS + 1)
        return np.arange(first, self.reference_last + 1)

    def checked(self) -> Ints:
        """Return the days after the reference."""
        return np.arange(self.reference_last + 1, self.checked_last + 1)


@dataclass(frozen=True, slots=True)
class ShiftedBin:
    """A bin whose share in the newest window differs from the expected one."""

    bin: str
    share: float
    expected_share: float


@dataclass(frozen=True, slots=True)
class Drift:
    """The drift of one input in the newest window."""

    name: str
    measure: DriftMeasure
    effect: float | None
    """Total variation, 0 to 1: the share of rows that would have to change bins; None with too few rows."""
    psi: float
    """Population stability index."""
    strength: float
    """Largest deviation of a bin from its expected share, relative to its usual deviation."""
    limit: float
    """The strength from which the input drifts."""
    rows: int
    """Rows in the window."""
    since: date | None
    """First day whose window is over the limit; None if the input does not drift."""
    starts: tuple[date, ...]
    """Days on which a drift began, ended ones included."""
    shifted: tuple[ShiftedBin, ...]

    @property
    def is_drifting(self) -> bool:
        """Return True if the input drifts in the newest window."""
        return self.since is not None


@dataclass(frozen=True, slots=True)
class DriftResult:
    """The drift of all inputs."""

    reference_days: int
    has_season: bool
    checked_until: date
    inputs: tuple[Drift, ...]
    """Sorted by strength, the strongest first."""


def find_drift(watched: Sequence[MonitoredInput], span: Span, rule: DriftRule = DriftRule()) -> DriftResult:
    """Compare the days after the reference with it.

    Raises: TooFewRows if the reference is shorter than eight weeks, or less than one window came after it.
    """
    days, checked = span.reference(), span.checked()
    _require_days(len(days), len(checked), rule)
    counted = {one.name: _Counted.of(one, days, checked) for one in watched}
    limits = thresholds(
        {name: one.expected for name, one in counted.items()},
        {name: one.reference for name, one in counted.items()},
        rule,
    )
    found = [_evaluate_input(one, counted[one.name], limits, rule) for one in watched]
    found.sort(key=lambda one: one.strength, reverse=True)
    has_season = any(one.expected.has_season for one in counted.values())
    return DriftResult(len(days), has_season, day_of(span.checked_last), tuple(found))


def _require_days(n_reference: int, n_checked: int, rule: DriftRule) -> None:
    if n_reference < MIN_REFERENCE_DAYS:
        raise TooFewRows(
            f"drift: the model was trained on {n_reference} days, {MIN_REFERENCE_DAYS} are needed to distinguish drift from chance. "
            "Train on more records."
        )
    if n_checked < rule.window_days:
        raise TooFewRows(
            f"drift: {n_checked} days of records came after the training, {rule.window_days} are needed. Prepare newer records."
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Counted:
    bins: Bins
    expected: Expected
    reference: Floats
    later: Floats
    later_days: Ints

    @classmethod
    def of(cls, one: MonitoredInput, days: Ints, checked: Ints) -> "_Counted":
        # Bins are fitted on the reference alone: later rows must not decide where their own shares are measured.
        is_reference = (one.day >= days[0]) & (one.day <= days[-1])
        bins = fit_bins(one.values[is_reference], one.measure)
        index, n_bins = bins.index(one.values), len(bins.names)
        reference = daily_counts(one.day, index, days, n_bins)
        expected = Expected.of(days, reference.sum(axis=1))
        return cls(bins, expected, reference, daily_counts(one.day, index, checked, n_bins), checked)


def _evaluate_input(one: MonitoredInput, counted: _Counted, limits: Thresholds, rule: DriftRule) -> Drift:
    rows = counted.later.sum(axis=1)
    shares = counted.expected.shares_on(counted.later_days, counted.reference)
    residual = counted.later - rows[:, None] * shares
    # The same clipping as in the drawn years, or the limit would not apply to these deviations.
    max_daily_share = counted.expected.max_daily_share(counted.reference)
    shifted = np.abs(deviations(clip_residuals(residual, rows, max_daily_share), rows, rule.window_days))
    n = window_sums(rows, rule.window_days, 0)
    usual_n = counted.reference.sum() / len(counted.reference) * rule.window_days
    # the limit assumes the usual number of rows, and fewer rows scatter more
    scatter = np.sqrt(np.maximum(usual_n / np.maximum(n, 1.0), 1.0))
    strength = (shifted / limits.usual[one.name]).max(axis=1) / scatter
    # Half of the sum, because each row that leaves a bin arrives in another one.
    is_large = shifted.sum(axis=1) / 2 >= rule.min_effect
    starts, is_on = _episodes(np.where(is_large, strength, 0.0) / limits.limit, n >= MIN_ROWS)
    ends = counted.later_days[rule.window_days - 1 :]
    newest = slice(-rule.window_days, None)
    share, should = (
        part[newest].sum(axis=0) / max(n[-1], 1.0) for part in (counted.later, rows[:, None] * shares)
    )
    return Drift(
        name=one.name,
        measure=one.measure,
        effect=round(float(np.abs(share - should).sum()) / 2, 4) if n[-1] >= MIN_ROWS else None,
        psi=round(_psi(share, should), 4),
        strength=round(float(strength[-1]), 2),
        limit=round(limits.limit, 2),
        rows=int(n[-1]),
        since=day_of(ends[starts[-1]]) if is_on else None,
        starts=tuple(day_of(ends[start]) for start in starts),
        shifted=_most_shifted(counted.bins.names, share, should),
    )


def _episodes(of_limit: Floats, is_evaluated: NDArray[np.bool_]) -> tuple[list[int], bool]:
    """Return the windows at which drift begins, and whether it lasts; windows with too few rows are skipped."""
    starts, is_on = [], False
    # two limits (hysteresis) keep an input near the limit from raising an alarm in every other window
    for window in np.flatnonzero(is_evaluated):
        if not is_on and of_limit[window] > 1:
            starts.append(int(window))
            is_on = True
        elif of_limit[window] < CLEARED_AT_SHARE:
            is_on = False
    return starts, is_on


def _psi(share: Floats, should: Floats) -> float:
    # an empty bin would make the logarithm infinite
    one, other = np.maximum(share, MIN_PSI_SHARE), np.maximum(should, MIN_PSI_SHARE)
    return float(((one - other) * np.log(one / other)).sum())


def _most_shifted(names: tuple[str, ...], share: Floats, should: Floats) -> tuple[ShiftedBin, ...]:
    farthest = np.argsort(-np.abs(share - should), kind="stable")[:MAX_SHIFTED_BINS]
    return tuple(
        ShiftedBin(names[i], round(float(share[i]), 4), round(max(float(should[i]), 0.0), 4))
        for i in farthest
    )


@dataclass(frozen=True, slots=True)
class StationChange:
    """A station that fell silent or is new."""

    station: str
    dispatches: int
    usual_dispatches: float
    """Expected dispatches in the window, 0 for a station that is not in the training data."""
    window_days: int

    @property
    def is_new(self) -> bool:
        """Return True if the training data have no dispatch from this station."""
        return self.usual_dispatches == 0


def changed_stations(station: NDArray[Any], day: Ints, span: Span) -> list[StationChange]:
    """Return silent and new stations, each in the shortest window that shows it.

    Args: station: (n,) codes. day: (n,) London days since 1970.
    """
    is_training = (day <= span.reference_last) & (day >= span.reference_first)
    usual = _counted(station[is_training & (day > span.reference_last - USUAL_DAYS)])
    ever = set(station[is_training].tolist())
    changes: dict[str, StationChange] = {}
    for window_days in WINDOWS_DAYS:
        if span.checked_last - span.reference_last < window_days:
            break
        now = _counted(station[(day > span.checked_last - window_days) & (day <= span.checked_last)])
        for change in [*_silent(now, usual, window_days), *_new(now, ever, window_days)]:
            # The shortest window comes first, because it shows the change earliest.
            changes.setdefault(change.station, change)
    return [changes[code] for code in sorted(changes)]


def _silent(now: Counter[str], usual: Counter[str], window_days: int) -> list[StationChange]:
    # Relative to the dispatches of all stations, so that a quiet fortnight of the Brigade silences no station.
    share = sum(now.values()) / max(sum(usual.values()), 1)
    return [
        StationChange(code, now[code], round(dispatches * share, 1), window_days)
        for code, dispatches in usual.items()
        if dispatches * share >= MIN_EXPECTED_DISPATCHES and now[code] <= SILENT_SHARE * dispatches * share
    ]


def _new(now: Counter[str], ever: set[Any], window_days: int) -> list[StationChange]:
    return [
        StationChange(code, dispatches, 0.0, window_days)
        for code, dispatches in now.items()
        if code not in ever and dispatches >= MIN_NEW_DISPATCHES
    ]


def _counted(codes: NDArray[Any]) -> Counter[str]:
    return Counter(code for code in np.asarray(codes, object).tolist() if code is not None)
