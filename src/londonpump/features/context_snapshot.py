"""The context of one moment: each value with its source and age, and in words what is not there."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

UNITS = {
    "temp_c": "C",
    "precip_mm": "mm",
    "cloudcover_pct": "%",
    "visibility_km": "km",
    "wind_kmh": "km/h",
    "congestion_rate": "of 0 to 1",
}
"""Of the values that have one."""
NAMES = {
    "temp_c": "temperature",
    "precip_mm": "rain",
    "cloudcover_pct": "cloud cover",
    "visibility_km": "visibility",
    "wind_kmh": "wind",
    "conditions": "conditions",
    "congestion_rate": "congestion",
    "is_school_holiday": "school holiday",
    "is_working_day": "working day",
}
"""As people say them."""
TEXTS = frozenset({"conditions"})
S_A_MIN = 60.0


@dataclass(frozen=True, slots=True)
class ContextValue:
    """One value. observed_at, available_at: None for what a calendar says. is_filled: taken from an hour before the
    moment's own, or from another row of it than the one that counts."""

    name: str
    value: float | bool | str | None
    source: str | None = None
    observed_at: datetime | None = None
    available_at: datetime | None = None
    is_filled: bool = False

    def age_min(self, at: datetime) -> float | None:
        """Minutes since it became available; None for what a calendar says and for what is unknown."""
        if self.available_at is None:
            return None
        return (at - self.available_at).total_seconds() / S_A_MIN


@dataclass(frozen=True, slots=True)
class ContextSnapshot:
    """values: one a column, `temp_c` to `is_working_day`. missing: what is not there, in words."""

    at: datetime
    values: tuple[ContextValue, ...]
    missing: tuple[str, ...]

    def __getitem__(self, name: str) -> ContextValue:
        """The value of a column."""
        return next(value for value in self.values if value.name == name)

    def columns(self) -> dict[str, NDArray[Any]]:
        """{column: (1,)} as models read them: numbers as float64 (NaN unknown), texts as objects (None)."""
        return {
            one.name: np.array([one.value], object if one.name in TEXTS else np.float64)
            for one in self.values
        }

    def to_json(self) -> dict[str, Any]:
        """`at, values {name: value, unit, source, observed_at, available_at, age_min, is_filled}, missing`."""
        return {
            "at": self.at.isoformat(),
            "values": {one.name: self._value_to_json(one) for one in self.values},
            "missing": list(self.missing),
        }

    def _value_to_json(self, one: ContextValue) -> dict[str, Any]:
        age_min = one.age_min(self.at)
        return {
            "value": one.value,
            "unit": UNITS.get(one.name),
            "source": one.source,
            "observed_at": one.observed_at.isoformat() if one.observed_at else None,
            "available_at": one.available_at.isoformat() if one.available_at else None,
            "age_min": None if age_min is None else round(age_min, 1),
            "is_filled": one.is_filled,
        }
