"""Which pump is there first: candidates in the order of their median arrival, out of the model's answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from londonpump.models.distribution import LEVELS, MixtureTimes, ResponseTimes, Times
from londonpump.models.explanations import Contribution
from londonpump.models.predict import Predictions
from londonpump.service.board.rules import RANKED, State
from londonpump.service.predictions.calls import Call

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
N_TIMES = 128
"""At which the chance of both is worked out: some 5 s apart."""
PUMP_CORRELATION = 0.48
"""Correlation of where two pumps of one call fall in their distributions: of 388 later calls with two pumps of a
simulated Brigade. Without it the P50 of the later one came 10 s too late and P10 to P90 held 69 % of them; with it 1 s
and 75 %. Not measured on real records."""
MIN_CHANCE = 1e-9
_NODES, _WEIGHTS_WHOLE = np.polynomial.hermite_e.hermegauss(16)
_WEIGHTS: Floats = _WEIGHTS_WHOLE / _WEIGHTS_WHOLE.sum()
PUMP_LABELS = ("distance=unknown", "station=unknown")
"""Labels that one candidate may have and another not."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """The answer to one call. first: its first row of `predictions`. row_of: by number of `Call.starts`, those that
    were answered. order: indices of `Call.pumps`, the first to arrive first; able: the first two of them that can be
    sent, as others are there too where they were asked for by name. because: the reasons of the rows `explained`."""

    call: Call
    predictions: Predictions
    first: int
    row_of: dict[int, int]
    order: tuple[int, ...]
    sendable: tuple[int, ...]
    contributions: Mapping[int, Sequence[Contribution]] = field(default_factory=dict)

    def row(self, pump: int) -> int:
        """The row of `predictions` of a pump."""
        return self.row_of[self.call.candidates.start_of[pump]]

    @property
    def returned(self) -> tuple[int, ...]:
        """The candidates that are returned."""
        return self.order[: self.call.question.return_at_most]

    @property
    def explained(self) -> list[int]:
        """The rows of those whose reasons are told: of the first, of all or of none."""
        return [self.row(pump) for pump in self.returned[: self.call.question.max_explained]]

    def distances_m(self, rows: Ints) -> Floats:
        """(rows,) straight from the station; to a place that is only named, the mean over its points."""
        dispatches, (east_m, north_m) = self.predictions.dispatches, self.call.location.points.T
        station_east_m = dispatches.number("station_easting_m")[rows, None]
        station_north_m = dispatches.number("station_northing_m")[rows, None]
        return np.asarray(np.hypot(east_m - station_east_m, north_m - station_north_m).mean(axis=1))

    @property
    def common_labels(self) -> list[str]:
        """What was filled in whatever pump is asked about."""
        return [label for label in self.predictions.imputed[self.first] if label not in PUMP_LABELS]

    def own_labels(self, row: int) -> list[str]:
        """What lies outside the records for the pumps of one row."""
        return [label for label in self.predictions.imputed[row] if label in PUMP_LABELS]


def rank(call: Call, predictions: Predictions, first: int, starts: Sequence[int]) -> Ranked:
    """Put the candidates of a call in order. starts: those that rows `first` and on of predictions answer."""
    row_of = {start: first + i for i, start in enumerate(starts)}
    median_s = predictions.median_s[first : first + len(starts)].tolist()
    pumps = call.pumps
    start_of = call.candidates.start_of
    answered = [i for i, start in enumerate(start_of) if start in row_of]
    arrival_s = {i: median_s[row_of[start_of[i]] - first] for i in answered}
    # at one time the one that is known to be available goes first
    order = sorted(answered, key=lambda i: (arrival_s[i], pumps[i].state is State.UNKNOWN, pumps[i].code))
    sendable = tuple(islice((i for i in order if pumps[i].state in RANKED), 2))
    return Ranked(call, predictions, first, row_of, tuple(order), sendable)


def select_times(times: Times, rows: Ints) -> Times:
    """The response times of some rows."""
    if isinstance(times, MixtureTimes):
        every = (rows[:, None] * times.points + np.arange(times.points)).ravel()
        return MixtureTimes(_select(times.parts, every), times.points)
    assert isinstance(times, ResponseTimes)  # noqa: S101 - there are two kinds
    return _select(times, rows)


def later_of_two_s(times: Times, rows: Ints, levels: Sequence[float]) -> list[float]:
    """Quantiles of the later of two arrivals at one call: what slows down one of them slows down the other as well.

    Given what they share, each has its own chance; the chance of both is the mean over that (a Gaussian copula).
    rows: (2,). levels: inside those of `distribution.LEVELS`.
    """
    ends_s = select_times(times, rows).quantiles((LEVELS[0], LEVELS[-1]))
    time_s = np.linspace(ends_s.min(), ends_s.max(), N_TIMES)
    later = select_times(times, np.repeat(rows, N_TIMES)).p_over(np.tile(time_s, 2))
    chance = np.clip(1.0 - later.reshape(2, N_TIMES), MIN_CHANCE, 1.0 - MIN_CHANCE)
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
