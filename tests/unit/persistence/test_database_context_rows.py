"""Weather and traffic in the database, in all their vintages."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from londonpump.domain.columns import RANGES, WEATHER_NUMBERS, TrafficReading, WeatherHour
from londonpump.domain.errors import BadValue, DatabaseFailed
from londonpump.persistence.repositories.context import (
    known_hours,
    prune_traffic,
    prune_weather,
    read_traffic,
    read_weather,
    store_traffic,
    store_weather,
)

NOON = datetime(2024, 1, 15, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = NOON - 12 * HOUR, NOON + 12 * HOUR
RAIN = WeatherHour(NOON, NOON, 6.5, 0.4, 90.0, 12.0, 20.5, "Rain", "open_meteo_archive")
FORECAST = replace(RAIN, source="open_meteo_forecast")
SLOW = TrafficReading(NOON, NOON, 0.35, "tomtom")


def known_at(hours_before: float, **changed: Any) -> WeatherHour:
    return replace(FORECAST, available_at=NOON - hours_before * HOUR, **changed)


def test_weather_comes_back_as_it_was(engine) -> None:
    store_weather(engine, [RAIN])
    assert read_weather(engine, *DAY) == [RAIN]


def test_a_gap_comes_back_as_a_gap(engine) -> None:
    gap = WeatherHour(NOON, NOON, None, None, None, None, None, None, "visual_crossing")
    store_weather(engine, [gap])
    assert read_weather(engine, *DAY) == [gap]


def test_the_same_vintage_again_takes_its_place(engine) -> None:
    store_weather(engine, [RAIN])
    store_weather(engine, [replace(RAIN, temp_c=7.0)])
    assert [row.temp_c for row in read_weather(engine, *DAY)] == [7.0]


def test_of_one_key_twice_the_later_stands(engine) -> None:
    n_rows = store_weather(engine, [RAIN, replace(RAIN, temp_c=7.0)])
    assert (n_rows, [row.temp_c for row in read_weather(engine, *DAY)]) == (1, [7.0])


def test_every_vintage_stays(engine) -> None:
    store_weather(engine, [known_at(1), known_at(3), RAIN])
    assert read_weather(engine, *DAY) == [known_at(3), known_at(1), RAIN]


def test_the_end_is_left_out(engine) -> None:
    store_weather(engine, [RAIN, replace(RAIN, observed_at=NOON + HOUR)])
    assert read_weather(engine, NOON, NOON + HOUR) == [RAIN]


def test_no_rows_are_no_rows(engine) -> None:
    assert store_weather(engine, []) == 0


def test_hours_known_counts_the_named_sources_only(engine) -> None:
    later = replace(FORECAST, observed_at=NOON + HOUR)
    store_weather(engine, [RAIN, later])
    assert known_hours(engine, *DAY, ["open_meteo_archive"]) == {NOON}


def test_hours_known_of_no_source_is_empty(engine) -> None:
    store_weather(engine, [RAIN])
    assert known_hours(engine, *DAY, []) == set()


def test_pruning_drops_a_forecast_that_a_later_one_overtook(engine) -> None:
    store_weather(engine, [known_at(5), known_at(2)])
    assert (prune_weather(engine), read_weather(engine, *DAY)) == (1, [known_at(2)])


def test_pruning_keeps_what_was_known_when_the_hour_began(engine) -> None:
    rows = [known_at(2), known_at(-0.5)]
    store_weather(engine, rows)
    assert (prune_weather(engine), read_weather(engine, *DAY)) == (0, rows)


def test_pruning_keeps_each_source(engine) -> None:
    rows = [known_at(2, source="visual_crossing"), known_at(1)]
    store_weather(engine, rows)
    assert (prune_weather(engine), read_weather(engine, *DAY)) == (0, rows)


@pytest.mark.parametrize(
    "wrong",
    [
        {name: edge + step}
        for name in WEATHER_NUMBERS
        for edge, step in zip(RANGES[name], (-0.1, 0.1), strict=True)
    ],
    ids=str,
)
def test_impossible_weather_is_refused(engine, wrong) -> None:
    with pytest.raises(DatabaseFailed, match="breaks a rule"):
        store_weather(engine, [replace(RAIN, **wrong)])


def test_one_refused_row_keeps_the_others_out(engine) -> None:
    with pytest.raises(DatabaseFailed):
        store_weather(engine, [RAIN, replace(RAIN, observed_at=NOON + HOUR, precip_mm=-1.0)])
    assert read_weather(engine, *DAY) == []


def test_nan_is_refused(engine) -> None:
    with pytest.raises(BadValue, match=r"temp_c nan: is not a number"):
        store_weather(engine, [replace(RAIN, temp_c=float("nan"))])


def test_traffic_comes_back_as_it_was(engine) -> None:
    store_traffic(engine, [SLOW])
    assert read_traffic(engine, *DAY) == [SLOW]


def test_congestion_above_1_is_refused(engine) -> None:
    with pytest.raises(DatabaseFailed, match="breaks a rule"):
        store_traffic(engine, [replace(SLOW, congestion_rate=1.01)])


def test_pruning_traffic_drops_what_was_overtaken(engine) -> None:
    early = replace(SLOW, available_at=NOON - HOUR)
    store_traffic(engine, [early, SLOW])
    assert (prune_traffic(engine), read_traffic(engine, *DAY)) == (1, [SLOW])
