"""The distribution of the seconds from mobilisation to arrival.

centre = base curve + its residual, by L1 boosters; scale = exp(booster of the log absolute out-of-fold error);
shape = conformal quantiles of the standardised out-of-fold errors of the latest dispatches, by group, after a calibration by
hour and incident type. On real rows this
is better in CRPS and width than nine quantile boosters, at the cost of two.

The base curve is a + b sqrt(d) + c d + first and second harmonic of the London hour + own ground + at the station, with
d over the nearest bridge, fitted to least absolute residuals. A dispatch farther than any training row is predicted
along it. Form: facts 3.3; turnout doubles at night: facts 3.4.

Where the way by road is known, the road curve takes its place: seconds per km of each class of road, per junction and
per turn, none of them negative. Location effects are then those of the residuals of the road curve.
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


ROAD_KM = ("road_m_trunk", "road_m_primary", "road_m_secondary", "road_m_tertiary", "road_m_minor")
ROAD_COUNTS = ("road_junctions", "road_turns")
N_ROAD_TERMS = 1 + len(ROAD_KM) + len(ROAD_COUNTS)
ROAD_ROUNDS = 15
S_PER_MIN = 60.0


@dataclass(frozen=True, slots=True)
class RoadCurve:
    """The fitted time by road."""

    coefficients: Floats
    """(15,) seconds per unit of each column of `road_design`."""

    def __call__(self, dispatches: Dispatches) -> Floats:
        """Return (n,) seconds, NaN where the way is unknown."""
        return np.asarray(road_design(dispatches) @ self.coefficients)

    def parts(self, dispatches: Dispatches) -> tuple[Floats, Floats, Floats]:
        """Return the (n,) seconds of the way with the constant, of the hour, and of own ground."""
        table, after = road_design(dispatches), N_ROAD_TERMS + 1
        of_column = table * self.coefficients
        hour_s, own_s = of_column[:, after : after + 4].sum(axis=1), of_column[:, after + 4 :].sum(axis=1)
        return of_column[:, :after].sum(axis=1), hour_s, own_s


def road_design(dispatches: Dispatches) -> Floats:
    """Return (n, 15): 1, root of the fastest minutes, km by class, junctions, turns, and the last six of `design`."""
    return np.column_stack(
        [
            np.ones(dispatches.n),
            # short ways are slower than long ones: pumps accelerate, and leave by small streets
            np.sqrt(dispatches.on_way("road_s") / S_PER_MIN),
            *(dispatches.on_way(name) / M_PER_KM for name in ROAD_KM),
            *(dispatches.on_way(name) for name in ROAD_COUNTS),
            design(dispatches)[:, 3:],
        ]
    )


def fit_road_curve(dispatches: Dispatches, attendance_s: Floats) -> RoadCurve:
    """Fit the road curve to dispatches whose way is known, with least absolute residuals and no negative speed."""
    # the service never fits, and this part of SciPy takes a while to load
    from scipy.optimize import lsq_linear  # noqa: PLC0415

    table = road_design(dispatches)
    low = np.full(table.shape[1], -np.inf)
    low[1 : N_ROAD_TERMS + 1] = 0.0
    weight = np.ones(len(attendance_s))
    coefficients: Floats = np.zeros(table.shape[1])
    for _ in range(ROAD_ROUNDS):
        weighted = table * weight[:, None]
        # the triangle has the same solution as all rows, and is as small as the number of columns
        triangle = np.linalg.cholesky(weighted.T @ table + 1e-6 * np.eye(table.shape[1]))
        target = np.linalg.solve(triangle, weighted.T @ attendance_s)
        found = lsq_linear(triangle.T, target, (low, np.inf), method="bvls").x
        # the solver may stop a rounding error below a bound
        coefficients = np.asarray(np.maximum(found, low))
        weight = 1 / np.maximum(np.abs(attendance_s - table @ coefficients), SMOOTH_S)
    return RoadCurve(coefficients)


@dataclass(frozen=True, slots=True)
class RoadModel:
    """Replaces base curve and location effects where the way by road is known."""

    curve: RoadCurve
    location_effects: tuple[LocationEffect, ...]


ROAD_TIME = "road_curve_s"
"""Name of the fitted time by road as a feature."""
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
    roads: RoadModel | None = None
    """None if no ways by road were known in training."""

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the columns of `table`."""
        return (
            *(feature.name for feature in self.features),
            *(effect.smoothing.name for effect in self.location_effects),
            *((ROAD_TIME,) if self.roads is not None else ()),
        )

    def base_s(self, dispatches: Dispatches) -> Floats:
        """Return the (n,) seconds by the road curve where the way is known, else by the base curve."""
        base_s = self.curve(dispatches)
        return (
            base_s
            if self.roads is None
            else by_road_where_known(dispatches, self.roads.curve(dispatches), base_s)
        )

    def table(self, dispatches: Dispatches) -> Floats:
        """Return the (n, features) table of the boosters."""
        return self.table_of_completed(self.context.completed(dispatches))

    def table_of_completed(self, dispatches: Dispatches) -> Floats:
        """Return the table of dispatches whose context is complete; what it derives is cached for the curve too."""
        easting_m, northing_m = dispatches.number("easting_m"), dispatches.number("northing_m")
        effects_s = [effect(dispatches.station, easting_m, northing_m) for effect in self.location_effects]
        if self.roads is not None:
            by_road_s = [
                effect(dispatches.station, easting_m, northing_m) for effect in self.roads.location_effects
            ]
            effects_s = [
                *(
                    by_road_where_known(dispatches, by_road, other)
                    for by_road, other in zip(by_road_s, effects_s, strict=True)
                ),
                self.roads.curve(dispatches),
            ]
        return np.column_stack([build(dispatches, self.features), *effects_s])

    def __call__(self, dispatches: Dispatches, interval_scaling: Floats | float = 1.0) -> ResponseTimes:
        """Predict the distribution of each dispatch; `interval_scaling`, (n,), widens it outside the domain."""
        return self.from_table(dispatches, self.table(dispatches), interval_scaling)

    def from_table(
        self, dispatches: Dispatches, table: Floats, interval_scaling: Floats | float = 1.0
    ) -> ResponseTimes:
        """Predict as `__call__` does, from a table that is already computed."""
        left_s = np.mean([boosters.predict(booster, table) for booster in self.centre], axis=0)
        # Trees are flat beyond the data: the curve carries the prediction where no dispatch was seen.
        centre_s = self.base_s(dispatches) + left_s
        scale_s = np.exp(boosters.predict(self.scale, table)) * interval_scaling
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


def by_road_where_known(dispatches: Dispatches, by_road_s: Floats, other_s: Floats) -> Floats:
    """Return (n,) `by_road_s` where the way by road is known, else `other_s`."""
    return np.where(dispatches.has_way, by_road_s, other_s)


def group_index(dispatches: Dispatches) -> tuple[Ints, Ints]:
    """Return the distance band of each dispatch, and whether it is on own ground."""
    return np.searchsorted(DISTANCE_BANDS_M, dispatches.distance_m), dispatches.is_own_ground.astype(np.int64)
