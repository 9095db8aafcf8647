"""Candidates of a call ranked by their median response time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from londonpump.domain.mobilisations import RANKED, State
from londonpump.models.distribution import LEVELS, MixtureTimes, ResponseTimes, Times
from londonpump.models.explanations import Contribution
from londonpump.models.predict import Predictions
from londonpump.service.predictions.calls import Call

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
N_TIMES = 128
"""Times, about 5 s apart, at which the chance that both pumps have arrived is computed."""
PUMP_CORRELATION = 0.48
"""Correlation of the quantiles at which the two pumps of one call arrive, from 388 held-out calls of a simulated
Brigade. Without it the P50 of the later pump was 10 s too late and P10 to P90 covered 69 %; with it 1 s and 75 %. It
has not been measured on real records."""
# ndtri is infinite at 0 and 1
MIN_CHANCE = 1e-9
# 16 nodes integrate over the shared standard normal variable
_NODES, _WEIGHTS_WHOLE = np.polynomial.hermite_e.hermegauss(16)
_WEIGHTS: Floats = _WEIGHTS_WHOLE / _WEIGHTS_WHOLE.sum()
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


def select_times(times: Times, rows: Ints) -> Times:
    """Return the response times of some rows."""
    if isinstance(times, MixtureTimes):
        every = (rows[:, None] * times.points + np.arange(times.points)).ravel()
        return MixtureTimes(_select(times.parts, every), times.points)
    assert isinstance(times, ResponseTimes)  # noqa: S101 - there are two kinds
    return _select(times, rows)


def later_of_two_s(times: Times, rows: Ints, levels: Sequence[float]) -> list[float]:
    """Return quantiles of the later of two arrivals at one call, whose times are correlated (Gaussian copula).

    Args: rows: (2,). levels: within the range of `distribution.LEVELS`.
    """
    ends_s = select_times(times, rows).quantiles((LEVELS[0], LEVELS[-1]))
    time_s = np.linspace(ends_s.min(), ends_s.max(), N_TIMES)
    later = select_times(times, np.repeat(rows, N_TIMES)).p_over(np.tile(time_s, 2))
    chance = np.clip(1.0 - later.reshape(2, N_TIMES), MIN_CHANCE, 1.0 - MIN_CHANCE)
    # given the shared variable, the two arrivals are independent: multiply, then average over the nodes
    own = (1.0 - PUMP_CORRELATION) ** 0.5
    both = ndtr((ndtri(chance)[:, :, None] - PUMP_CORRELATION**0.5 * _NODES) / own).prod(axis=0) @ _WEIGHTS
    return [float(s) for s in np.interp(levels, both, time_s)]


def _select(times: ResponseTimes, rows: Ints) -> ResponseTimes:
    fastest_s = times.fastest_s[rows] if isinstance(times.fastest_s, np.ndarray) else times.fastest_s
    return replace(
        times,
        centre_s=times.centre_s[rows],
        scale_s=times.scale_s[rows],
        group=times.group[rows],
        fastest_s=fastest_s,
    )
