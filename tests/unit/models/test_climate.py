"""The usual weather of a month and hour."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from londonpump.domain.json_values import from_json, to_json
from londonpump.domain.stations import open_stations
from londonpump.features.dispatches import Dispatches
from londonpump.features.ground_lookup import fit_ground
from londonpump.models.fitted_context import Climate, fit_climate

NOWHERE = fit_ground(np.empty(0), np.empty(0), np.empty(0, object), open_stations())
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def runs_at(*timestamps: datetime, **columns: object) -> Dispatches:
    at_us = np.array([(at - EPOCH) // timedelta(microseconds=1) for at in timestamps], np.int64)
    return Dispatches({"mobilised_us": at_us, **{name: np.array(v) for name, v in columns.items()}}, NOWHERE)


def year(of_hour) -> tuple[list[datetime], list[float]]:
    timestamps = [datetime(2023, 1, 1, tzinfo=UTC) + timedelta(hours=h) for h in range(365 * 24)]
    return timestamps, [of_hour(at) for at in timestamps]


def test_it_is_the_mean_of_the_month_and_the_london_hour() -> None:
    timestamps, temp_c = year(lambda at: 10.0 * at.month)
    climate = fit_climate(runs_at(*timestamps, temp_c=temp_c), ("temp_c",))
    found = climate("temp_c", runs_at(datetime(2024, 6, 10, 12, tzinfo=UTC)))
    assert found == pytest.approx([60.0], abs=3)


def test_the_hour_is_londons_in_summer() -> None:
    timestamps, temp_c = year(lambda at: 24.0 if at.hour == 11 else 0.0)
    climate = fit_climate(runs_at(*timestamps, temp_c=temp_c), ("temp_c",))
    summer = climate.means["temp_c"][6]
    assert summer.argmax() == 12


def test_a_busy_hour_counts_once() -> None:
    quiet, busy = datetime(2023, 1, 3, 12, tzinfo=UTC), datetime(2023, 1, 4, 12, tzinfo=UTC)
    timestamps = [quiet, *(busy + timedelta(minutes=m) for m in range(50))]
    climate = fit_climate(runs_at(*timestamps, temp_c=[0.0, *[10.0] * 50]), ("temp_c",))
    assert climate("temp_c", runs_at(quiet))[0] == pytest.approx(5.0)


def test_a_gap_does_not_count() -> None:
    one, two = datetime(2023, 1, 3, 12, tzinfo=UTC), datetime(2023, 1, 4, 12, tzinfo=UTC)
    climate = fit_climate(runs_at(one, two, temp_c=[7.0, np.nan]), ("temp_c",))
    assert climate("temp_c", runs_at(two))[0] == pytest.approx(7.0)


def test_a_month_never_seen_takes_the_nearest() -> None:
    timestamps, temp_c = year(lambda at: 4.0 if at.month in (12, 1) else 18.0 if at.month == 6 else np.nan)
    climate = fit_climate(runs_at(*timestamps, temp_c=temp_c), ("temp_c",))
    found = climate("temp_c", runs_at(*(datetime(2024, m, 10, 12, tzinfo=UTC) for m in (2, 5, 7, 11))))
    assert found == pytest.approx([4.0, 18.0, 18.0, 4.0], abs=0.1)


def test_stored_and_read_it_is_the_same() -> None:
    timestamps, temp_c = year(lambda at: float(at.hour))
    climate = fit_climate(runs_at(*timestamps, temp_c=temp_c), ("temp_c",))
    assert to_json(from_json(Climate, to_json(climate))) == to_json(climate)
