"""What the records cover, and what stands in for what a call leaves out.

A run outside what was learnt is answered, labelled and wide. A number that the caller does not know is filled
with what is typical at that hour, and labelled; a text stays unknown, which the models have learnt to bear.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from londonpump.brigade import kinds
from londonpump.features.ground import ROW, cell_of
from londonpump.features.runs import Runs
from londonpump.models.labels import Labels

Floats = NDArray[np.float64]
AREA_CELL_M = 2000
FILLED_BY_HOUR = ("pumps_out", "ground_pumps_available", "recent_ground_calls")
TEXTS = ("incident_type", "property_category", "property_type", "address_qualifier")
OUTSIDE_WIDENS, UNSEEN_STATION_WIDENS, WIDEST = 1.5, 1.25, 3.0
CONTEXT, DEFAULT, UNKNOWN = "context", "default", "unknown"


@dataclass(frozen=True, slots=True)
class Domain:
    """area: sorted cells of 2 km with a training call in or beside them. reach_m: the longest training run
    by bridge. stations: those that training runs left from. typical: column -> (24,) by London hour. texts:
    column -> the texts that training runs had."""

    area: NDArray[np.int64]
    reach_m: float
    stations: frozenset[str]
    typical: dict[str, Floats]
    texts: dict[str, frozenset[str]]

    def fill(self, columns: dict[str, Any], hour: Floats) -> tuple[dict[str, Any], Labels]:
        """Columns with typical numbers where there is none; per run the labels `column=source`."""
        n = len(hour)
        labels = Labels(n)
        filled = dict(columns)
        for name, by_hour in self.typical.items():
            values = np.array(columns.get(name, np.full(n, np.nan)), np.float64)
            gaps = np.isnan(values)
            values[gaps] = by_hour[hour[gaps].astype(np.int64)]
            filled[name] = values
            labels.add(f"{name}={DEFAULT}", gaps)
        for name in TEXTS:
            texts = columns.get(name)
            known = self.texts.get(name, frozenset())
            gaps = np.array([t not in known for t in texts], bool) if texts is not None else np.ones(n, bool)
            labels.add(f"{name}={UNKNOWN}", gaps)
        home = columns.get("deployed_from")
        home = np.full(n, None, object) if home is None else home.copy()
        gaps = np.array([h is None for h in home], bool)
        home[gaps] = kinds.HOME_STATION
        filled["deployed_from"] = home
        labels.add(f"is_home_station={DEFAULT}", gaps)
        return filled, labels

    def widening(self, runs: Runs) -> tuple[Floats, Labels]:
        """(n,) how much wider than learnt, 1 inside; per run the labels of what lies outside."""
        labels = Labels(runs.n)
        wide = np.clip(runs.by_bridge_m / self.reach_m, 1.0, WIDEST)
        labels.add(f"distance={UNKNOWN}", wide > 1.0)
        cell = cell_of(runs.number("easting_m"), runs.number("northing_m"), AREA_CELL_M)
        at = np.minimum(np.searchsorted(self.area, cell), len(self.area) - 1)
        outside = self.area[at] != cell
        wide = np.where(outside, np.maximum(wide, OUTSIDE_WIDENS), wide)
        labels.add(f"place={UNKNOWN}", outside)
        unseen = np.array([code not in self.stations for code in runs.text("station_code")], bool)
        wide = np.where(unseen, np.maximum(wide, UNSEEN_STATION_WIDENS), wide)
        labels.add(f"station={UNKNOWN}", unseen)
        return wide, labels

    def to_json(self) -> dict[str, Any]:
        """As json-able values."""
        return {
            "area": self.area.tolist(),
            "reach_m": self.reach_m,
            "stations": sorted(self.stations),
            "typical": {name: values.tolist() for name, values in self.typical.items()},
            "texts": {name: sorted(texts) for name, texts in self.texts.items()},
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Domain":
        """The inverse of `to_json`."""
        return cls(
            area=np.array(value["area"], np.int64),
            reach_m=float(value["reach_m"]),
            stations=frozenset(value["stations"]),
            typical={name: np.array(values, np.float64) for name, values in value["typical"].items()},
            texts={name: frozenset(texts) for name, texts in value["texts"].items()},
        )


def fit_domain(runs: Runs, read: frozenset[str]) -> Domain:
    """Learn the covered area and typical numbers. read: columns that the features read."""
    cell = np.unique(cell_of(runs.number("easting_m"), runs.number("northing_m"), AREA_CELL_M))
    steps = np.array([-1, 0, 1])
    neighbours = (steps[:, None] * ROW + steps).ravel()
    hour = runs.hour.astype(np.int64)
    typical = {
        name: _median_by_hour(runs.number(name), hour)
        for name in FILLED_BY_HOUR
        if name in read and np.isfinite(runs.number(name)).any()
    }
    return Domain(
        area=np.unique(cell[:, None] + neighbours),
        reach_m=float(runs.by_bridge_m.max()),
        stations=frozenset(runs.text("station_code")),
        typical=typical,
        texts={name: frozenset(text for text in runs.text(name) if text is not None) for name in TEXTS},
    )


def _median_by_hour(values: Floats, hour: NDArray[np.int64]) -> Floats:
    known = np.isfinite(values)
    overall = np.median(values[known])
    return np.array(
        [
            np.median(values[known & (hour == h)]) if (known & (hour == h)).any() else overall
            for h in range(24)
        ]
    )
