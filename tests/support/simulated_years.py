"""Years of a Brigade with seasons, storms and random variation only, in which a drift check should raise no alarm.

Outdoor fires go from 2 % of calls in winter to 8 % in summer, as in the Brigade's months of 2014 to 2025. On four days a
year a storm makes four times as many local emergencies. The mix of every day is its own and a little like that of the day
before: the share of a kind in two weeks has 1.0 to 3.1 times the variance that chance alone would give (0.5 to 2.7 in
January and February 2017, the storm of 23 February left out).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from londonpump.domain.incident_types import INCIDENT_TYPES
from londonpump.evaluation.drift.detection import MonitoredInput
from londonpump.evaluation.drift.thresholds import DriftMeasure

FIRST_DAY = 18_628
"""1 January 2021."""
CALLS_PER_DAY = 330
INCIDENT_TYPE_SHARES = np.array([0.63, 0.14, 0.11, 0.04, 0.08])
LOCAL = 2
RESTLESS = 0.1
PROPERTY_CATEGORIES = ("Dwelling", "Non Residential", "Outdoor", "Road Vehicle", "Other Residential")
PROPERTY_SHARES = np.array([0.50, 0.25, 0.05, 0.12, 0.08])
OUTDOOR = 2


@dataclass(frozen=True)
class StableYears:
    """Simulated calls. day: (n,) of each call; kind, place: (n,) their codes; the rest (n,)."""

    day: NDArray[np.int64]
    incident_type: NDArray[np.int64]
    property_category: NDArray[np.int64]
    hour: NDArray[np.float64]
    distance_m: NDArray[np.float64]
    pumps_out: NDArray[np.float64]
    temp_c: NDArray[np.float64]

    def watched(self) -> list[MonitoredInput]:
        """Return the inputs of the drift check."""
        incident_types, property_categories = (
            np.array(INCIDENT_TYPES, object),
            np.array(PROPERTY_CATEGORIES, object),
        )
        return [
            MonitoredInput("incident_type", DriftMeasure.MIX, incident_types[self.incident_type], self.day),
            MonitoredInput(
                "property_category", DriftMeasure.MIX, property_categories[self.property_category], self.day
            ),
            MonitoredInput("hour", DriftMeasure.SPREAD, self.hour, self.day),
            MonitoredInput("distance_m", DriftMeasure.SPREAD, self.distance_m, self.day),
            MonitoredInput("pumps_out", DriftMeasure.SPREAD, self.pumps_out, self.day),
            MonitoredInput("temp_c", DriftMeasure.KNOWN, self.temp_c, self.day),
        ]

    def with_incident_types_moved(
        self, share: float, from_day: int, one: int, other: int, seed: int
    ) -> "StableYears":
        """Return years in which a percentage of all calls from a day on has another incident type."""
        is_one = (self.incident_type == one) & (self.day >= from_day)
        p_change = share / (self.incident_type[self.day >= from_day] == one).mean()
        moves = is_one & (np.random.default_rng(seed).random(len(self.incident_type)) < p_change)
        return StableYears(**{**self.__dict__, "incident_type": np.where(moves, other, self.incident_type)})


def stable_years(days: int, seed: int, calls_per_day: int = CALLS_PER_DAY) -> StableYears:
    """Return calls of some days from 1 January 2021 on."""
    rng = np.random.default_rng(seed)
    season = np.cos(2 * np.pi * (np.arange(days) - 195) / 365.25)
    busy = np.exp(0.1 * slowly(days, rng) + 0.05 * season)
    many = rng.poisson(calls_per_day * busy)
    day = np.repeat(np.arange(days), many)
    incident_types = np.exp(
        np.log(INCIDENT_TYPE_SHARES)
        + RESTLESS * np.stack([slowly(days, rng) for _ in INCIDENT_TYPE_SHARES], axis=1)
    )
    incident_types[rng.random(days) < 4 / 365, LOCAL] *= 4
    property_categories = np.exp(
        np.log(PROPERTY_SHARES) + RESTLESS * np.stack([slowly(days, rng) for _ in PROPERTY_SHARES], axis=1)
    )
    property_categories[:, OUTDOOR] *= 1 + 0.6 * season
    n = len(day)
    return StableYears(
        day=FIRST_DAY + day,
        incident_type=drawn(incident_types, day, rng),
        property_category=drawn(property_categories, day, rng),
        hour=np.floor(24 * rng.beta(2.2, 1.6, n)),
        distance_m=1_600 * rng.gamma(2.0, 0.5, n) * np.exp(0.03 * slowly(days, rng))[day],
        pumps_out=rng.poisson(12 * busy[day] * np.exp(0.1 * slowly(days, rng))[day]).astype(float),
        temp_c=11 + 7 * season[day] + 2.5 * slowly(days, rng)[day] + rng.normal(0, 2, n),
    )


def slowly(days: int, rng: np.random.Generator, keeps: float = 0.3) -> NDArray[np.float64]:
    """Return (days,) random values with spread 1, in which each day resembles the day before it."""
    steps = rng.normal(0, np.sqrt(1 - keeps**2), days)
    steps[0] /= np.sqrt(1 - keeps**2)
    return np.asarray(lfilter([1.0], [1.0, -keeps], steps))


def drawn(
    weights: NDArray[np.float64], day: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw (n,) one of the columns of (days, k) weights for each row's day."""
    line = np.cumsum(weights, axis=1) / weights.sum(axis=1, keepdims=True)
    return np.minimum((rng.random(len(day))[:, None] > line[day]).sum(axis=1), weights.shape[1] - 1)
