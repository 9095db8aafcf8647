"""Calibration of the standardised errors by hour of the day and incident type.

The shapes are fitted by distance and ground. Without this step their 80 % intervals held 77 % from 12 to 15 h and 75 % for local
emergencies (out of fold, 2023); groups by hour and type instead of distance would only move the gap to the distances. So the errors of each
three-hour band and each type are shifted and stretched until their median and their P10 to P90 are those of all errors, the
two in turn, before the shapes are fitted.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from londonpump.domain.incident_types import INCIDENT_TYPES
from londonpump.features.dispatches import Dispatches

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BAND_H = 3
N_BANDS = 24 // BAND_H
NOT_STATED = len(INCIDENT_TYPES)
"""Index of a call whose incident type is not stated: it is calibrated by the hour alone."""
LEVELS = (0.1, 0.5, 0.9)
ROUNDS = 3
PRIOR_ERRORS = 100
"""Weight, in errors, of "as all others": a group of few errors is hardly moved."""


@dataclass(frozen=True, slots=True)
class ErrorCalibration:
    """Shift and spread of standardised errors, both (N_BANDS, NOT_STATED + 1): z = shift + spread x calibrated z."""

    shift: Floats
    spread: Floats

    def of(self, dispatches: Dispatches) -> tuple[Floats, Floats]:
        """Return the (n,) shift and the (n,) spread of dispatches."""
        cell = _cells(dispatches)
        return self.shift[cell], self.spread[cell]


_CELLS = (N_BANDS, NOT_STATED + 1)
NO_CALIBRATION = ErrorCalibration(np.zeros(_CELLS), np.ones(_CELLS))
"""Of a bundle that was trained before there was one."""


def fit_error_calibration(z: Floats, dispatches: Dispatches) -> tuple[ErrorCalibration, Floats]:
    """Fit the calibration on (n,) standardised errors out of fold. Returns: it, and the calibrated errors."""
    band, incident_type = _cells(dispatches)
    shift, spread = np.zeros(_CELLS), np.ones(_CELLS)
    calibrated = z.copy()
    rows_of = [band == each for each in range(N_BANDS)] + [
        incident_type == each for each in range(NOT_STATED)
    ]
    # views: what is written to them is written to the table
    shifts, spreads = [*shift, *shift.T[:-1]], [*spread, *spread.T[:-1]]
    for _ in range(ROUNDS):
        for group, rows in enumerate(rows_of):
            move, stretch = _towards_all(calibrated, rows)
            calibrated[rows] = (calibrated[rows] - move) / stretch
            shifts[group] += move * spreads[group]
            spreads[group] *= stretch
    return ErrorCalibration(shift, spread), calibrated


def _towards_all(z: Floats, rows: NDArray[np.bool_]) -> tuple[float, float]:
    """Return the shift and the spread of the errors of some rows against those of all."""
    n = int(rows.sum())
    if n < 2:
        return 0.0, 1.0
    low, middle, high = np.quantile(z, LEVELS)
    own_low, own_middle, own_high = np.quantile(z[rows], LEVELS)
    if own_high <= own_low or high <= low:
        return 0.0, 1.0
    trust = n / (n + PRIOR_ERRORS)
    # As a power, because a spread of two and one of a half are equally far from none.
    stretch = ((own_high - own_low) / (high - low)) ** trust
    return float(trust * (own_middle - stretch * middle)), float(stretch)


def _cells(dispatches: Dispatches) -> tuple[Ints, Ints]:
    """Return the (n,) band of hours and the (n,) index of the incident type."""
    index = {name: i for i, name in enumerate(INCIDENT_TYPES)}
    types = [index.get(name, NOT_STATED) for name in dispatches.text("incident_type")]
    return dispatches.hour.astype(np.int64) // BAND_H, np.array(types, np.int64)
