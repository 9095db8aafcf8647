"""The congestion profile: the extra travel time against free roads, by hour of the week and area.

It is fitted on the Brigade's travel times (turnout doubles at night and would hide congestion): log travel time minus
a smooth curve of the distance by bridge, so that the longer journeys of busy hours do not count as congestion, then
means by hour, smoothed over neighbouring hours and areas where journeys are few. Free flow is the quietest tenth of
the hours of an area. If traffic was observed, the profile is its mean by hour of the week instead.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from londonpump.features.dispatches import Dispatches

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

FROM_TRAVEL_TIMES, OBSERVED = "travel times", "observed"
MIN_JOURNEYS = 5_000
"""With fewer journeys the profile is noise: a journey scatters by a third, congestion changes it by a twentieth."""
MIN_DISTANCE_M, MIN_TRAVEL_S = 500.0, 30.0
"""Shorter journeys are crews already on the scene, or mostly turnout."""
MAX_LOG_EXCESS = 0.7
"""Limit of a journey's residual, about two standard deviations of log travel time."""
CENTRE_M = (530_000.0, 180_400.0)
"""Charing Cross."""
INNER_M = 8_000.0
AREAS, DAYS, HOURS = 8, 7, 24
WEEK = DAYS * HOURS
SMOOTH_H = 1.0
HALF_WEIGHT_JOURNEYS = 300.0
"""Journeys with which an hour is believed half, against the hour of any day, and an area against London: the
variance of a log travel time, 0.34 squared, over that of the differences looked for, 0.02 squared."""
# The mean of several hours, because the minimum of noisy hours would be too low.
QUIET_HOURS = WEEK // 10


@dataclass(frozen=True, slots=True)
class Journeys:
    """n journeys: distance over the nearest bridge, hour of the London week (0 is Monday 00 h), area as in `area_of`."""

    distance_m: Floats
    travel_s: Floats
    hour: Ints
    area: Ints

    @classmethod
    def of(cls, dispatches: Dispatches, travel_s: Floats) -> Self:
        """Return the journeys of dispatches and their (n,) travel times."""
        return cls(dispatches.by_bridge_m, travel_s, *hour_and_area(dispatches))

    @property
    def is_informative(self) -> Flags:
        """Return (n,) whether a journey is long enough and known."""
        return np.asarray((self.distance_m >= MIN_DISTANCE_M) & (self.travel_s >= MIN_TRAVEL_S))

    def take(self, rows: Flags) -> "Journeys":
        """Return some of the journeys."""
        return Journeys(self.distance_m[rows], self.travel_s[rows], self.hour[rows], self.area[rows])


@dataclass(frozen=True, slots=True)
class Congestion:
    """The fitted profile."""

    rates: Floats
    """(areas or 1, 168) share of extra travel time by hour of the London week."""
    source: str
    """FROM_TRAVEL_TIMES or OBSERVED."""
    rows: int
    """Number of journeys or observations."""

    def __call__(self, hour: Ints, area: Ints) -> Floats:
        """Return the (n,) congestion rate, 0 to 1."""
        return np.asarray(self.rates[area if len(self.rates) > 1 else 0, hour])

    def to_json(self) -> dict[str, Any]:
        """Return JSON-serializable values."""
        return {"from": self.source, "rows": self.rows, "rates": self.rates.tolist()}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """The inverse of `to_json`."""
        return cls(np.array(value["rates"], np.float64), value["from"], int(value["rows"]))


def hour_and_area(dispatches: Dispatches) -> tuple[Ints, Ints]:
    """Return the (n,) hour of the London week, and the (n,) area of the incident."""
    hour = dispatches.weekday * HOURS + dispatches.hour.astype(np.int64)
    return hour, area_of(dispatches.number("easting_m"), dispatches.number("northing_m"))


def area_of(easting_m: Floats, northing_m: Floats) -> Ints:
    """Return (n,) 0 to 7: the four quarters around Charing Cross, within 8 km and beyond."""
    east_m, north_m = easting_m - CENTRE_M[0], northing_m - CENTRE_M[1]
    is_outer = np.hypot(east_m, north_m) >= INNER_M
    return 4 * is_outer.astype(np.int64) + 2 * (north_m >= 0).astype(np.int64) + (east_m >= 0)


def fit_congestion(journeys: Journeys, fold: Ints) -> tuple[Congestion, Floats] | None:
    """Fit the profile of all journeys, and return for each row the rate by a profile without its fold.

    Args: journeys: training rows, travel time NaN where unknown. fold: (n,), incidents whole.
    Returns: None where too few travel times are known.
    """
    informative = journeys.is_informative
    if informative.sum() < MIN_JOURNEYS:
        return None
    # A rate fitted with a row's own travel time would carry the target into its feature.
    rates = np.empty(len(fold))
    for one in np.unique(fold):
        inside = fold == one
        rest = profile_of(journeys.take(informative & ~inside))
        rates[inside] = rest(journeys.hour[inside], journeys.area[inside])
    return profile_of(journeys.take(informative)), rates


def profile_of(journeys: Journeys) -> Congestion:
    """Fit the profile of journeys that are long enough and known."""
    left = _log_excess(journeys)
    cell = journeys.area * WEEK + journeys.hour
    count = np.bincount(cell, minlength=AREAS * WEEK).reshape(AREAS, WEEK).astype(np.float64)
    total = np.asarray(np.bincount(cell, left, minlength=AREAS * WEEK), np.float64).reshape(AREAS, WEEK)
    # The mean of an area is removed: congestion is relative to the free flow of the same area.
    total -= count * (total.sum(axis=1) / np.maximum(count.sum(axis=1), 1.0))[:, None]
    effect = _effects(count, total)
    free = np.sort(effect, axis=1)[:, :QUIET_HOURS].mean(axis=1)
    # The model is in logs, the rate is a share of the free travel time.
    rates = np.clip(np.expm1(effect - free[:, None]), 0.0, 1.0)
    return Congestion(rates.round(4), FROM_TRAVEL_TIMES, len(left))


def fit_observed(rate: Floats, hour: Ints) -> Congestion:
    """Fit the mean of observed rates by hour of the week; an unseen hour takes the mean of its hour of day.

    Args: rate: (n,) NaN where unknown. hour: (n,) of the London week.
    """
    known = np.isfinite(rate)
    count = np.bincount(hour[known], minlength=WEEK).astype(np.float64)
    total = np.asarray(np.bincount(hour[known], rate[known], minlength=WEEK), np.float64)
    # The usual rate counts as one observation, so that an hour without any takes it.
    usual = np.tile(_smoothed(_daily(total)) / _smoothed(_daily(count)), DAYS)
    rates = np.clip((total + usual) / (count + 1.0), 0.0, 1.0)
    return Congestion(rates.round(4)[None, :], OBSERVED, int(known.sum()))


def _log_excess(journeys: Journeys) -> Floats:
    """Return (n,) log travel time minus a cubic of log distance, clipped."""
    curve = np.vander(np.log(journeys.distance_m / 1000.0), 4)
    log_s = np.log(journeys.travel_s)
    coefficients = np.linalg.solve(curve.T @ curve, curve.T @ log_s)
    return np.asarray(np.clip(log_s - curve @ coefficients, -MAX_LOG_EXCESS, MAX_LOG_EXCESS))


def _effects(count: Floats, total: Floats) -> Floats:
    """Return (areas, 168) logs: the hour of day in London plus the effects of weekday and area."""
    # From coarse to fine: each level explains what the one before leaves,
    # and is pulled to it where journeys are few.
    in_london, of_london = count.sum(axis=0), total.sum(axis=0)
    daily = np.tile(_smoothed(_daily(of_london)) / _smoothed(_daily(in_london)), DAYS)
    weekly = daily + _shrunk(in_london, of_london - in_london * daily)
    return weekly + _shrunk(count, total - count * weekly)


def _shrunk(count: Floats, total: Floats) -> Floats:
    return np.asarray(_smoothed(total) / (_smoothed(count) + HALF_WEIGHT_JOURNEYS))


def _daily(values: Floats) -> Floats:
    return np.asarray(values.reshape(DAYS, HOURS).sum(axis=0))


def _smoothed(values: Floats) -> Floats:
    """Return weighted sums over neighbouring hours; the week is circular."""
    steps = np.arange(values.shape[-1])
    apart = np.abs(steps[:, None] - steps)
    # The week is a circle: Sunday 23 h is next to Monday 00 h.
    apart = np.minimum(apart, len(steps) - apart)
    return np.asarray(values @ np.exp(-0.5 * (apart / SMOOTH_H) ** 2))
