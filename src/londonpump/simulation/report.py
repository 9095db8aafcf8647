"""Simulated beside real: each calibration figure, the difference, and what falls short."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from londonpump.simulation.calibration_measures import measure
from londonpump.simulation.plan import SimulationPlan
from londonpump.simulation.records import Records
from londonpump.simulation.reference_figures import REFERENCE_FIGURES

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
    """Every figure of `REFERENCE_FIGURES`, measured on the simulation. grounds: (n,) ground of each call."""
    found = measure(records, grounds)
    wider = max(1.0, (ROWS_FOR_TOLERANCE / max(len(records.calls), 1)) ** 0.5)
    return [
        Comparison(
            real.name, real.unit, found.get(real.name), round(real.value, 3), round(real.tolerance * wider, 3)
        )
        for real in REFERENCE_FIGURES
    ]


def as_markdown(
    plan: SimulationPlan,
    rows: Mapping[str, int],
    fault_counts: Mapping[str, int],
    comparisons: Sequence[Comparison],
) -> str:
    """The report a person reads."""
    short = [
        f"- {c.name}: {_shown(c.simulated)} {c.unit} where the records show {_shown(c.real)}"
        for c in comparisons
        if not c.is_within
    ]
    return _TEMPLATE.format(
        plan=plan,
        rows=rows,
        rows_for_tolerance=ROWS_FOR_TOLERANCE,
        short="\n".join(short) or "Every figure is within its tolerance.",
        figures="\n".join(_line(c) for c in comparisons),
        faults="\n".join(f"- {fault_type}: {count}" for fault_type, count in fault_counts.items())
        or "None: the files are clean.",
    )


_TEMPLATE = """# Simulated Brigade

Everything in this folder is simulated; no row is a real incident.

{plan.incidents} incidents over {plan.days} days from {plan.start}, seed {plan.seed}, in the format of
{plan.vintage}: {rows[incidents]} rows of incidents and {rows[mobilisations]} of mobilisations.

## What falls short

{short}

## Simulated beside real

Real: London Fire Brigade records of 2023 unless a figure says otherwise (Open Government Licence v3.0).
A Brigade of another year, or with stations closed, differs from them rightly. With fewer than {rows_for_tolerance} incidents the tolerances are wider.

| figure | unit | simulated | real | difference | tolerance | |
|---|---|---:|---:|---:|---:|---|
{figures}

## Faults injected

{faults}
"""


def _line(c: Comparison) -> str:
    figures = " | ".join(_shown(x) for x in (c.simulated, c.real, c.difference, c.tolerance))
    return f"| {c.name} | {c.unit} | {figures} | {'' if c.is_within else 'falls short'} |"


def _shown(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if abs(value) < 1 else f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"
