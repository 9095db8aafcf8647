"""Fallback values of weather, traffic and calendar that are fitted with a bundle.

A bundle reads only the context columns that its training rows had. Missing values of these columns are imputed here,
the same way in training, evaluation and serving, and labelled `column=source`. The climate is the mean of the training
hours, each UTC hour counted once, smoothed over neighbouring months and hours.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from londonpump.domain.context_records import WEATHER_NUMBERS
from londonpump.features.dispatches import HOUR_US, Dispatches
from londonpump.models.applicability_domain import ImputationFlags
from londonpump.models.congestion import (
    FROM_TRAVEL_TIMES,
    Congestion,
    Journeys,
    fit_congestion,
    fit_observed,
    hour_and_area,
)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MONTHS, HOURS = 12, 24
SMOOTH_MONTHS, SMOOTH_H = 0.6, 1.0


@dataclass(frozen=True, slots=True)
class Climate:
    """Usual weather by month and hour."""

    means: dict[str, Floats]
    """Mean of each column, (12, 24) by month and London hour."""

    def __call__(self, name: str, dispatches: Dispatches) -> Floats:
        """Return the (n,) usual values of a column at the times of the dispatches."""
        return np.asarray(self.means[name][dispatches.month - 1, dispatches.hour.astype(np.int64)])

    def to_json(self) -> dict[str, Any]:
        """Return JSON-serializable values."""
        return {name: means.tolist() for name, means in self.means.items()}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """The inverse of `to_json`."""
        return cls({name: np.array(means, np.float64) for name, means in value.items()})


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

    def to_json(self) -> dict[str, Any]:
        """Return JSON-serializable values."""
        return {
            "reads": sorted(self.reads),
            "climate": self.climate.to_json(),
            "congestion": self.congestion.to_json() if self.congestion is not None else None,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`."""
        profile = value["congestion"]
        return cls(
            frozenset(value["reads"]),
            Climate.from_json(value["climate"]),
            None if profile is None else Congestion.from_json(profile),
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
