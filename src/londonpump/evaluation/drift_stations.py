"""Stations that fall silent, and stations that nobody knew: each is one per cent of all runs, too little for a share."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from londonpump.evaluation.drift import Span
from londonpump.evaluation.evaluation_rows import Ints

WINDOWS_DAYS = (14, 28, 56)
"""The first for most stations, the longer ones for the quiet ones."""
USUAL_DAYS = 91
"""What a station usually does: the last quarter that the model learnt from."""
MIN_EXPECTED_DISPATCHES = 15.0
SILENT_SHARE = 0.1
"""A station with a tenth of its usual runs is silent. By chance, 1 run or none where 15 are usual: 5 in a million."""
MIN_NEW_DISPATCHES = 5


@dataclass(frozen=True, slots=True)
class StationChange:
    """usual_runs: what the window should have had, 0 for a station that the model does not know."""

    station: str
    runs: int
    usual_runs: float
    window_days: int

    @property
    def is_new(self) -> bool:
        """Nobody set out from there in what the model learnt from."""
        return self.usual_runs == 0


def changed_stations(station: NDArray[Any], day: Ints, span: Span) -> list[StationChange]:
    """Stations that are not as they were, in the shortest window that can tell.

    Args: station: (n,) codes. day: (n,) London days since 1970.
    """
    is_training = (day <= span.reference_last) & (day >= span.reference_first)
    usual = _counted(station[is_training & (day > span.reference_last - USUAL_DAYS)])
    ever = set(station[is_training].tolist())
    changes: dict[str, StationChange] = {}
    for window_days in WINDOWS_DAYS:
        if span.checked_last - span.reference_last < window_days:
            break
        now = _counted(station[(day > span.checked_last - window_days) & (day <= span.checked_last)])
        for change in [*_silent(now, usual, window_days), *_new(now, ever, window_days)]:
            changes.setdefault(change.station, change)
    return [changes[code] for code in sorted(changes)]


def _silent(now: Counter[str], usual: Counter[str], window_days: int) -> list[StationChange]:
    share = sum(now.values()) / max(sum(usual.values()), 1)
    return [
        StationChange(code, now[code], round(runs * share, 1), window_days)
        for code, runs in usual.items()
        if runs * share >= MIN_EXPECTED_DISPATCHES and now[code] <= SILENT_SHARE * runs * share
    ]


def _new(now: Counter[str], ever: set[Any], window_days: int) -> list[StationChange]:
    return [
        StationChange(code, runs, 0.0, window_days)
        for code, runs in now.items()
        if code not in ever and runs >= MIN_NEW_DISPATCHES
    ]


def _counted(codes: NDArray[Any]) -> Counter[str]:
    return Counter(code for code in np.asarray(codes, object).tolist() if code is not None)
