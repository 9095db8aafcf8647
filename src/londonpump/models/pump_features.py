"""A call as the models of the number of pumps see it, and how their two answers are put together."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from londonpump.features.catalogue import CLOCK, FEATURES, WHEN, Feature, build
from londonpump.features.dispatches import Dispatches
from londonpump.models.pump_frequencies import (
    CHAINS,
    N_CLASSES,
    UNKNOWN,
    Codes,
    Vocabulary,
    as_any_type,
    encode,
)
from londonpump.models.pump_steps import PumpSteps

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
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
"""Features of the catalogue that belong to the incident: one answer serves every candidate pump."""
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
BOOSTERS_SHARE = 0.65
"""Of the boosters in the average with the table of kind, property and night."""


@dataclass(frozen=True, slots=True)
class Calls:
    """n calls as the model sees them. plain: (n, features of the call). codes: of the tables."""

    plain: Floats
    codes: Codes

    @classmethod
    def of(cls, dispatches: Dispatches, vocabulary: Vocabulary) -> "Calls":
        """As they are stated."""
        return cls(build(dispatches, FEATURES_OF_CALLS), encode(dispatches, vocabulary))

    @property
    def has_incident_type(self) -> Ints:
        """(n,) 1 where a kind of call is stated, else 0."""
        return np.asarray(np.isfinite(self.plain[:, TYPE_COLUMN]), np.int64)

    @property
    def has_property(self) -> Ints:
        """(n,) 1 where a property category is stated, else 0."""
        return np.asarray(np.isfinite(self.plain[:, PROPERTY_COLUMNS[0]]), np.int64)

    def take(self, rows: Ints) -> "Calls":
        """Some of them."""
        return Calls(self.plain[rows], {name: code[rows] for name, code in self.codes.items()})

    def hiding(self, hide_type: Flags, hide_property: Flags) -> "Calls":
        """The same without the kind, or the property, of some. kind, place: (n,) what is hidden."""
        plain = self.plain.copy()
        plain[hide_type, TYPE_COLUMN] = np.nan
        for column in PROPERTY_COLUMNS:
            plain[hide_property, column] = np.nan
        codes = as_any_type(self.codes, hide_type)
        for name in ("property_category", "property_type"):
            codes[name] = np.where(hide_property, UNKNOWN, codes[name])
        return Calls(plain, codes)


def table_of(calls: Calls, shares: list[Floats]) -> Floats:
    """(n, NAMES) what the boosters look at. shares: (n, 5) a chain."""
    return np.column_stack([calls.plain, *(share[:, 1:] for share in shares)])


def mixed(steps: PumpSteps, calls: Calls, shares: list[Floats]) -> Floats:
    """(n, 5) boosters and table, averaged. shares: (n, 5) a chain; the first is the table's answer."""
    boosted = steps(table_of(calls, shares), shares[0])
    return BOOSTERS_SHARE * boosted + (1 - BOOSTERS_SHARE) * shares[0]
