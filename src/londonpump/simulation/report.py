"""Simulated beside real: each calibration figure, the difference, and what falls short."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from numpy.typing import NDArray
import numpy as np

from londonpump.simulation.measures import measure
from londonpump.simulation.plan import SimulationPlan
from londonpump.simulation.real_figures import REAL
from londonpump.simulation.records import Records

ROWS_FOR_TOLERANCE = 20_000
"""With fewer incidents chance alone is larger: tolerances grow with the square root."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One figure. simulated: None where the simulation has no such row."""

    name: str
    unit: str
    simulated: float | None
    real: float
    tolerance: float

    @property
    def difference(self) -> float | None:
        """Simulated less real."""
        return None if self.simulated is None else round(self.simulated - self.real, 3)

    @property
    def is_within(self) -> bool:
        """Whether the difference is within the tolerance; true where there is nothing to compare."""
        return self.difference is None or abs(self.difference) <= self.tolerance


def compare(records: Records, grounds: NDArray[np.int64]) -> list[Comparison]:
    """Every figure of `REAL`, measured on the simulation. grounds: (n,) ground of each call."""
    found = measure(records, grounds)
    wider = max(1.0, (ROWS_FOR_TOLERANCE / max(len(records.calls), 1)) ** 0.5)
    return [
        Comparison(real.name, real.unit, found.get(real.name), round(real.value, 3), round(real.tolerance * wider, 3))
        for real in REAL
    ]


def as_markdown(
    plan: SimulationPlan,
    rows: Mapping[str, int],
    fault_counts: Mapping[str, int],
    comparisons: Sequence[Comparison],
) -> str:
    """The report a person reads."""
    short = [one for one in comparisons if not one.is_within]
    lines = [
        "# Simulated Brigade",
        "",
        "Everything in this folder is simulated; no row is a real incident.",
        "",
        f"{plan.incidents} incidents over {plan.days} days from {plan.start.isoformat()}, seed {plan.seed}, "
        f"format of {plan.vintage}; {rows['incidents']} rows of incidents and {rows['mobilisations']} of "
        "mobilisations written.",
        "",
        "## What falls short",
        "",
        *(
            [f"- {one.name}: {_shown(one.simulated)} {one.unit} where the records show {_shown(one.real)}" for one in short]
            or ["Every figure is within its tolerance."]
        ),
        "",
        "## Simulated beside real",
        "",
        "Real: London Fire Brigade records of 2023 unless a figure says otherwise. Fewer than "
        f"{ROWS_FOR_TOLERANCE} incidents widen the tolerances.",
        "",
        "| figure | unit | simulated | real | difference | tolerance | |",
        "|---|---|---:|---:|---:|---:|---|",
        *(
            f"| {c.name} | {c.unit} | {_shown(c.simulated)} | {_shown(c.real)} | {_shown(c.difference)} "
            f"| {_shown(c.tolerance)} | {'' if c.is_within else 'falls short'} |"
            for c in comparisons
        ),
        "",
        "## Faults injected",
        "",
        *([f"- {kind}: {many}" for kind, many in fault_counts.items()] or ["None: the files are clean."]),
        "",
    ]
    return "\n".join(lines)


def _shown(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if abs(value) < 1 else f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"
