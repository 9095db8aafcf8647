"""Weather, traffic and school holidays by the London clock."""

from datetime import date, datetime
from typing import Any

import ibis
import pyarrow as pa
import pytest
from ibis.backends.duckdb import Backend
from ibis.expr.types import Table

from londonpump.cleaning import context

SUMMER, WINTER = datetime(2022, 7, 3, 23, 30), datetime(2022, 1, 9, 12, 0)


def made(connection: Backend, **columns: Any) -> Table:
    return connection.create_table(ibis.util.gen_name("made"), pa.table(columns), temp=True)


def runs(connection: Backend, *moments: datetime) -> Table:
    return made(connection, mobilised_at=pa.array(moments, pa.timestamp("us")))


def weather(connection: Backend, hours: list[str], **gaps: Any) -> Table:
    n = len(hours)
    values: dict[str, Any] = {
        "temp_c": [float(i) for i in range(n)],
        "precip_mm": [0.5] * n,
        "cloudcover_pct": [50.0] * n,
        "visibility_km": [10.0] * n,
        "conditions": ["Clear"] * n,
    }
    return made(connection, hour_text=hours, **(values | gaps))


def test_weather_is_that_of_the_hour_that_london_clocks_show(connection: Backend) -> None:
    table = context.with_weather(
        runs(connection, SUMMER), weather(connection, ["2022-07-03 23", "2022-07-04 00"])
    )
    assert table.temp_c.to_pyarrow().to_pylist() == [1.0]


def test_a_gap_takes_the_hour_before_and_is_labelled(connection: Backend) -> None:
    hours = weather(connection, ["2022-01-09 11", "2022-01-09 12"], temp_c=[7.0, None])
    row = context.with_weather(runs(connection, WINTER), hours).to_pyarrow().to_pylist()[0]
    assert (row["temp_c"], row["is_weather_filled"]) == (7.0, True)


def test_no_rain_is_an_empty_field_and_no_gap(connection: Backend) -> None:
    hours = weather(connection, ["2022-01-09 11", "2022-01-09 12"], precip_mm=[3.0, None])
    row = context.with_weather(runs(connection, WINTER), hours).to_pyarrow().to_pylist()[0]
    assert (row["precip_mm"], row["is_weather_filled"]) == (0.0, False)


def test_an_hour_that_the_file_does_not_have_stays_unknown(connection: Backend) -> None:
    row = (
        context.with_weather(runs(connection, WINTER), weather(connection, ["2022-01-09 11"]))
        .to_pyarrow()
        .to_pylist()[0]
    )
    assert (row["temp_c"], row["conditions"]) == (None, None)


@pytest.mark.parametrize("hours", [["2022-01-09 12"], ["2022-01-09 12", "2022-01-09 12"]])
def test_weather_never_adds_a_row(connection: Backend, hours: list[str]) -> None:
    table = context.with_weather(runs(connection, WINTER, WINTER), weather(connection, hours))
    assert table.count().to_pyarrow().as_py() == 2


def test_congestion_is_that_of_the_london_weekday_and_hour(connection: Backend) -> None:
    traffic = made(connection, year=[2022, 2022], weekday=[0, 1], hour=[23, 0], congestion=[0.1, 0.2])
    table = context.with_congestion(
        runs(connection, SUMMER), traffic
    )  # Sunday 23:30 GMT, Monday 00:30 in London
    assert table.congestion.to_pyarrow().to_pylist() == [0.2]


def test_a_year_without_traffic_has_no_congestion(connection: Backend) -> None:
    traffic = made(connection, year=[2021], weekday=[1], hour=[0], congestion=[0.2])
    table = context.with_congestion(runs(connection, SUMMER), traffic)
    assert table.congestion.to_pyarrow().to_pylist() == [None]


def test_a_school_holiday_is_a_london_day_and_unknown_outside_the_years_of_the_list(
    connection: Backend,
) -> None:
    days = made(connection, day=pa.array([date(2022, 7, 4)], pa.date32()))
    table = context.with_school_holidays(runs(connection, SUMMER, WINTER, datetime(2023, 7, 4)), days)
    assert table.order_by("mobilised_at").is_school_holiday.to_pyarrow().to_pylist() == [False, True, None]
