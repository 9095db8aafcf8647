"""Context files given by hand: what is read, and the message for a wrong file."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.context_rows import us

from londonpump.domain.errors import BadFile
from londonpump.features.context import ContextTables, columns_at
from londonpump.ingest import context_csv
from londonpump.ingest.station_file import read_stations

WEATHER = "temp,precip,cloudcover,visibility,conditions,date\n"
TRAFFIC = "congestion,hour,day_nb,day,year\n"
STATIONS = "code,name,latitude,longitude\n"
Write = Callable[[str], Path]


@pytest.fixture
def file(tmp_path: Path) -> Write:
    def write(text: str) -> Path:
        path = tmp_path / "given.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return write


READ: dict[str, Callable[[Path], Any]] = {
    "weather": context_csv.read_weather,
    "traffic": context_csv.read_traffic,
    "school_holidays": context_csv.read_school_holidays,
    "stations": read_stations,
}


@pytest.mark.parametrize(
    ("context_table", "text", "message"),
    [
        ("weather", "temp,date\n1,2\n", "has no column precip"),
        ("weather", WEATHER, "has no rows"),
        ("weather", WEATHER + "mild,0,0,9,Clear,2022-05-01 09\n", "mild"),
        ("weather", WEATHER + "9,0,0,9,Clear,01/05/2022 09:00\n", "Write London hours"),
        ("weather", WEATHER + "9,0,0,9,Clear,\n", "column date is empty in row 1"),
        ("weather", WEATHER + "9,0,0,9,Clear,2022-05-01 25\n", "Write London hours"),
        ("weather", WEATHER + "9,0,0,9,Clear,2022-02-30 01\n", "holds '2022-02-30 01'"),
        ("traffic", TRAFFIC + "45,3,1,Sunday,2022\n", "column congestion goes beyond 0 to 1"),
        ("traffic", TRAFFIC + "0.1,24,1,Sunday,2022\n", "column hour goes beyond 0 to 23"),
        ("traffic", TRAFFIC + "0.1,3,0,Sunday,2022\n", "column day_nb goes beyond 1 to 7"),
        ("traffic", TRAFFIC + "0.1,3,,Sunday,2022\n", "column day_nb is empty in row 1"),
        ("school_holidays", "day\n2022-05-30\n", "has no column date or true_london_date"),
        ("school_holidays", "date\n2022-05-30\n31/05/2022\n", "is not one form of date"),
        ("school_holidays", "date\n30/02/2023\n", "is not one form of date"),
        ("school_holidays", "date\n2023-02-30\n", "is not one form of date"),
        ("stations", STATIONS + "A21,Paddington,95,-0.1\n", "column latitude goes beyond 49.0 to 61.0"),
        ("stations", STATIONS + "A21,Paddington,51.5,51.5\n", "column longitude goes beyond -9.0 to 2.0"),
        (
            "stations",
            STATIONS + "A21,Paddington,51.5,-0.1\nA21,Euston,51.5,-0.1\n",
            "code 'A21' is used 2 times",
        ),
        (
            "stations",
            STATIONS + "A21,Paddington,51.5,-0.1\nA23,Paddington,51.5,-0.1\n",
            "name 'Paddington' is used 2 times",
        ),
        ("stations", STATIONS + "A21,Paddington,,-0.1\n", "column latitude is empty in row 1"),
        ("stations", "", "cannot be read as csv"),
    ],
)
def test_a_wrong_file_is_refused_with_what_is_wrong(
    file: Write, context_table: str, text: str, message: str
) -> None:
    with pytest.raises(BadFile, match=message) as caught:
        READ[context_table](file(text))
    assert "given.csv" in str(caught.value)


@pytest.mark.parametrize("context_table", ["weather", "traffic", "school_holidays", "stations"])
def test_a_file_that_is_not_there_is_refused(tmp_path: Path, context_table: str) -> None:
    with pytest.raises(BadFile, match="is not there"):
        READ[context_table](tmp_path / "absent.csv")


def test_of_an_hour_of_weather_that_stands_twice_the_first_is_taken(file: Write) -> None:
    rows = "9,,0,9,Clear,2022-11-30 01\n8,1,,9,Rain,2022-11-30 01\n"
    (only,) = context_csv.read_weather(file(WEATHER + rows))
    assert (only.temp_c, only.conditions, only.precip_mm) == (9.0, "Clear", 0.0)


@pytest.mark.parametrize(
    ("london", "utc_hours"),
    [("2022-01-09 12", [12]), ("2022-07-09 12", [11]), ("2022-10-30 01", [0, 1]), ("2022-03-27 01", []),
     ("2022-03-27 00", [0]), ("2022-03-27 02", [1]), ("2022-10-30 00", [23]), ("2022-10-30 02", [2])],
)  # fmt: skip
def test_an_hour_of_weather_is_that_of_london(file: Write, london: str, utc_hours: list[int]) -> None:
    rows = context_csv.read_weather(file(WEATHER + f"9,0,0,9,Clear,{london}\n"))
    assert sorted(row.observed_at.hour for row in rows) == utc_hours
    assert all(row.available_at == row.observed_at for row in rows)


def test_no_rain_is_an_empty_field_and_any_other_empty_field_a_gap(file: Write) -> None:
    (row,) = context_csv.read_weather(file(WEATHER + ",,,9,,2022-01-09 12\n"))
    assert (row.precip_mm, row.temp_c, row.cloudcover_pct, row.conditions) == (0.0, None, None, None)


@pytest.mark.parametrize(("header", "wind_kmh"), [("windspeed," + WEATHER, 21.0), ("gusts," + WEATHER, None)])
def test_wind_is_read_where_the_file_has_it(file: Write, header: str, wind_kmh: float | None) -> None:
    (row,) = context_csv.read_weather(file(header + "21,9,0,0,9,Clear,2022-01-09 12\n"))
    assert row.wind_kmh == wind_kmh


@pytest.mark.parametrize(
    ("at", "rate"),
    [
        (datetime(2022, 7, 3, 23, 30), 0.2),  # Monday 00:30 in London
        (datetime(2022, 1, 2, 3, 59), 0.1),
        (datetime(2021, 7, 4, 23, 30), np.nan),
    ],
)
def test_congestion_is_that_of_the_london_year_weekday_and_hour(
    file: Write, at: datetime, rate: float
) -> None:
    text = TRAFFIC + "0.1,3,1,Sunday,2022\n0.2,0,2,Monday,2022\n0.9,0,2,Monday,2022\n"
    tables = ContextTables(traffic=context_csv.read_traffic(file(text)))
    at_us = np.array([us(at.replace(tzinfo=UTC))])
    np.testing.assert_equal(columns_at(tables, at_us)["congestion_rate"], [rate])


@pytest.mark.parametrize(
    "text", ["date\n2022-05-30\n", "date\n30/05/2022\n", "true_london_date\n2022-05-30\n"]
)
def test_a_holiday_is_read_in_either_form(file: Write, text: str) -> None:
    assert [one.day for one in context_csv.read_school_holidays(file(text))] == [date(2022, 5, 30)]


def test_a_station_keeps_what_is_known_of_its_code(file: Write) -> None:
    known, new = read_stations(file(STATIONS + "A21,Paddington,51.52,-0.18\nZ99,Elsewhere,51.5,-0.1\n"))
    assert (known.status, new.status) == ("open", "border")
    assert abs(known.easting_m - 526_300) < 500
