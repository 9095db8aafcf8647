"""Stations that fall silent or appear."""

import numpy as np
import pytest

from londonpump.evaluation.drift.detection import Span, StationChange, changed_stations

LAST_TRAINING_DAY = 199
DISPATCHES_PER_DAY = {"A21": 6, "E36": 3, "B15": 1}


def runs(days: int, closed_from: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """(station, day): every station as often every day; B15 closes if a day is given."""
    rows = [
        (code, day)
        for day in range(days)
        for code, n in DISPATCHES_PER_DAY.items()
        if not (code == "B15" and closed_from is not None and day >= closed_from)
        for _ in range(n)
    ]
    return np.array([code for code, _ in rows], object), np.array([day for _, day in rows])


def changes(days: int, closed_from: int | None = None) -> list[StationChange]:
    station, day = runs(days, closed_from)
    return changed_stations(station, day, Span(0, LAST_TRAINING_DAY, days - 1))


def test_nothing_is_said_of_stations_that_go_on() -> None:
    assert changes(300) == []


def test_a_quiet_station_that_closes_is_found_within_four_weeks() -> None:
    found = changes(LAST_TRAINING_DAY + 1 + 60, closed_from=LAST_TRAINING_DAY + 1 + 60 - 28)
    assert [(one.station, one.is_new) for one in found] == [("B15", False)]


def test_one_that_closed_before_the_model_learnt_its_last_quarter_is_not_news() -> None:
    assert changes(300, closed_from=100) == []


def test_a_station_that_the_model_does_not_know_is_told() -> None:
    station, day = runs(300)
    station[(day >= 290) & (station == "E36")] = "Z99"
    found = changed_stations(station, day, Span(0, LAST_TRAINING_DAY, 299))
    assert [one.station for one in found if one.is_new] == ["Z99"]


@pytest.mark.parametrize("days", [LAST_TRAINING_DAY + 1, LAST_TRAINING_DAY + 10])
def test_less_than_two_weeks_say_nothing(days: int) -> None:
    assert changes(days, closed_from=LAST_TRAINING_DAY + 1) == []
