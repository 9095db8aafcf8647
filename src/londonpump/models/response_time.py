"""Seconds from mobilisation to arrival, as a distribution.

centre = curve of distance and hour + what is left, by L1 boosters; scale = exp(a booster of the log of the
absolute out-of-fold error); shape = conformal quantiles of the standardised out-of-fold errors of the latest
runs, by group. Measured on real rows this beats nine quantile boosters in CRPS and width, at the price of two.
"""

from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from londonpump.features.catalogue import Feature, build
from londonpump.features.runs import Runs
from londonpump.models import boosters
from londonpump.models.base_curve import BaseCurve
from londonpump.models.distribution import ResponseTimes
from londonpump.models.learnt_context import NO_CONTEXT, LearntContext
from londonpump.models.place_residual import PlaceResidual

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DISTANCE_BANDS_M = (2000.0,)
TOP_SPEED_M_S = 100 / 3.6
"""Outside what was learnt, no run is quicker than the straight line at 100 km/h."""
OUTSIDE_SHARE = 0.25
"""Outside what was learnt, the scale is at least this share of the time itself."""


@dataclass(frozen=True, slots=True)
class ResponseTimeModel:
    """What is learnt. shape: (groups, levels) standardised errors; group_of: (bands, 2) row of `shape`.
    context: what stands in for weather, traffic and calendar that a run does not tell."""

    features: tuple[Feature, ...]
    curve: BaseCurve
    places: tuple[PlaceResidual, ...]
    centre: tuple[lgb.Booster, ...]
    scale: lgb.Booster
    shape: Floats
    group_of: Ints
    context: LearntContext = NO_CONTEXT

    @property
    def names(self) -> tuple[str, ...]:
        """Columns of `table`."""
        return (
            *(feature.name for feature in self.features),
            *(place.smoothing.name for place in self.places),
        )

    def table(self, runs: Runs) -> Floats:
        """(n, features) what the boosters look at."""
        easting_m, northing_m = runs.number("easting_m"), runs.number("northing_m")
        learnt = [place(runs.station, easting_m, northing_m) for place in self.places]
        return np.column_stack([build(self.context.completed(runs), self.features), *learnt])

    def __call__(self, runs: Runs, widening: Floats | float = 1.0) -> ResponseTimes:
        """The distribution of each run. widening: (n,) how much less sure than learnt, 1 inside the records."""
        return self.from_table(runs, self.table(runs), widening)

    def from_table(self, runs: Runs, table: Floats, widening: Floats | float = 1.0) -> ResponseTimes:
        """As calling it, for a table that is already there."""
        left_s = np.mean([boosters.predict(booster, table) for booster in self.centre], axis=0)
        centre_s = self.curve(runs) + left_s
        scale_s = np.exp(boosters.predict(self.scale, table)) * widening
        outside = np.asarray(widening) > 1.0
        return ResponseTimes(
            centre_s=centre_s,
            scale_s=np.where(outside, np.maximum(scale_s, OUTSIDE_SHARE * centre_s), scale_s),
            group=self.group_of[group_index(runs)],
            shape=self.shape,
            fastest_s=np.where(outside, runs.distance_m / TOP_SPEED_M_S, 0.0),
        )


def group_index(runs: Runs) -> tuple[Ints, Ints]:
    """(band of distance, own ground or not) of each run."""
    return np.searchsorted(DISTANCE_BANDS_M, runs.distance_m), runs.is_own_ground.astype(np.int64)
