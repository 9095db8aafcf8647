"""Boosters of the number of pumps, the features of a call, and the choice of one number.

One booster per step predicts P(more than k | k or more), k = 1 to 4, on the calls that reach the step. Their products
give five probabilities that sum to 1 (continuation ratio). Three forms were compared by five folds inside training
calls, 100 trees each, averaged with the table, two seeds. Log loss with everything given / nothing given, macro F1 with
everything given, CPU seconds of the whole comparison:

| form              | January-September 2023 | January 2017           | CPU |
|-------------------|------------------------|------------------------|-----|
| continuation ratio | 0.6236 / 0.8991, 0.435 | 0.6232 / 0.9263, 0.455 | 28  |
| P(more than k), made monotone | 0.6284 / 0.8999, 0.435 | 0.6248 / 0.9265, 0.436 | 45  |
| multiclass        | 0.6233 / 0.8971, 0.447 | 0.6225 / 0.9233, 0.441 | 41  |

Multiclass is at most 0.003 better in log loss and ignores the order; the steps cost a third less, because few calls
reach the later ones.

The most likely number is nearly always 1 or 2; without weights 3, 4 and 5 would never be chosen. The weights maximise
macro F1 with an accuracy within one point of the best.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from londonpump.features.catalogue import CLOCK, FEATURES, WHEN, Feature, build
from londonpump.features.dispatches import Dispatches
from londonpump.models import boosters
from londonpump.models.pump_frequencies import (
    CHAINS,
    N_CLASSES,
    UNKNOWN,
    Codes,
    Vocabulary,
    as_any_type,
    encode,
)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

STEPS = range(1, N_CLASSES)
MIN_PER_SIDE = 20
"""A step has a booster only if this many calls go on and as many stop; otherwise it follows the table."""


@dataclass(frozen=True, slots=True)
class PumpSteps:
    """The boosters of all steps."""

    steps: tuple[boosters.Booster | None, ...]
    """One booster for each of STEPS, None where there were too few training calls."""

    def __call__(self, table: Floats, fallback: Floats) -> Floats:
        """Return (n, 5) probabilities; `fallback`, (n, 5), serves the steps without a booster."""
        further = further_from(fallback)
        for i, booster in enumerate(self.steps):
            if booster is not None:
                further[:, i] = boosters.predict(booster, table)
        return chances_from(further)


def fit_steps(
    table: Floats, pumps: Ints, names: tuple[str, ...], parameters: boosters.Parameters
) -> PumpSteps:
    """Train each step on an (n, features) table and (n,) pumps, 1 to 5."""
    steps: list[boosters.Booster | None] = []
    for k in STEPS:
        rows = pumps >= k
        goes_on = (pumps[rows] > k).astype(np.float64)
        has_enough_calls = min(goes_on.sum(), (1 - goes_on).sum()) >= MIN_PER_SIDE
        settings = {"objective": "binary", **parameters}
        steps.append(boosters.train(table[rows], goes_on, names, settings) if has_enough_calls else None)
    return PumpSteps(tuple(steps))


def further_from(chances: Floats) -> Floats:
    """Return (n, 4) P(more than k | k or more) of (n, 5) probabilities, none of which is 0."""
    at_least = np.cumsum(chances[:, ::-1], axis=1)[:, ::-1]
    return np.asarray(at_least[:, 1:] / at_least[:, :-1])


def chances_from(further: Floats) -> Floats:
    """Return (n, 5) probabilities from (n, 4) P(more than k | k or more)."""
    n = len(further)
    at_least = np.cumprod(np.column_stack([np.ones(n), further]), axis=1)
    stops = np.column_stack([1 - further, np.ones(n)])
    return np.asarray(at_least * stops)


Flags = NDArray[np.bool_]

CALL_FEATURES = (
    "easting_m",
    "northing_m",
    "nearest_m",
    "second_nearest_m",
    "hour",
    "incident_type",
    "property_category",
    "address_qualifier",
)
"""Features that belong to the incident, so that one prediction serves every candidate pump."""
FEATURES_OF_CALLS: tuple[Feature, ...] = (
    *(feature for feature in FEATURES if feature.name in CALL_FEATURES),
    Feature(
        "is_working_day",
        "0/1",
        CLOCK,
        (*WHEN, "is_working_day"),
        "hour",
        lambda dispatches: dispatches.is_working_day.astype(np.float64),
    ),
)
NAMES = (
    *(feature.name for feature in FEATURES_OF_CALLS),
    *(f"{chain.name}_{number}" for chain in CHAINS for number in range(2, N_CLASSES + 1)),
)
TYPE_COLUMN = NAMES.index("incident_type")
PROPERTY_COLUMNS = (NAMES.index("property_category"), NAMES.index("address_qualifier"))
# Chosen in experiments on records of 2023; February 2017 was not used for it (accuracy.md).
BOOSTERS_SHARE = 0.65
"""Weight of the boosters in the average with the table of incident type, property and night."""


@dataclass(frozen=True, slots=True)
class Calls:
    """The features of n calls."""

    plain: Floats
    """(n, features) values for the boosters."""
    codes: Codes
    """Codes for the tables."""

    @classmethod
    def of(cls, dispatches: Dispatches, vocabulary: Vocabulary) -> "Calls":
        """Compute the features of calls with the values as given."""
        return cls(build(dispatches, FEATURES_OF_CALLS), encode(dispatches, vocabulary))

    @property
    def has_incident_type(self) -> Ints:
        """Return (n,) 1 where the incident type is given, else 0."""
        return np.asarray(np.isfinite(self.plain[:, TYPE_COLUMN]), np.int64)

    @property
    def has_property(self) -> Ints:
        """Return (n,) 1 where the property category is given, else 0."""
        return np.asarray(np.isfinite(self.plain[:, PROPERTY_COLUMNS[0]]), np.int64)

    def take(self, rows: Ints) -> "Calls":
        """Return some of the calls."""
        return Calls(self.plain[rows], {name: code[rows] for name, code in self.codes.items()})

    def hiding(self, hide_type: Flags, hide_property: Flags) -> "Calls":
        """Return the calls with incident type or property hidden where the (n,) flags say so."""
        plain = self.plain.copy()
        plain[hide_type, TYPE_COLUMN] = np.nan
        for column in PROPERTY_COLUMNS:
            plain[hide_property, column] = np.nan
        codes = as_any_type(self.codes, hide_type)
        for name in ("property_category", "property_type"):
            codes[name] = np.where(hide_property, UNKNOWN, codes[name])
        return Calls(plain, codes)


def table_of(calls: Calls, shares: list[Floats]) -> Floats:
    """Return the (n, NAMES) table of the boosters. shares: (n, 5) per chain."""
    return np.column_stack([calls.plain, *(share[:, 1:] for share in shares)])


def mixed(steps: PumpSteps, calls: Calls, shares: list[Floats]) -> Floats:
    """Return the (n, 5) average of boosters and table. shares: (n, 5) per chain; the first is the table's prediction."""
    boosted = steps(table_of(calls, shares), shares[0])
    return BOOSTERS_SHARE * boosted + (1 - BOOSTERS_SHARE) * shares[0]


# Macro F1 alone would announce rare numbers at any cost in accuracy.
ACCURACY_SLACK = 0.01
# A round costs 152 evaluations; the ascent ends earlier where a round changes nothing.
ROUNDS = 4
# Even steps of the logarithm, because a weight acts as a factor: from a half to twenty times that of one pump.
WEIGHTS: Floats = np.exp(np.linspace(-0.7, 3.0, 38))
"""Candidate weights of each number; the weight of one pump is 1."""


def choose(probability: Floats, weights: Floats) -> Ints:
    """Return (n,) 1 to 5, the number with the largest weighted probability. weights: (5,) or (n, 5)."""
    return np.asarray((probability * weights).argmax(axis=1) + 1)


def fit_weights(probability: Floats, pumps: Ints) -> Floats:
    """Fit (5,) weights by coordinate ascent from equal ones.

    Args: probability: (n, 5) of calls outside the training rows. pumps: (n,) 1 to 5.
    """
    weights = np.ones(N_CLASSES)
    if not len(pumps):
        return weights
    accuracy, best = _score(probability, pumps, weights)
    min_accuracy = accuracy - ACCURACY_SLACK
    for _ in range(ROUNDS):
        before = weights.copy()
        for number in range(1, N_CLASSES):
            for weight in WEIGHTS:
                candidate = weights.copy()
                candidate[number] = weight
                accuracy, macro_f1 = _score(probability, pumps, candidate)
                if accuracy >= min_accuracy and macro_f1 > best:
                    weights, best = candidate, macro_f1
        if np.array_equal(weights, before):
            break
    return weights


def _score(probability: Floats, pumps: Ints, weights: Floats) -> tuple[float, float]:
    """Return accuracy and macro F1 over the numbers that occur or are chosen."""
    chosen = (probability * weights).argmax(axis=1)
    cells = np.bincount((pumps - 1) * N_CLASSES + chosen, minlength=N_CLASSES**2)
    matrix = cells.reshape(N_CLASSES, N_CLASSES)
    involved = matrix.sum(axis=0) + matrix.sum(axis=1)
    occurs = involved > 0
    return float(np.trace(matrix) / len(pumps)), float(
        (2 * np.diag(matrix)[occurs] / involved[occurs]).mean()
    )
