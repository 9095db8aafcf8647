"""What is judged: the runs with their true answers, and what a model said about each of them."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from londonpump.domain.attendance_targets import LATENESS_LIMITS_S
from londonpump.domain.errors import BadValue

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Bools: TypeAlias = NDArray[np.bool_]
Texts: TypeAlias = NDArray[np.str_]


@dataclass(frozen=True, eq=False)
class EvaluationRows:
    """Runs of pumps whose answer is known, one row a mobilisation; all arrays (n,).

    actual_s: attendance time. day: days since 1970 of the mobilisation in London. incident: integer code, the
    same for both pumps of an incident. slices: by name, the value of each row as text; `all` is added by
    the judge. station_code: the station the pump left from. distance_m: from there to the incident.
    hour: 0 to 23 in London. easting_m, northing_m: place of the incident on the national grid.
    """

    actual_s: Floats
    day: Ints
    incident: Ints
    slices: Mapping[str, Texts]
    station_code: Texts
    distance_m: Floats
    hour: Ints
    easting_m: Floats
    northing_m: Floats

    def __post_init__(self) -> None:
        for name, values in self._arrays().items():
            _require_length(name, values, len(self.actual_s))
        for name, values in self.slices.items():
            _require_length(f"slice {name}", values, len(self.actual_s))
        _require_finite("actual_s", self.actual_s)

    def __len__(self) -> int:
        return len(self.actual_s)

    def _arrays(self) -> dict[str, NDArray[Any]]:
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name != "slices"}

    def take(self, index: Bools | Ints) -> "EvaluationRows":
        """The rows of an index or a mask, in its order."""
        slices = {name: values[index] for name, values in self.slices.items()}
        return EvaluationRows(
            **{name: values[index] for name, values in self._arrays().items()}, slices=slices
        )

    def without_slices(self) -> "EvaluationRows":
        """The same rows, judged as a whole only."""
        return replace(self, slices={})


@dataclass(frozen=True, eq=False)
class Forecast:
    """What one model said about n runs, in their order.

    median_s: (n,) the time announced. mean_s: (n,) or None where the model knows but one number. levels:
    increasing, in (0, 1). quantiles_s: (n, levels). p_over: threshold in seconds -> (n,) chance of arriving
    later. p_underestimate: (n,) chance that the actual time passes `median_s` by more than 120 s. is_listed:
    (n,) whether a list of stations, as the original keeps one, flags the run.
    """

    median_s: Floats
    mean_s: Floats | None = None
    levels: tuple[float, ...] | None = None
    quantiles_s: Floats | None = None
    p_over: Mapping[int, Floats] | None = None
    p_underestimate: Floats | None = None
    is_listed: Bools | None = None

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
            for name in ("median_s", "mean_s", "quantiles_s", "is_listed")
            if getattr(self, name) is not None
        }
        return single | self._chances()

    def take(self, index: Bools | Ints) -> "Forecast":
        """What the model said about the rows of an index or a mask."""

        def some(values: Floats | None) -> Floats | None:
            return None if values is None else values[index]

        return Forecast(
            median_s=self.median_s[index],
            mean_s=some(self.mean_s),
            levels=self.levels,
            quantiles_s=some(self.quantiles_s),
            p_over=None if self.p_over is None else {t: p[index] for t, p in self.p_over.items()},
            p_underestimate=some(self.p_underestimate),
            is_listed=None if self.is_listed is None else self.is_listed[index],
        )

    def quantile_at(self, level: float) -> Floats | None:
        """(n,) seconds: the quantile of a level, on a straight line between two given ones; None beyond them."""
        if self.levels is None or self.quantiles_s is None:
            return None
        levels = np.asarray(self.levels)
        if level < levels[0] - 1e-9 or level > levels[-1] + 1e-9:
            return None
        upper = min(int(np.searchsorted(levels, level - 1e-9)), len(levels) - 1)
        if abs(levels[upper] - level) < 1e-9:
            return np.asarray(self.quantiles_s[:, upper])
        share = (level - levels[upper - 1]) / (levels[upper] - levels[upper - 1])
        return np.asarray((1 - share) * self.quantiles_s[:, upper - 1] + share * self.quantiles_s[:, upper])


THRESHOLDS_S = LATENESS_LIMITS_S
"""The times whose passing is forecast: 6, 8, 10 and 12 minutes."""


def _require_length(name: str, values: NDArray[Any], n: int) -> None:
    if len(values) != n:
        raise BadValue(name, len(values), f"needs {n} rows, one for each run judged")


def _require_finite(name: str, values: NDArray[Any]) -> None:
    bad = ~np.isfinite(values)
    if bad.any():
        where = int(np.argmax(bad.reshape(len(values), -1).any(axis=1)))
        raise BadValue(name, str(values[where]), f"row {where} is no number; {int(bad.sum())} such values")
