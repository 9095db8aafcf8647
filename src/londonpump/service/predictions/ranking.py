"""Candidates of a call ranked by their median response time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from londonpump.models.explanations import Contribution
from londonpump.models.predict import Predictions
from londonpump.service.board.rules import RANKED, State
from londonpump.service.predictions.calls import Call

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
PUMP_LABELS = ("distance=unknown", "station=unknown")
"""Imputation labels that may differ between candidates."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """The ranked candidates of one call."""

    call: Call
    predictions: Predictions
    first: int
    """First row of the call in `predictions`."""
    row_of: dict[int, int]
    """Row of `predictions` by index of `Call.starts`, for the starts that were predicted."""
    order: tuple[int, ...]
    """Indices of `Call.pumps`, the earliest arrival first."""
    sendable: tuple[int, ...]
    """The first two of `order` that can be sent; pumps requested by name are ranked even if they cannot."""
    contributions: Mapping[int, Sequence[Contribution]] = field(default_factory=dict)
    """Contributions of the inputs to the median, by row in `explained`."""

    def row(self, pump: int) -> int:
        """Return the row of `predictions` for an index of `Call.pumps`."""
        return self.row_of[self.call.candidates.start_of[pump]]

    @property
    def returned(self) -> tuple[int, ...]:
        """The candidates that are returned."""
        return self.order[: self.call.question.max_candidates]

    @property
    def explained(self) -> list[int]:
        """The rows to explain: of the first returned candidate, of all or of none."""
        return [self.row(pump) for pump in self.returned[: self.call.question.max_explained]]

    def distances_m(self, rows: Ints) -> Floats:
        """Return the straight distance from the station per row; for a named area, the mean over its points."""
        dispatches, (east_m, north_m) = self.predictions.dispatches, self.call.location.points.T
        station_east_m = dispatches.number("station_easting_m")[rows, None]
        station_north_m = dispatches.number("station_northing_m")[rows, None]
        return np.asarray(np.hypot(east_m - station_east_m, north_m - station_north_m).mean(axis=1))

    @property
    def common_labels(self) -> list[str]:
        """Imputation labels that all candidates share."""
        return [label for label in self.predictions.imputed[self.first] if label not in PUMP_LABELS]

    def own_labels(self, row: int) -> list[str]:
        """Return the labels that only the pumps of one row have, for inputs outside the training data."""
        return [label for label in self.predictions.imputed[row] if label in PUMP_LABELS]


def rank(call: Call, predictions: Predictions, first: int, starts: Sequence[int]) -> Ranked:
    """Rank the candidates of a call. `starts` are the starts that the rows of predictions from `first` belong to."""
    row_of = {start: first + i for i, start in enumerate(starts)}
    # plain floats sort faster than NumPy scalars
    median_s = predictions.median_s[first : first + len(starts)].tolist()
    pumps = call.pumps
    start_of = call.candidates.start_of
    answered = [i for i, start in enumerate(start_of) if start in row_of]
    arrival_s = {i: median_s[row_of[start_of[i]] - first] for i in answered}
    # at equal times a pump known to be available goes first; the code makes the order deterministic
    order = sorted(answered, key=lambda i: (arrival_s[i], pumps[i].state is State.UNKNOWN, pumps[i].code))
    sendable = tuple(islice((i for i in order if pumps[i].state in RANKED), 2))
    return Ranked(call, predictions, first, row_of, tuple(order), sendable)
