"""Context from the database, on each engine: all rows that are needed are read."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import Engine, event
from support.context_rows import HOUR, us, weather

from londonpump.domain.columns import BankHoliday, SchoolHoliday, TrafficReading
from londonpump.features import context
from londonpump.features.context import ContextTables
from londonpump.persistence.repositories.context import (
    context_at,
    context_columns,
    store_bank_holidays,
    store_school_holidays,
    store_traffic,
    store_weather,
)

NINE = datetime(2023, 1, 18, 9, tzinfo=UTC)
AT = NINE + timedelta(minutes=40)


def test_an_empty_database_knows_the_working_days_alone(engine: Engine) -> None:
    context_values = context_at(engine, AT)
    assert {one.name for one in context_values.values if one.value is not None} == {"is_working_day"}


def test_the_context_of_a_moment_is_that_of_the_rows(engine: Engine) -> None:
    rows = [
        weather(NINE - HOUR, wind_kmh=3.0),
        weather(NINE, AT - HOUR, "open_meteo_forecast", wind_kmh=None),
    ]
    readings = [TrafficReading(NINE, NINE, 0.25, "tomtom")]
    store_weather(engine, rows)
    store_traffic(engine, readings)
    assert context_at(engine, AT) == context.context_at(ContextTables.of(rows, readings), AT)


@pytest.mark.parametrize(("hours_before", "is_known"), [(6, True), (7, False)])
def test_weather_is_read_six_hours_back(engine: Engine, hours_before: int, is_known: bool) -> None:
    store_weather(engine, [weather(NINE - hours_before * HOUR)])
    assert (context_at(engine, AT)["temp_c"].value is not None) == is_known


def test_traffic_is_read_two_hours_back(engine: Engine) -> None:
    at = AT - 2 * HOUR + timedelta(seconds=1)
    store_traffic(engine, [TrafficReading(at, at, 0.25, "tomtom")])
    assert context_at(engine, AT)["congestion_rate"].value == 0.25


def test_a_school_holiday_is_told_with_its_source(engine: Engine) -> None:
    store_school_holidays(engine, [SchoolHoliday(date(2023, 1, 18), "by hand")])
    school_value = context_at(engine, AT)["is_school_holiday"]
    assert (school_value.value, school_value.source) == (True, "by hand")


def test_a_year_that_is_not_covered_is_unknown(engine: Engine) -> None:
    store_school_holidays(engine, [SchoolHoliday(date(2022, 1, 18), "by hand")])
    assert context_at(engine, AT)["is_school_holiday"].value is None


def test_a_bank_holiday_that_was_announced_is_no_working_day(engine: Engine) -> None:
    store_bank_holidays(engine, [BankHoliday(date(2023, 1, 18), "A day of thanks", "GOV.UK")])
    assert context_at(engine, AT)["is_working_day"].value is False


def test_the_columns_of_many_moments_are_those_of_each(engine: Engine) -> None:
    store_weather(engine, [weather(NINE + i * HOUR, temp_c=float(i)) for i in range(0, 30, 2)])
    timestamps = [AT + i * HOUR for i in range(-2, 40, 3)]
    many = context_columns(engine, np.array([us(at) for at in timestamps]))
    each = [context_at(engine, at)["temp_c"].value for at in timestamps]
    np.testing.assert_equal(many["temp_c"], np.array(each, float))


def test_no_moment_has_no_columns_and_asks_nothing(engine: Engine) -> None:
    assert all(len(values) == 0 for values in context_columns(engine, np.empty(0, np.int64)).values())


def test_a_part_is_asked_for_once_whatever_the_number_of_moments(engine: Engine) -> None:
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    context_at(engine, AT)
    event.listen(engine, "before_cursor_execute", note)
    context_columns(engine, np.array([us(AT + i * HOUR) for i in range(50)]))
    assert len([one for one in statements if one.startswith("SELECT")]) == 5
