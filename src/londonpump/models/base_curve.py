"""The smooth part of a response time: distance and hour, on a curve of a few coefficients.

T = a + b sqrt(d) + c d + first and second harmonic of the London hour + own ground + at the station, d by the nearest bridge;
least absolute residuals by iterated reweighting. The boosters learn what is left, so that a run farther
than any seen is still answered along the curve. Form: facts 3.3; turnout doubles at night: facts 3.4.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from londonpump.features.dispatches import Dispatches

Floats = NDArray[np.float64]

ROUNDS = 30
SMOOTH_S = 30.0
"""Residuals below this count as squares: the absolute value has a corner at 0."""
M_PER_KM = 1000.0
TYPICAL_KM = 1.5
"""About the median distance of a first pump: what reasons are told against."""


@dataclass(frozen=True, slots=True)
class BaseCurve:
    """coefficients: (9,) seconds a column of `design`."""

    coefficients: Floats

    def __call__(self, dispatches: Dispatches) -> Floats:
        """(n,) seconds."""
        return np.asarray(design(dispatches) @ self.coefficients)

    def parts(self, dispatches: Dispatches) -> tuple[Floats, Floats, Floats, Floats, float]:
        """(n,) seconds of distance beyond a typical one, of the way round by a bridge, of the hour and of own
        ground, and what is constant; they add up to the curve."""
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
    """(n, 9): 1, sqrt(km), km, four harmonics of the hour, own ground, at the fire station itself."""
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
    """Least absolute residuals over the training runs."""
    table = design(dispatches)
    weight = np.ones(len(attendance_s))
    ridge = 1e-6 * np.eye(table.shape[1])
    coefficients: Floats = np.zeros(table.shape[1])
    for _ in range(ROUNDS):
        weighted = table * weight[:, None]
        coefficients = np.asarray(
            np.linalg.solve(weighted.T @ table + ridge, weighted.T @ attendance_s), np.float64
        )
        weight = 1 / np.maximum(np.abs(attendance_s - table @ coefficients), SMOOTH_S)
    return BaseCurve(coefficients)
