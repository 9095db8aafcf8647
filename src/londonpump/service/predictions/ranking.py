"""Which pump is there first: candidates in the order of their median arrival, out of the model's answer."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from londonpump.brigade.targets import LONGEST_PUBLISHED_S
from londonpump.models.answering import Predictions
from londonpump.models.distribution import ResponseTimes
from londonpump.models.mixture import MixtureTimes, Times
from londonpump.service.board.rules import RANKED, State
from londonpump.service.predictions.calls import Call

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
GRID_S: Floats = np.arange(0.0, LONGEST_PUBLISHED_S + 1.0, 4.0)
IN_COMMON = 0.48
"""Correlation of where two pumps of one call fall in their distributions: of 388 later calls with two pumps of a
simulated Brigade. Without it the P50 of the later one came 10 s too late and P10 to P90 held 69 % of them; with it 1 s
and 75 %. Not measured on real records."""
LEAST_CHANCE = 1e-9
_NODES, _WEIGHTS_WHOLE = np.polynomial.hermite_e.hermegauss(16)
_WEIGHTS: Floats = _WEIGHTS_WHOLE / _WEIGHTS_WHOLE.sum()
OF_A_PUMP = ("distance=unknown", "station=unknown")
"""Labels that one candidate may have and another not."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """The answer to one call. first: its first row of `predictions`. row_of: by number of `Call.starts`, those that
    were answered. order: indices of `Call.pumps`, the first to arrive first; able: the first two of them that can be
    sent, as others are there too where they were asked for by name."""

    call: Call
    predictions: Predictions
    first: int
    row_of: dict[int, int]
    order: tuple[int, ...]
    able: tuple[int, ...]

    def row(self, pump: int) -> int:
        """The row of `predictions` of a pump."""
        return self.row_of[self.call.start_of[pump]]

    def distance_m(self, row: int) -> float:
        """Straight from the station; to a place that is only named, the mean over its points."""
        runs, (east_m, north_m) = self.predictions.runs, self.call.place.points.T
        station_east_m = runs.number("station_easting_m")[row]
        station_north_m = runs.number("station_northing_m")[row]
        return float(np.hypot(east_m - station_east_m, north_m - station_north_m).mean())

    @property
    def common_labels(self) -> list[str]:
        """What was filled in whatever pump is asked about."""
        return [label for label in self.predictions.filled[self.first] if label not in OF_A_PUMP]

    def own_labels(self, row: int) -> list[str]:
        """What lies outside the records for the pumps of one row."""
        return [label for label in self.predictions.filled[row] if label in OF_A_PUMP]


def rank(call: Call, predictions: Predictions, first: int, starts: Sequence[int]) -> Ranked:
    """Put the candidates of a call in order. starts: those that rows `first` and on of predictions answer."""
    row_of = {start: first + i for i, start in enumerate(starts)}
    median_s = predictions.median_s[first : first + len(starts)].tolist()
    pumps = call.pumps
    answered = [i for i, start in enumerate(call.start_of) if start in row_of]
    arrival_s = {i: median_s[row_of[call.start_of[i]] - first] for i in answered}
    # at one time the one that is known to be available goes first
    order = sorted(answered, key=lambda i: (arrival_s[i], pumps[i].state is State.UNKNOWN, pumps[i].code))
    able = tuple(islice((i for i in order if pumps[i].state in RANKED), 2))
    return Ranked(call, predictions, first, row_of, tuple(order), able)


def times_at(times: Times, rows: Ints) -> Times:
    """The response times of some rows."""
    if isinstance(times, MixtureTimes):
        every = (rows[:, None] * times.points + np.arange(times.points)).ravel()
        return MixtureTimes(_taken(times.parts, every), times.points)
    assert isinstance(times, ResponseTimes)  # noqa: S101 - there are two kinds
    return _taken(times, rows)


def chance_by(times: Times, row: int) -> Floats:
    """(GRID_S,) chance of being there by then."""
    return np.asarray(1.0 - times_at(times, np.full(len(GRID_S), row)).p_over(GRID_S))


def later_of_two_s(first: Floats, second: Floats, levels: Sequence[float]) -> list[float]:
    """Quantiles of the later of two arrivals at one call: what slows down one of them slows down the other as well.

    Given what they share, each has its own chance; the chance of both is the mean over that (a Gaussian copula).
    Args: first, second: (GRID_S,) chance that each is there by then.
    """
    own = (1.0 - IN_COMMON) ** 0.5
    shared = IN_COMMON**0.5 * _NODES
    z = ndtri(np.clip(np.stack([first, second]), LEAST_CHANCE, 1.0 - LEAST_CHANCE))
    both = ndtr((z[:, :, None] - shared) / own).prod(axis=0) @ _WEIGHTS
    return [float(s) for s in np.interp(levels, both, GRID_S)]


def _taken(times: ResponseTimes, rows: Ints) -> ResponseTimes:
    fastest_s = times.fastest_s[rows] if isinstance(times.fastest_s, np.ndarray) else times.fastest_s
    return replace(
        times,
        centre_s=times.centre_s[rows],
        scale_s=times.scale_s[rows],
        group=times.group[rows],
        fastest_s=fastest_s,
    )
