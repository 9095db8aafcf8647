"""Measured figures and their targets."""

from dataclasses import dataclass
from typing import Any

MET, MISSED, NO_TARGET = "met", "missed", "no target"

ORIGINAL = {
    "cleaning_cpu_s": [1225, 1510],
    "training_cpu_s": [1050, 1050],
    "source": "issue 2: the original's cleaning and training on files of this size",
}
"""Cost of the original, for comparison."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One quantity. least_and_most: of the repeats, if there were several. target: at most this."""

    quantity: str
    value: float
    unit: str
    target: float | None = None
    min_and_max: tuple[float, float] | None = None

    @property
    def verdict(self) -> str:
        """Return met or missed; empty without a target."""
        if self.target is None:
            return NO_TARGET
        return MET if self.value <= self.target else MISSED

    def to_json(self) -> dict[str, Any]:
        """Return JSON-serializable values."""
        return {
            "quantity": self.quantity,
            "value": round(self.value, 3),
            "unit": self.unit,
            "target": self.target,
            "verdict": self.verdict,
            "least_and_most": self.min_and_max and [round(end, 3) for end in self.min_and_max],
        }


@dataclass(frozen=True, slots=True)
class Measurement:
    """A measurement: its name for `--only`, a description, row counts by content, and the number of repeats."""

    name: str
    what: str
    rows: dict[str, int]
    repeats: int
    readings: tuple[Reading, ...]

    def to_json(self) -> dict[str, Any]:
        """Return JSON-serializable values."""
        return {
            "name": self.name,
            "what": self.what,
            "rows": self.rows,
            "repeats": self.repeats,
            "readings": [reading.to_json() for reading in self.readings],
        }
