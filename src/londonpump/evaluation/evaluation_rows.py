"""Rows for evaluation with the actual times, the forecasts of a model, slices, and folds by incident."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from londonpump.domain.attendance_targets import LATENESS_LIMITS_S
from londonpump.domain.errors import BadValue, TooFewRows

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Bools: TypeAlias = NDArray[np.bool_]
Texts: TypeAlias = NDArray[np.str_]


@dataclass(frozen=True, eq=False)
class EvaluationRows:
    """Dispatches whose attendance time is known, one row per mobilisation; all arrays (n,)."""

    actual_s: Floats
    """Attendance time."""
    day: Ints
    """London day of the mobilisation, since 1970."""
    incident: Ints
    """Code that the pumps of an incident share."""
    slices: Mapping[str, Texts]
    """Value of each row by name of the slice; the evaluation adds `all`."""
    station_code: Texts
    """Station that the pump left from."""
    distance_m: Floats
    """Distance from there to the incident."""
    hour: Ints
    """0 to 23 in London."""
    easting_m: Floats
    northing_m: Floats

    def __post_init__(self) -> None:
        for name, values in self._arrays().items():
            _require_length(name, values, len(self.actual_s))
        for name, values in self.slices.items():
            _require_length(f"slice {name}", values, len(self.actual_s))
        # A row without an arrival cannot be evaluated, and a mean over it would be NaN without a message.
        _require_finite("actual_s", self.actual_s)

    def __len__(self) -> int:
        return len(self.actual_s)

    def _arrays(self) -> dict[str, NDArray[Any]]:
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name != "slices"}

    def take(self, index: Bools | Ints) -> "EvaluationRows":
        """Return the rows of an index or a mask, in its order."""
        slices = {name: values[index] for name, values in self.slices.items()}
        return EvaluationRows(
            **{name: values[index] for name, values in self._arrays().items()}, slices=slices
        )

    def without_slices(self) -> "EvaluationRows":
        """Return the same rows without slices."""
        return replace(self, slices={})


@dataclass(frozen=True, eq=False)
class Forecast:
    """The forecasts of one model for n dispatches, in their order."""

    median_s: Floats
    """(n,) announced time."""
    mean_s: Floats | None = None
    """(n,) mean; None if the model gives one number only."""
    levels: tuple[float, ...] | None = None
    """Increasing, in (0, 1)."""
    quantiles_s: Floats | None = None
    """(n, levels)."""
    p_over: Mapping[int, Floats] | None = None
    """(n,) probability of arriving later, by threshold in seconds."""
    p_underestimate: Floats | None = None
    """(n,) probability that the actual time exceeds `median_s` by more than 120 s."""
    is_listed: Bools | None = None
    """(n,) whether a list of stations, like that of the original, flags the dispatch."""
    far_m: Floats | None = None
    """(n,) distance, which a model without probabilities warns by: the farthest dispatches."""

    def __post_init__(self) -> None:
        n = len(self.median_s)
        for name, values in self._arrays().items():
            _require_length(name, values, n)
            _require_finite(name, values)
        self._require_levels()
        for name, values in self._chances().items():
            if n and (values.min() < 0 or values.max() > 1):
                raise BadValue(name, float(values.min() if values.min() < 0 else values.max()), "no chance")

    def __len__(self) -> int:
        return len(self.median_s)

    def _require_levels(self) -> None:
        if (self.levels is None) != (self.quantiles_s is None):
            raise BadValue("levels", self.levels, "give levels and quantiles_s together, or neither")
        if self.levels is None or self.quantiles_s is None:
            return
        if list(self.levels) != sorted(set(self.levels)) or not all(0 < level < 1 for level in self.levels):
            raise BadValue("levels", self.levels, "must increase and lie between 0 and 1")
        if self.quantiles_s.ndim != 2 or self.quantiles_s.shape[1] != len(self.levels):
            raise BadValue("quantiles_s", self.quantiles_s.shape, f"needs {len(self.levels)} columns")

    def _chances(self) -> dict[str, Floats]:
        chances = {f"p_over {threshold_s} s": values for threshold_s, values in (self.p_over or {}).items()}
        if self.p_underestimate is not None:
            chances["p_underestimate"] = self.p_underestimate
        return chances

    def _arrays(self) -> dict[str, NDArray[Any]]:
        single = {
            name: getattr(self, name)
            for name in ("median_s", "mean_s", "quantiles_s", "far_m", "is_listed")
            if getattr(self, name) is not None
        }
        return single | self._chances()

    def take(self, index: Bools | Ints) -> "Forecast":
        """Return the forecasts of the rows of an index or a mask."""

        def some(values: Floats | None) -> Floats | None:
            return None if values is None else values[index]

        return Forecast(
            median_s=self.median_s[index],
            mean_s=some(self.mean_s),
            levels=self.levels,
            quantiles_s=some(self.quantiles_s),
            p_over=None if self.p_over is None else {t: p[index] for t, p in self.p_over.items()},
            p_underestimate=some(self.p_underestimate),
            far_m=some(self.far_m),
            is_listed=None if self.is_listed is None else self.is_listed[index],
        )

    def quantile_at(self, level: float) -> Floats | None:
        """Return the (n,) quantile of a level, interpolated between two given ones; None beyond them."""
        if self.levels is None or self.quantiles_s is None:
            return None
        levels = np.asarray(self.levels)
        # levels such as 0.1 + 0.2 differ from 0.3 in the last digit
        if level < levels[0] - 1e-9 or level > levels[-1] + 1e-9:
            return None
        upper = min(int(np.searchsorted(levels, level - 1e-9)), len(levels) - 1)
        if abs(levels[upper] - level) < 1e-9:
            return np.asarray(self.quantiles_s[:, upper])
        share = (level - levels[upper - 1]) / (levels[upper] - levels[upper - 1])
        return np.asarray((1 - share) * self.quantiles_s[:, upper - 1] + share * self.quantiles_s[:, upper])


# All from one distribution, so that the chances never contradict each other.
THRESHOLDS_S = LATENESS_LIMITS_S
"""Thresholds of the forecast probabilities: 6, 8, 10 and 12 minutes."""


def _require_length(name: str, values: NDArray[Any], n: int) -> None:
    if len(values) != n:
        raise BadValue(name, len(values), f"needs {n} rows, one for each evaluated mobilisation")


def _require_finite(name: str, values: NDArray[Any]) -> None:
    bad = ~np.isfinite(values)
    if bad.any():
        where = int(np.argmax(bad.reshape(len(values), -1).any(axis=1)))
        raise BadValue(name, str(values[where]), f"row {where} is no number; {int(bad.sum())} such values")


OWN_GROUND, OTHER_GROUND = "own ground", "other ground"
"""Values of the slice `own_ground`: whether the pump left the station of the ground that the incident lies on."""
# Finer near the station, where most dispatches are.
DISTANCE_EDGES_KM = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0)
HOUR_BANDS = ("00-05", "06-09", "10-16", "17-20", "21-23")
HOUR_BAND_STARTS = (0, 6, 10, 17, 21)


def distance_band(distance_m: Floats) -> Texts:
    """Return (n,) `0.0-0.5 km` ... `5.0+ km`; a distance on an edge belongs to the farther band."""
    edges = (0.0, *DISTANCE_EDGES_KM)
    names = [f"{low:.1f}-{high:.1f} km" for low, high in pairwise(edges)]
    names.append(f"{edges[-1]:.1f}+ km")
    band = np.searchsorted(np.asarray(DISTANCE_EDGES_KM) * 1000, distance_m, side="right")
    return np.asarray(names)[band]


def distance_decile(distance_m: Floats) -> Texts:
    """Return (n,) `01` (nearest tenth of the rows) to `10`; equal distances share a tenth."""
    edges = np.quantile(distance_m, np.arange(1, 10) / 10) if len(distance_m) else np.zeros(9)
    names = np.asarray([f"{tenth:02d}" for tenth in range(1, 11)])
    return names[np.searchsorted(edges, distance_m, side="left")]


def hour_band(hour: Ints) -> Texts:
    """Return the (n,) part of the London day: night, morning, working day, evening, late evening."""
    return np.asarray(HOUR_BANDS)[np.searchsorted(HOUR_BAND_STARTS, hour, side="right") - 1]


def first_us_of(incident: Ints, at_us: Ints) -> Ints:
    """Return the (n,) earliest time of each row's incident, microseconds."""
    _, code = np.unique(incident, return_inverse=True)
    first_us = np.full(code.max(initial=-1) + 1, np.iinfo(np.int64).max)
    # The incident decides which period its pumps belong to: it is never split.
    np.minimum.at(first_us, code, at_us)
    return np.asarray(first_us[code])


def folds(incident: Ints, n_folds: int, seed: int = 0) -> Ints:
    """Return the (n,) fold of each row, 0 to n_folds - 1, by a hash of its incident alone.

    Raises: BadValue for fewer than two folds, TooFewRows for fewer incidents than folds.
    Source: the mixing of SplitMix64 (Steele, Lea, Flood 2014).
    """
    if n_folds < 2:
        raise BadValue("n_folds", n_folds, "needs two or more")
    if len(np.unique(incident)) < n_folds:
        raise TooFewRows(f"{len(np.unique(incident))} incidents for {n_folds} folds. Give more rows.")
    # the hash relies on 64-bit multiplication wrapping around
    with np.errstate(over="ignore"):
        # By hash and not by position: adding rows moves no incident to another fold.
        mixed = incident.astype(np.uint64) + np.uint64(seed + 1) * np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray((mixed ^ (mixed >> np.uint64(31))) % np.uint64(n_folds), np.int64)
