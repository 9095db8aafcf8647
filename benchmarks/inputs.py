"""Inputs of the measurements, made once: a simulated Brigade, its examples and a bundle."""

import json
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmarks.context_rows import fill
from benchmarks.processes import LONDONPUMP, Cost, londonpump, run, task
from londonpump.persistence.bundles import CURRENT

START = date(2021, 1, 1)
DAYS, INCIDENTS = 1096, 360_000
"""Three years of the Brigade, for which the targets are stated."""
QUARTER_DAYS = 91
CHAMPION_SHARE = 0.25
"""The champion of a challenge is trained on the first quarter of the stream."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """incidents: of the main stream. simulated: of the one that only the simulation is measured on.
    growth: incidents, size by size. repeats: of what is quick. samples: of what takes a millisecond."""

    incidents: int = INCIDENTS
    simulated: int = 110_000
    growth: tuple[int, ...] = (50_000, 100_000, 200_000, 400_000)
    repeats: int = 3
    samples: int = 1_000


QUICK = Sizes(incidents=4_000, simulated=1_000, growth=(2_000, 4_000, 8_000), repeats=1, samples=20)


def days_of(incidents: int) -> int:
    """Return the number of days in which this many incidents occur at the Brigade's pace."""
    return max(28, round(incidents * DAYS / INCIDENTS))


def simulate(out: Path, incidents: int, start: date = START, days: int | None = None) -> Cost:
    """Simulate at the Brigade's pace into a folder."""
    days = days or days_of(incidents)
    return londonpump(
        *("simulate", "--incidents", str(incidents), "--start", start.isoformat(), "--days", str(days)),
        *("--seed", "1", "--out", out),
    )


def prepare(raw: Path, out: Path) -> Cost:
    """Prepare a simulated folder with all its context."""
    return londonpump(
        *("prepare", "--incidents", raw / "incidents.csv", "--mobilisations", raw / "mobilisations.csv"),
        *("--stations", raw / "stations.csv", "--weather", raw / "weather_hourly.csv"),
        *("--traffic", raw / "traffic_index.csv", "--school-holidays", raw / "school_holidays.csv"),
        *("--complete", "yes", "--out", out),
    )


def train(data: Path, out: Path, home: Path | None = None) -> Cost:
    """Train all models; with the roads of a home, if one is named."""
    own = () if home is None else ("env", f"LONDONPUMP_HOME={home}")
    return run((*own, *LONDONPUMP, "train", "--data", str(data), "--out", str(out)))[0]


def rows_of(data: Path) -> dict[str, int]:
    """Return the numbers of rows that `prepare` read and wrote."""
    report: dict[str, Any] = json.loads((data / "report.json").read_text(encoding="utf-8"))
    read = {name: counts["in"] for name, counts in report["tables"].items()}
    return {**read, "examples": report["examples"]}


class Inputs:
    """Folders in `work`, each made when it is first asked for and left there."""

    def __init__(self, work: Path, sizes: Sizes) -> None:
        self.work = work
        self.sizes = sizes

    def raw(self) -> Path:
        """Return the main stream as published."""
        return self._simulated(self.work / "raw", self.sizes.incidents, START)

    def data(self) -> Path:
        """Return the examples of the main stream."""
        return self._prepared(self.work / "data", self.raw())

    def bundle(self) -> Path:
        """Return a bundle trained on them."""
        out = self.work / "bundle"
        if not (out / CURRENT).exists():
            train(self.data(), out)
        return out

    @cached_property
    def reference_cpu_s(self) -> float:
        """Cost of the fixed LightGBM workload, measured once in this run: 500,000 rows for the main stream of full size."""
        rows = 500_000 * self.sizes.incidents // INCIDENTS
        return float(task("reference_lightgbm", str(rows))[1]["cpu_s"])

    def champion(self) -> Path:
        """Return a bundle trained on the first part of the main stream."""
        out = self.work / "champion"
        if not (out / CURRENT).exists():
            until = START + timedelta(days=round(CHAMPION_SHARE * days_of(self.sizes.incidents)))
            londonpump("train", "--data", self.data(), "--out", out, "--until", until.isoformat())
        return out

    def later_quarter(self) -> Path:
        """Return the examples of the quarter after the main stream."""
        start = START + timedelta(days=days_of(self.sizes.incidents))
        incidents = max(1_000, self.sizes.incidents * QUARTER_DAYS // DAYS)
        raw = self._simulated(self.work / "later_raw", incidents, start, QUARTER_DAYS)
        return self._prepared(self.work / "later_data", raw)

    def context_database(self) -> Path:
        """Return a database with made-up context for the days of the main stream."""
        file = self.work / "context.db"
        if not file.exists():
            part = self.work / "context_part.db"
            fill(part, START, days_of(self.sizes.incidents))
            part.rename(file)
        return file

    def _simulated(self, out: Path, incidents: int, start: date, days: int | None = None) -> Path:
        if not (out / "report.json").exists():
            simulate(out, incidents, start, days)
        return out

    def _prepared(self, out: Path, raw: Path) -> Path:
        if not (out / "report.json").exists():
            prepare(raw, out)
        return out
