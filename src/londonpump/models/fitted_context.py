"""Fallback values of weather, traffic and calendar that are fitted with a bundle.

A bundle reads only the context columns that its training rows had. Missing values of these columns are imputed here,
the same way in training, evaluation and serving, and labelled `column=source`. The climate is the mean of the training
hours, each UTC hour counted once, smoothed over neighbouring months and hours.

The congestion profile is the extra travel time against free roads, by hour of the week and area. It is fitted on the
Brigade's travel times (turnout doubles at night and would hide congestion): log travel time minus a smooth curve of the
distance by bridge, so that the longer journeys of busy hours do not count as congestion, then means by hour, smoothed
over neighbouring hours and areas where journeys are few. Free flow is the quietest tenth of the hours of an area. If
traffic was observed, the profile is its mean by hour of the week instead.
"""

from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from londonpump.domain.columns import WEATHER_NUMBERS
from londonpump.domain.json_values import INLINE, stored_as
from londonpump.features.dispatches import HOUR_US, Dispatches
from londonpump.models.applicability_domain import ImputationFlags

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

    source: str = field(metadata=stored_as("from"))
    """FROM_TRAVEL_TIMES or OBSERVED."""
    rows: int
    """Number of journeys or observations."""
    rates: Floats
    """(areas or 1, 168) share of extra travel time by hour of the London week."""

    def __call__(self, hour: Ints, area: Ints) -> Floats:
        """Return the (n,) congestion rate, 0 to 1."""
        return np.asarray(self.rates[area if len(self.rates) > 1 else 0, hour])


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
    # No profile is better than one of noise: the feature is then left out of the bundle.
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
    return Congestion(FROM_TRAVEL_TIMES, len(left), rates.round(4))


def fit_observed(rate: Floats, hour: Ints) -> Congestion:
    """Fit the mean of observed rates by hour of the week; an unseen hour takes the mean of its hour of day.

    Args: rate: (n,) NaN where unknown. hour: (n,) of the London week.
    """
    # Unknown hours must not count as hours without congestion.
    known = np.isfinite(rate)
    count = np.bincount(hour[known], minlength=WEEK).astype(np.float64)
    total = np.asarray(np.bincount(hour[known], rate[known], minlength=WEEK), np.float64)
    # The usual rate counts as one observation, so that an hour without any takes it.
    usual = np.tile(_smoothed(_daily(total)) / _smoothed(_daily(count)), DAYS)
    rates = np.clip((total + usual) / (count + 1.0), 0.0, 1.0)
    return Congestion(OBSERVED, int(known.sum()), rates.round(4)[None, :])


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


MONTHS = 12
SMOOTH_MONTHS = 0.6


@dataclass(frozen=True, slots=True)
class Climate:
    """Usual weather by month and hour."""

    means: dict[str, Floats] = field(metadata=INLINE)
    """Mean of each column, (12, 24) by month and London hour."""

    def __call__(self, name: str, dispatches: Dispatches) -> Floats:
        """Return the (n,) usual values of a column at the times of the dispatches."""
        return np.asarray(self.means[name][dispatches.month - 1, dispatches.hour.astype(np.int64)])


def fit_climate(dispatches: Dispatches, names: tuple[str, ...]) -> Climate:
    """Fit the usual values of columns that are known for some dispatches."""
    return Climate({name: _means(dispatches, dispatches.number(name)) for name in names})


def _means(dispatches: Dispatches, values: Floats) -> Floats:
    known = np.flatnonzero(np.isfinite(values))
    # many dispatches share an hour: counting it once keeps busy hours from dominating the mean
    _, first = np.unique(dispatches.columns["mobilised_us"][known] // HOUR_US, return_index=True)
    once = known[first]
    cell = (dispatches.month[once] - 1) * HOURS + dispatches.hour[once].astype(np.int64)
    size = MONTHS * HOURS
    count = np.bincount(cell, minlength=size).reshape(MONTHS, HOURS)
    total = np.bincount(cell, values[once], minlength=size).reshape(MONTHS, HOURS)
    months, hours = _nearness(MONTHS, SMOOTH_MONTHS), _nearness(HOURS, SMOOTH_H)
    return np.asarray((months @ total @ hours / (months @ count @ hours)).round(3))


def _nearness(n: int, width: float) -> Floats:
    """Return (n, n) weights on a circle, positive everywhere, so that a cell without values takes the nearest ones."""
    steps = np.arange(n)
    apart = np.abs(steps[:, None] - steps)
    return np.asarray(np.exp(-0.5 * (np.minimum(apart, n - apart) / width) ** 2))


CONGESTION, SCHOOL, WORKING = "congestion_rate", "is_school_holiday", "is_working_day"
CONTEXT_COLUMNS = (*WEATHER_NUMBERS, CONGESTION, SCHOOL, WORKING)
MIN_SHARE = 0.5
"""A column known for fewer of the training rows is not read, because most of its values would be imputed."""
CLIMATE, PROFILE, LIBRARY, UNKNOWN = "climate", "profile", "default", "unknown"
FALLBACKS = (CLIMATE, PROFILE, LIBRARY, UNKNOWN)
READ, MISSING = "read", "missing"


@dataclass(frozen=True, slots=True)
class FittedContext:
    """The context columns that a model reads, and their fallback values."""

    reads: frozenset[str]
    """Context columns that the features read."""
    climate: Climate
    congestion: Congestion | None

    @property
    def takes(self) -> frozenset[str]:
        """Context columns that a caller may give.

        Congestion is excluded if the model is trained on the profile, because observed traffic is measured differently.
        """
        is_profile = self.congestion is not None and self.congestion.source == FROM_TRAVEL_TIMES
        return self.reads - {CONGESTION} if is_profile else self.reads

    def completed(self, dispatches: Dispatches) -> Dispatches:
        """Return the dispatches with missing values imputed in every column that is read, except school holidays."""
        # Nothing is read, so nothing is missing: the same object keeps its cached values.
        if not self.reads:
            return dispatches
        columns = dict(dispatches.columns)
        for name in self.climate.means:
            values = dispatches.number(name)
            gaps = np.isnan(values)
            columns[name] = np.where(gaps, self.climate(name, dispatches), values) if gaps.any() else values
        if self.congestion is not None:
            columns[CONGESTION] = self._congestion(dispatches, self.congestion)
        if WORKING in self.reads:
            columns[WORKING] = dispatches.is_working_day.astype(np.float64)
        return dispatches.with_columns(columns)

    def _congestion(self, dispatches: Dispatches, profile: Congestion) -> Floats:
        """Return observed values if the model is trained on observations, else the profile."""
        usual = profile(*hour_and_area(dispatches))
        return usual if profile.source == FROM_TRAVEL_TIMES else _impute(dispatches.number(CONGESTION), usual)

    def imputation_flags(self, dispatches: Dispatches) -> ImputationFlags:
        """Return the labels `column=source` of the values that `completed` imputes."""
        imputation_flags = ImputationFlags(dispatches.n)
        # School holidays stay unknown: the mean of past days would be neither a school day nor a holiday.
        fallbacks = {**dict.fromkeys(self.climate.means, CLIMATE), SCHOOL: UNKNOWN, WORKING: LIBRARY}
        for name in CONTEXT_COLUMNS:
            if name not in self.reads:
                continue
            gaps = np.isnan(dispatches.number(name)) | (name not in self.takes)
            imputation_flags.add(f"{name}={fallbacks.get(name, PROFILE)}", gaps)
        return imputation_flags

    def unknown(self, dispatches: Dispatches) -> dict[str, int]:
        """Return, per part of the context that the model reads, the number of dispatches with unknown values."""
        parts = {"weather": WEATHER_NUMBERS, "traffic": (CONGESTION,), "school holidays": (SCHOOL,)}
        counted = {}
        for part, names in parts.items():
            gaps = [np.isnan(dispatches.number(name)) for name in names if name in self.takes]
            rows = int(np.logical_or.reduce(gaps).sum()) if gaps else 0
            if rows:
                counted[part] = rows
        return counted

    def card(self) -> dict[str, str]:
        """Return the parts of the context, and whether and from what the model reads them."""
        return {
            "weather": READ if self.reads & set(WEATHER_NUMBERS) else MISSING,
            "congestion": self.congestion.source if self.congestion is not None else MISSING,
            "school holidays": READ if SCHOOL in self.reads else MISSING,
            "working days": READ if WORKING in self.reads else MISSING,
        }

    @property
    def missing(self) -> tuple[str, ...]:
        """Return the parts of the context that the model does not read, as named on the card."""
        return tuple(part for part, state in self.card().items() if state == MISSING)

    def of(self, reads: frozenset[str]) -> Self:
        """Return the context restricted to the given columns."""
        return type(self)(
            self.reads & reads,
            Climate({name: means for name, means in self.climate.means.items() if name in reads}),
            self.congestion if CONGESTION in reads else None,
        )


NO_CONTEXT = FittedContext(frozenset(), Climate({}), None)


def fit_context(dispatches: Dispatches, fold: Ints) -> tuple[FittedContext, Dispatches]:
    """Fit the fallbacks, and return them with the training dispatches, imputed.

    Args: fold: (n,), incidents whole. Returns: the context, and dispatches whose context columns are complete or entirely
    unknown.
    """
    # The share among the training rows decides, before anything is imputed.
    known = {name: float(np.isfinite(dispatches.number(name)).mean()) for name in CONTEXT_COLUMNS}
    read = {name for name, share in known.items() if share >= MIN_SHARE}
    climate = fit_climate(dispatches, tuple(name for name in WEATHER_NUMBERS if name in read))
    # A column that is not read must be unknown everywhere, or `usable` would still offer it to the boosters.
    columns = {**dispatches.columns, **{name: np.full(dispatches.n, np.nan) for name in set(known) - read}}
    if CONGESTION in read:
        profile: Congestion | None = fit_observed(dispatches.number(CONGESTION), hour_and_area(dispatches)[0])
    elif (fitted := fit_congestion(Journeys.of(dispatches, dispatches.number("travel_s")), fold)) is not None:
        profile, columns[CONGESTION] = fitted
        read.add(CONGESTION)
    else:
        profile = None
    context = FittedContext(frozenset(read), climate, profile)
    # the congestion of a training row must come from a profile without its own incident, or it would leak the target
    cross_fitted = columns[CONGESTION]
    whole = context.completed(dispatches.with_columns(columns))
    if profile is not None and profile.source == FROM_TRAVEL_TIMES:
        whole = whole.with_columns({**whole.columns, CONGESTION: cross_fitted})
    return context, whole


def _impute(values: Floats, usual: Floats) -> Floats:
    return np.asarray(np.where(np.isnan(values), usual, values))
