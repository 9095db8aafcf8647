"""Context at a timestamp: which row is used, how gaps are filled, and what is shown."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from support.context_rows import HOUR, us, weather

from londonpump.domain.columns import BankHoliday, SchoolHoliday, TrafficReading, WeatherHour
from londonpump.domain.json_values import to_json
from londonpump.features.context import ContextTables, columns_at, context_at, spells
from londonpump.features.observations import WeatherTable, weather_known

NINE = datetime(2023, 1, 18, 9, tzinfo=UTC)
AT = NINE + timedelta(minutes=40)


def known(*rows: WeatherHour, at: datetime = AT) -> dict[str, Any]:
    found = weather_known(WeatherTable.of(rows), np.array([us(at)]))
    return {name: values[0] for name, values in found.items()}


def test_the_hour_of_the_moment_counts() -> None:
    found = known(
        weather(NINE - HOUR, temp_c=1.0), weather(NINE, temp_c=2.0), weather(NINE + HOUR, temp_c=3.0)
    )
    assert (found["temp_c"], found["weather_age_h"], found["is_weather_imputed"]) == (2.0, 0.0, False)


def test_a_row_that_became_available_later_is_not_known() -> None:
    found = known(weather(NINE, temp_c=2.0), weather(NINE, AT + timedelta(microseconds=1), temp_c=9.0))
    assert found["temp_c"] == 2.0


def test_a_row_is_known_from_the_very_instant_that_it_is_available() -> None:
    assert known(weather(NINE, AT, temp_c=9.0))["temp_c"] == 9.0


def test_of_two_forecasts_of_an_hour_the_later_one_counts() -> None:
    rows = [weather(NINE, NINE - minutes * HOUR, temp_c=float(minutes)) for minutes in (3, 1, 2)]
    assert known(*rows)["temp_c"] == 1.0


def test_of_two_rows_available_at_once_the_last_source_by_name_counts() -> None:
    found = known(weather(NINE, source="b", temp_c=2.0), weather(NINE, source="a", temp_c=1.0))
    assert (found["weather_source"], found["temp_c"]) == ("b", 2.0)


def test_a_forecast_of_a_later_hour_is_nothing_for_now() -> None:
    assert known(weather(NINE + HOUR, NINE - HOUR))["weather_source"] is None


@pytest.mark.parametrize(("hours_before", "age_h"), [(1, 1.0), (6, 6.0), (7, np.nan)])
def test_an_hour_before_stands_in_for_at_most_six_hours(hours_before: int, age_h: float) -> None:
    found = known(weather(NINE - hours_before * HOUR))
    np.testing.assert_equal(found["weather_age_h"], age_h)
    assert found["is_weather_imputed"] == (hours_before <= 6)


def test_a_gap_in_one_value_takes_the_nearest_hour_that_has_it() -> None:
    rows = (
        weather(NINE, wind_kmh=None),
        weather(NINE - HOUR, wind_kmh=None),
        weather(NINE - 2 * HOUR, wind_kmh=7.0),
    )
    found = known(*rows)
    assert (found["wind_kmh"], found["weather_age_h"], found["is_weather_imputed"]) == (7.0, 0.0, True)


def test_a_gap_takes_the_same_hours_earlier_forecast_before_an_hour_before() -> None:
    rows = (weather(NINE, AT, conditions=None), weather(NINE, conditions="Rain"), weather(NINE - HOUR))
    assert known(*rows)["conditions"] == "Rain"


def test_a_gap_that_no_row_fills_is_a_gap_and_no_filling() -> None:
    found = known(weather(NINE, visibility_km=None), weather(NINE - HOUR, visibility_km=None))
    assert np.isnan(found["visibility_km"])
    assert not found["is_weather_imputed"]


def test_without_rows_nothing_is_known_and_nothing_fails() -> None:
    found = known()
    assert np.isnan(found["temp_c"])
    assert (found["conditions"], found["weather_observed_us"], found["is_weather_imputed"]) == (
        None,
        0,
        False,
    )


@pytest.mark.parametrize(
    ("age", "rate"), [(timedelta(0), 0.4), (2 * HOUR - timedelta(seconds=1), 0.4), (2 * HOUR, np.nan)]
)
def test_a_reading_of_traffic_stands_for_two_hours(age: timedelta, rate: float) -> None:
    tables = ContextTables.of(traffic=[TrafficReading(AT - age, AT - age, 0.4, "tomtom")])
    np.testing.assert_equal(columns_at(tables, np.array([us(AT)]))["congestion_rate"], [rate])


def test_of_two_readings_of_traffic_the_later_one_counts() -> None:
    readings = [TrafficReading(NINE, NINE, 0.1, "tomtom"), TrafficReading(AT, AT, 0.2, "tomtom")]
    at_us = np.array([us(AT) - 1, us(AT)])
    assert columns_at(ContextTables.of(traffic=readings), at_us)["congestion_rate"].tolist() == [0.1, 0.2]


def test_a_school_holiday_is_a_london_day_and_unknown_outside_the_covered_years() -> None:
    tables = ContextTables.of(school_holidays=([SchoolHoliday(date(2022, 7, 4), "by hand")], {2022}))
    at = [
        datetime(2022, 7, 3, 22, 59),
        datetime(2022, 7, 3, 23, 0),
        datetime(2022, 7, 4, 23, 0),
        datetime(2023, 7, 4),
    ]
    found = columns_at(tables, np.array([us(one.replace(tzinfo=UTC)) for one in at]))
    np.testing.assert_equal(found["is_school_holiday"], [0.0, 1.0, 0.0, np.nan])


def test_a_bank_holiday_that_the_library_does_not_know_is_no_working_day() -> None:
    tables = ContextTables.of(bank_holidays=[BankHoliday(date(2026, 3, 3), "A day of thanks", "GOV.UK")])
    days = [datetime(2026, 3, day, 12, tzinfo=UTC) for day in (2, 3, 7)]
    assert columns_at(tables, np.array([us(day) for day in days]))["is_working_day"].tolist() == [
        1.0,
        0.0,
        0.0,
    ]


def test_a_holiday_that_was_moved_is_a_working_day_on_its_old_day() -> None:
    moved = [date(2026, 1, 1), date(2026, 4, 3), date(2026, 4, 6), date(2026, 5, 8), date(2026, 5, 25)]
    moved += [date(2026, 8, 31), date(2026, 12, 25), date(2026, 12, 28)]
    tables = ContextTables.of(bank_holidays=[BankHoliday(day, "", "GOV.UK") for day in moved])
    days = [datetime(2026, 5, day, 12, tzinfo=UTC) for day in (4, 8)]
    assert columns_at(tables, np.array([us(day) for day in days]))["is_working_day"].tolist() == [1.0, 0.0]


def test_each_value_of_a_moment_carries_its_source_and_age() -> None:
    tables = ContextTables.of(
        weather=[
            weather(NINE, AT - timedelta(minutes=20), source="open_meteo_forecast", wind_kmh=None),
            weather(NINE - HOUR),
        ]
    )
    context_values = context_at(tables, AT)
    own, before = context_values["temp_c"], context_values["wind_kmh"]
    assert (own.source, own.age_min(AT), own.is_imputed) == ("open_meteo_forecast", 20.0, False)
    assert (before.source, before.observed_at, before.is_imputed) == ("visual_crossing", NINE - HOUR, True)


def test_a_moment_says_in_words_what_is_not_there() -> None:
    assert context_at(ContextTables.of(), AT).missing == (
        "weather: no row of the last 6 h",
        "traffic: no reading of the last 2 h",
        "school holidays: no calendar covers 2023",
    )


def test_a_moment_with_everything_misses_nothing() -> None:
    tables = ContextTables.of(
        [weather(NINE)],
        [TrafficReading(NINE, NINE, 0.1, "tomtom")],
        ([SchoolHoliday(date(2023, 1, 18), "")], {2023}),
    )
    assert context_at(tables, AT).missing == ()


def test_a_value_that_no_weather_row_has_is_named() -> None:
    assert (
        context_at(ContextTables.of([weather(NINE, visibility_km=None)]), AT)
        .missing[0]
        .startswith("visibility: ")
    )


def test_the_columns_of_a_moment_are_those_of_many() -> None:
    tables = ContextTables.of([weather(NINE, precip_mm=None)], [TrafficReading(NINE, NINE, 0.1, "tomtom")])
    many = columns_at(tables, np.array([us(AT)]))
    for name, values in context_at(tables, AT).columns().items():
        np.testing.assert_equal(values.tolist(), many[name].tolist())


def test_a_moment_becomes_plain_json() -> None:
    stored_value = to_json(context_at(ContextTables.of([weather(NINE)]), AT).to_json())["values"]["temp_c"]
    assert stored_value == {
        "value": 12.0,
        "unit": "C",
        "source": "visual_crossing",
        "observed_at": "2023-01-18T09:00:00+00:00",
        "available_at": "2023-01-18T09:00:00+00:00",
        "age_min": 40.0,
        "is_imputed": False,
    }


def test_spells_cover_the_span_without_gaps_and_stay_inside_hours() -> None:
    tables = ContextTables.of(
        [weather(NINE), weather(NINE, AT, temp_c=9.0)], [TrafficReading(NINE, NINE, 0.1, "t")]
    )
    found = spells(tables, us(NINE) + 5, us(NINE + 3 * HOUR) - 5)
    assert (found["from_us"][0], found["until_us"][-1]) == (us(NINE), us(NINE + 3 * HOUR))
    assert found["from_us"][1:].tolist() == found["until_us"][:-1].tolist()
    hour_us = 3_600_000_000
    assert (found["from_us"] // hour_us == (found["until_us"] - 1) // hour_us).all()
    assert found["temp_c"].tolist() == [12.0, 9.0, 9.0, 9.0]
