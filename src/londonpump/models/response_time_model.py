"""The distribution of the seconds from mobilisation to arrival.

centre = base curve + its residual, by L1 boosters; scale = exp(booster of the log absolute out-of-fold error);
shape = conformal quantiles of the standardised out-of-fold errors of the latest dispatches, by group, after a calibration by
hour and incident type. On real rows this
is better in CRPS and width than nine quantile boosters, at the cost of two.

The base curve is a + b sqrt(d) + c d + first and second harmonic of the London hour + own ground + at the station, with
d over the nearest bridge, fitted to least absolute residuals. A dispatch farther than any training row is predicted
along it. Form: facts 3.3; turnout doubles at night: facts 3.4.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from londonpump.features.catalogue import Feature, build
from londonpump.features.dispatches import Dispatches
from londonpump.models import boosters
from londonpump.models.distribution import ResponseTimes
from londonpump.models.error_calibration import ErrorCalibration
from londonpump.models.fitted_context import NO_CONTEXT, FittedContext
from londonpump.models.location_effect import LocationEffect

Floats = NDArray[np.float64]

ROUNDS = 30
SMOOTH_S = 30.0
"""Residuals below this are weighted as squares, because the absolute value is not smooth at 0."""
M_PER_KM = 1000.0
TYPICAL_KM = 1.5
"""Reference distance of explanations, about the median of a first pump."""


@dataclass(frozen=True, slots=True)
class BaseCurve:
    """The fitted base curve."""

    coefficients: Floats
    """(9,) seconds per unit of each column of `design`."""

    def __call__(self, dispatches: Dispatches) -> Floats:
        """Return (n,) seconds."""
        return np.asarray(design(dispatches) @ self.coefficients)

    def parts(self, dispatches: Dispatches) -> tuple[Floats, Floats, Floats, Floats, float]:
        """Return the parts of the curve, which add up to it.

        Returns: (n,) seconds of the distance beyond a typical one, of the detour by a bridge, of the hour and of own ground,
        and a constant.
        """
        table = design(dispatches)
        typical = np.array([1.0, np.sqrt(TYPICAL_KM), TYPICAL_KM])
        straight_km = dispatches.distance_m / M_PER_KM
        by_bridge_s = table[:, 1:3] @ self.coefficients[1:3]
        straight_s = np.sqrt(straight_km) * self.coefficients[1] + straight_km * self.coefficients[2]
        constant_s = float(typical @ self.coefficients[:3])
        return (
            straight_s - (constant_s - self.coefficients[0]),
            by_bridge_s - straight_s,
            table[:, 3:7] @ self.coefficients[3:7],
            table[:, 7:] @ self.coefficients[7:],
            constant_s,
        )


def design(dispatches: Dispatches) -> Floats:
    """Return (n, 9): 1, sqrt(km), km, four harmonics of the hour, own ground, at the fire station itself."""
    distance_km = dispatches.by_bridge_m / M_PER_KM
    angle = dispatches.hour * (2 * np.pi / 24)
    return np.stack(
        [
            np.ones(dispatches.n),
            np.sqrt(distance_km),
            distance_km,
            np.sin(angle),
            np.cos(angle),
            np.sin(2 * angle),
            np.cos(2 * angle),
            dispatches.is_own_ground.astype(np.float64),
            dispatches.is_at_station.astype(np.float64),
        ],
        axis=1,
    )


def fit_base_curve(dispatches: Dispatches, attendance_s: Floats) -> BaseCurve:
    """Fit the curve with least absolute residuals, by iteratively reweighted least squares."""
    table = design(dispatches)
    weight = np.ones(len(attendance_s))
    # a tiny ridge keeps the system solvable where a column is constant
    ridge = 1e-6 * np.eye(table.shape[1])
    coefficients: Floats = np.zeros(table.shape[1])
    for _ in range(ROUNDS):
        weighted = table * weight[:, None]
        coefficients = np.asarray(
            np.linalg.solve(weighted.T @ table + ridge, weighted.T @ attendance_s), np.float64
        )
        # Weighting a square by 1 / |residual| turns least squares into least absolute residuals.
        weight = 1 / np.maximum(np.abs(attendance_s - table @ coefficients), SMOOTH_S)
    return BaseCurve(coefficients)


Ints = NDArray[np.int64]

DISTANCE_BANDS_M = (2000.0,)
TOP_SPEED_M_S = 100 / 3.6
"""Outside the applicability domain, no dispatch is faster than the straight line at 100 km/h."""
OUTSIDE_SHARE = 0.25
"""Outside the applicability domain, the scale is at least this share of the centre."""


@dataclass(frozen=True, slots=True)
class ResponseTimeModel:
    """The fitted response-time model."""

    features: tuple[Feature, ...]
    curve: BaseCurve
    location_effects: tuple[LocationEffect, ...]
    centre: tuple[boosters.Booster, ...]
    scale: boosters.Booster
    shape: Floats
    """(groups, levels) standardised errors."""
    group_of: Ints
    """(bands, 2) row of `shape`, by distance band and own ground or not."""
    calibration: ErrorCalibration
    """Of the standardised errors, by hour and incident type."""
    context: FittedContext = NO_CONTEXT

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the columns of `table`."""
        return (
            *(feature.name for feature in self.features),
            *(effect.smoothing.name for effect in self.location_effects),
        )

    def table(self, dispatches: Dispatches) -> Floats:
        """Return the (n, features) table of the boosters."""
        return self.table_of_completed(self.context.completed(dispatches))

    def table_of_completed(self, dispatches: Dispatches) -> Floats:
        """Return the table of dispatches whose context is complete; what it derives is cached for the curve too."""
        easting_m, northing_m = dispatches.number("easting_m"), dispatches.number("northing_m")
        effects_s = [effect(dispatches.station, easting_m, northing_m) for effect in self.location_effects]
        return np.column_stack([build(dispatches, self.features), *effects_s])

    def __call__(self, dispatches: Dispatches, interval_scaling: Floats | float = 1.0) -> ResponseTimes:
        """Predict the distribution of each dispatch; `interval_scaling`, (n,), widens it outside the domain."""
        return self.from_table(dispatches, self.table(dispatches), interval_scaling)

    def from_table(
        self, dispatches: Dispatches, table: Floats, interval_scaling: Floats | float = 1.0
    ) -> ResponseTimes:
        """Predict as `__call__` does, from a table that is already computed."""
        left_s = np.mean([boosters.predict(booster, table) for booster in self.centre], axis=0)
        return self.from_boosters(dispatches, left_s, boosters.predict(self.scale, table), interval_scaling)

    def from_boosters(
        self,
        dispatches: Dispatches,
        left_s: Floats,
        log_scale: Floats,
        interval_scaling: Floats | float = 1.0,
    ) -> ResponseTimes:
        """Return the distributions, given the (n,) residual of the curve and the (n,) logarithm of the scale."""
        # Trees are flat beyond the data: the curve carries the prediction where no dispatch was seen.
        centre_s = self.curve(dispatches) + left_s
        scale_s = np.exp(log_scale) * interval_scaling
        shift, spread = self.calibration.of(dispatches)
        centre_s, scale_s = centre_s + shift * scale_s, scale_s * spread
        # outside the domain the scale of the boosters is an extrapolation, so it gets a lower limit
        outside = np.asarray(interval_scaling) > 1.0
        return ResponseTimes(
            centre_s=centre_s,
            scale_s=np.where(outside, np.maximum(scale_s, OUTSIDE_SHARE * centre_s), scale_s),
            group=self.group_of[group_index(dispatches)],
            shape=self.shape,
            # Outside, the wide interval could otherwise reach times that no road allows.
            fastest_s=np.where(outside, dispatches.distance_m / TOP_SPEED_M_S, 0.0),
        )


def group_index(dispatches: Dispatches) -> tuple[Ints, Ints]:
    """Return the distance band of each dispatch, and whether it is on own ground."""
    return np.searchsorted(DISTANCE_BANDS_M, dispatches.distance_m), dispatches.is_own_ground.astype(np.int64)
