"""What a bundle knows of weather, traffic and calendar by itself, for whatever nobody tells it.

The bundle reads the columns of context that its training rows had, and no other. What is missing of them later
is completed here, the same way in training, judging and serving, and labelled `column=source`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from londonpump.features.runs import Runs
from londonpump.models.climate import Climate, fit_climate
from londonpump.models.congestion import (
    FROM_TRAVEL_TIMES,
    Congestion,
    Journeys,
    fit_observed,
    learn_congestion,
    when_and_where,
)
from londonpump.models.labels import Labels
from londonpump.tables.context import WEATHER_NUMBERS

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CONGESTION, SCHOOL, WORKING = "congestion_rate", "is_school_holiday", "is_working_day"
CONTEXT_COLUMNS = (*WEATHER_NUMBERS, CONGESTION, SCHOOL, WORKING)
LEAST_SHARE = 0.5
"""A column that fewer of the training rows know is not read: what stands in for it would be most of it."""
CLIMATE, PROFILE, LIBRARY, UNKNOWN = "climate", "profile", "default", "unknown"
STAND_INS = (CLIMATE, PROFILE, LIBRARY, UNKNOWN)
READ, MISSING = "read", "missing"


@dataclass(frozen=True, slots=True)
class LearntContext:
    """reads: the columns of context that the features look at."""

    reads: frozenset[str]
    climate: Climate
    congestion: Congestion | None

    @property
    def takes(self) -> frozenset[str]:
        """The columns that somebody may tell: not congestion where the model learnt the profile, as what is
        observed of traffic is of another kind."""
        is_profile = self.congestion is not None and self.congestion.source == FROM_TRAVEL_TIMES
        return self.reads - {CONGESTION} if is_profile else self.reads

    def completed(self, runs: Runs) -> Runs:
        """The same runs, with something in every column that is read but for school holidays, which stay
        unknown."""
        if not self.reads:
            return runs
        columns = dict(runs.columns)
        for name in self.climate.means:
            values = runs.number(name)
            gaps = np.isnan(values)
            columns[name] = np.where(gaps, self.climate(name, runs), values) if gaps.any() else values
        if self.congestion is not None:
            columns[CONGESTION] = self._congestion(runs, self.congestion)
        if WORKING in self.reads:
            columns[WORKING] = runs.is_working_day.astype(np.float64)
        return runs.with_columns(columns)

    def _congestion(self, runs: Runs, profile: Congestion) -> Floats:
        """Observed where the model learnt from observations; where it learnt from the profile, the profile."""
        usual = profile(*when_and_where(runs))
        return usual if profile.source == FROM_TRAVEL_TIMES else _filled(runs.number(CONGESTION), usual)

    def labels(self, runs: Runs) -> Labels:
        """Per run `column=source` of what `completed` puts in place of what is not known."""
        labels = Labels(runs.n)
        stands_in = {**dict.fromkeys(self.climate.means, CLIMATE), SCHOOL: UNKNOWN, WORKING: LIBRARY}
        for name in CONTEXT_COLUMNS:
            if name not in self.reads:
                continue
            gaps = np.isnan(runs.number(name)) | (name not in self.takes)
            labels.add(f"{name}={stands_in.get(name, PROFILE)}", gaps)
        return labels

    def unknown(self, runs: Runs) -> dict[str, int]:
        """For each part that the model takes from its surroundings: runs of which it is not (wholly) known."""
        parts = {"weather": WEATHER_NUMBERS, "traffic": (CONGESTION,), "school holidays": (SCHOOL,)}
        counted = {}
        for part, names in parts.items():
            gaps = [np.isnan(runs.number(name)) for name in names if name in self.takes]
            rows = int(np.logical_or.reduce(gaps).sum()) if gaps else 0
            if rows:
                counted[part] = rows
        return counted

    def card(self) -> dict[str, str]:
        """What of the context the model reads."""
        return {
            "weather": READ if self.reads & set(WEATHER_NUMBERS) else MISSING,
            "congestion": self.congestion.source if self.congestion is not None else MISSING,
            "school holidays": READ if SCHOOL in self.reads else MISSING,
            "working days": READ if WORKING in self.reads else MISSING,
        }

    @property
    def missing(self) -> tuple[str, ...]:
        """The parts of the context that the model does not read, as the card names them."""
        return tuple(part for part, state in self.card().items() if state == MISSING)

    def of(self, reads: frozenset[str]) -> Self:
        """What of it these columns need."""
        return type(self)(
            self.reads & reads,
            Climate({name: means for name, means in self.climate.means.items() if name in reads}),
            self.congestion if CONGESTION in reads else None,
        )

    def to_json(self) -> dict[str, Any]:
        """As json-able values."""
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


NO_CONTEXT = LearntContext(frozenset(), Climate({}), None)


def learn_context(runs: Runs, fold: Ints) -> tuple[LearntContext, Runs]:
    """Learn what stands in, and the training runs with it in place.

    Args: fold: (n,), incidents whole: the congestion of a run comes from a profile that has not seen its
    incident. Returns: the context, and runs whose columns of context are whole, or wholly unknown.
    """
    known = {name: float(np.isfinite(runs.number(name)).mean()) for name in CONTEXT_COLUMNS}
    read = {name for name, share in known.items() if share >= LEAST_SHARE}
    climate = fit_climate(runs, tuple(name for name in WEATHER_NUMBERS if name in read))
    columns = {**runs.columns, **{name: np.full(runs.n, np.nan) for name in set(known) - read}}
    if CONGESTION in read:
        profile: Congestion | None = fit_observed(runs.number(CONGESTION), when_and_where(runs)[0])
    elif (learnt := learn_congestion(Journeys.of(runs, runs.number("travel_s")), fold)) is not None:
        profile, columns[CONGESTION] = learnt
        read.add(CONGESTION)
    else:
        profile = None
    context = LearntContext(frozenset(read), climate, profile)
    crossed = columns[CONGESTION]
    whole = context.completed(runs.with_columns(columns))
    if profile is not None and profile.source == FROM_TRAVEL_TIMES:
        whole = whole.with_columns({**whole.columns, CONGESTION: crossed})
    return context, whole


def _filled(values: Floats, usual: Floats) -> Floats:
    return np.asarray(np.where(np.isnan(values), usual, values))
