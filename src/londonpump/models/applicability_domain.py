"""The part of the input space that the training records cover, and the imputation of missing values.

A dispatch outside it gets a prediction with a label and a wider interval. A missing number is replaced by the value
typical of the hour and labelled; a missing text stays unknown, which the models are trained to handle.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from londonpump.domain import incident_types
from londonpump.features.dispatches import Dispatches
from londonpump.features.ground_lookup import ROW, cell_of

Columns = dict[str, NDArray[Any]]
Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]


class ImputationFlags(Sequence[list[str]]):
    """The labels `column=source` of each of n dispatches.

    Labels are stored by column and turned into lists only on access: of 142 candidates five are shown, and a list
    for each of them took a fifth of the response time.
    """

    def __init__(self, n: int, entries: tuple[tuple[str, Flags], ...] = ()) -> None:
        self._n = n
        self._entries = list(entries)

    def add(self, label: str, rows: Flags) -> None:
        """Add a label to the dispatches marked in the (n,) rows."""
        if rows.any():
            self._entries.append((label, rows))

    def take(self, rows: Ints | slice) -> "ImputationFlags":
        """Return the labels of some dispatches."""
        # A slice may be open or negative, and indices may repeat: indexing a range counts the rows in every case.
        n = len(np.arange(self._n)[rows])
        return ImputationFlags(n, tuple((label, flags[rows]) for label, flags in self._entries))

    def followed_by(self, *others: "ImputationFlags") -> "ImputationFlags":
        """Return these labels followed by the labels of others for the same dispatches."""
        return ImputationFlags(
            self._n, (*self._entries, *chain.from_iterable(other.by_label() for other in others))
        )

    def by_label(self) -> tuple[tuple[str, Flags], ...]:
        """Return each label with the (n,) dispatches that have it."""
        return tuple(self._entries)

    def __len__(self) -> int:
        """Return the number of dispatches."""
        return self._n

    @overload
    def __getitem__(self, row: int) -> list[str]: ...
    @overload
    def __getitem__(self, row: slice) -> "ImputationFlags": ...
    def __getitem__(self, row: Any) -> Any:
        """Return the list of one dispatch, or the labels of a slice of them. Raises: IndexError."""
        if isinstance(row, slice):
            return self.take(row)
        if not -self._n <= row < self._n:
            raise IndexError(row)
        return [label for label, flags in self._entries if flags[row]]


Floats = NDArray[np.float64]
# With the neighbouring cells, the area reaches at least 2 km beyond each training call.
AREA_CELL_M = 2000
# Missing is unknown, never 0: these counts follow the time of day, so the median of the hour is the typical value.
IMPUTED_BY_HOUR = ("pumps_out", "ground_pumps_available", "recent_ground_calls")
TEXTS = ("incident_type", "property_category", "property_type", "address_qualifier")
# Nothing was measured outside the domain: the factors widen intervals without claiming a coverage there.
OUTSIDE_SCALING, UNSEEN_STATION_SCALING, MAX_SCALING = 1.5, 1.25, 3.0
CONTEXT, DEFAULT, UNKNOWN = "context", "default", "unknown"


@dataclass(frozen=True, slots=True)
class ApplicabilityDomain:
    """The values that the training rows cover."""

    area: NDArray[np.int64]
    """Sorted numbers of the 2 km cells with a training call in them or in a neighbouring cell."""
    reach_m: float
    """Longest distance of a training dispatch, over the nearest bridge."""
    stations: frozenset[str]
    """Stations that training dispatches left from."""
    typical: dict[str, Floats]
    """Median of each column by London hour, (24,)."""
    texts: dict[str, frozenset[str]]
    """Texts of each column in the training rows."""

    def fill(self, columns: Columns, hour: Floats) -> tuple[Columns, ImputationFlags]:
        """Return the columns with missing numbers imputed, and the labels of the imputed values."""
        n = len(hour)
        imputation_flags = ImputationFlags(n)
        imputed = dict(columns)
        for name, by_hour in self.typical.items():
            values = np.array(columns.get(name, np.full(n, np.nan)), np.float64)
            gaps = np.isnan(values)
            values[gaps] = by_hour[hour[gaps].astype(np.int64)]
            imputed[name] = values
            imputation_flags.add(f"{name}={DEFAULT}", gaps)
        for name in TEXTS:
            texts = columns.get(name)
            known = self.texts.get(name, frozenset())
            gaps = np.array([t not in known for t in texts], bool) if texts is not None else np.ones(n, bool)
            imputation_flags.add(f"{name}={UNKNOWN}", gaps)
        home = columns.get("deployed_from")
        # The object array is copied, because the caller's columns must not change.
        home = np.full(n, None, object) if home is None else home.copy()
        gaps = np.array([h is None for h in home], bool)
        home[gaps] = incident_types.HOME_STATION
        imputed["deployed_from"] = home
        imputation_flags.add(f"is_home_station={DEFAULT}", gaps)
        return imputed, imputation_flags

    def interval_scaling(self, dispatches: Dispatches) -> tuple[Floats, ImputationFlags]:
        """Return the (n,) factor for the interval width, 1 inside the domain, and the labels of what lies outside."""
        imputation_flags = ImputationFlags(dispatches.n)
        # the widening grows with the distance beyond the farthest training dispatch
        wide = np.clip(dispatches.by_bridge_m / self.reach_m, 1.0, MAX_SCALING)
        imputation_flags.add(f"distance={UNKNOWN}", wide > 1.0)
        cell = cell_of(dispatches.number("easting_m"), dispatches.number("northing_m"), AREA_CELL_M)
        # searchsorted returns len(area) for a cell beyond the last one, which would not be an index
        at = np.minimum(np.searchsorted(self.area, cell), len(self.area) - 1)
        outside = self.area[at] != cell
        wide = np.where(outside, np.maximum(wide, OUTSIDE_SCALING), wide)
        imputation_flags.add(f"location={UNKNOWN}", outside)
        unseen = np.array([code not in self.stations for code in dispatches.text("station_code")], bool)
        wide = np.where(unseen, np.maximum(wide, UNSEEN_STATION_SCALING), wide)
        imputation_flags.add(f"station={UNKNOWN}", unseen)
        return wide, imputation_flags


def fit_applicability_domain(dispatches: Dispatches, read: frozenset[str]) -> ApplicabilityDomain:
    """Fit the covered area and the typical numbers of the columns that the features read."""
    cell = np.unique(cell_of(dispatches.number("easting_m"), dispatches.number("northing_m"), AREA_CELL_M))
    steps = np.array([-1, 0, 1])
    # Cells are numbered column by column, so that the eight neighbours are fixed steps away.
    neighbours = (steps[:, None] * ROW + steps).ravel()
    hour = dispatches.hour.astype(np.int64)
    typical = {
        name: _median_by_hour(dispatches.number(name), hour)
        for name in IMPUTED_BY_HOUR
        if name in read and np.isfinite(dispatches.number(name)).any()
    }
    return ApplicabilityDomain(
        area=np.unique(cell[:, None] + neighbours),
        reach_m=float(dispatches.by_bridge_m.max()),
        stations=frozenset(dispatches.text("station_code")),
        typical=typical,
        texts={name: frozenset(text for text in dispatches.text(name) if text is not None) for name in TEXTS},
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
