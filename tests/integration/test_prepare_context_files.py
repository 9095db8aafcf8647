"""Context files given by hand: what is read, and the one clear message where a file is not what it should be."""

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import ibis
import pytest
from ibis.backends.duckdb import Backend

from londonpump.brigade.errors import BadFile
from londonpump.sources import context_files

WEATHER = "temp,precip,cloudcover,visibility,conditions,date\n"
TRAFFIC = "congestion,hour,day_nb,day,year\n"
STATIONS = "code,name,latitude,longitude\n"
Write = Callable[[str], Path]


@pytest.fixture(scope="module")
def engine() -> Iterator[Backend]:
    connection = ibis.duckdb.connect()
    yield connection
    connection.disconnect()


@pytest.fixture
def file(tmp_path: Path) -> Write:
    def write(text: str) -> Path:
        path = tmp_path / "given.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def _read(engine: Backend, kind: str, path: Path) -> Any:
    if kind == "stations":
        return context_files.read_stations(path)
    engine.raw_sql(f'DROP TABLE IF EXISTS temp.main."{kind}"')
    return getattr(context_files, f"read_{kind}")(engine, path).to_pyarrow()


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        ("weather", "temp,date\n1,2\n", "has no column precip"),
        ("weather", WEATHER, "has no rows"),
        ("weather", WEATHER + "mild,0,0,9,Clear,2022-05-01 09\n", "mild"),
        ("weather", WEATHER + "9,0,0,9,Clear,01/05/2022 09:00\n", "Write London hours"),
        ("weather", WEATHER + "9,0,0,9,Clear,\n", "column date is empty in row 1"),
        ("weather", WEATHER + "9,0,0,9,Clear,2022-05-01 25\n", "Write London hours"),
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
            "code 'A21' stands 2 times",
        ),
        (
            "stations",
            STATIONS + "A21,Paddington,51.5,-0.1\nA23,Paddington,51.5,-0.1\n",
            "name 'Paddington' stands 2",
        ),
        ("stations", STATIONS + "A21,Paddington,,-0.1\n", "column latitude is empty in row 1"),
        ("stations", "", "cannot be read as csv"),
    ],
)
def test_a_wrong_file_is_refused_with_what_is_wrong(
    engine: Backend, file: Write, kind: str, text: str, message: str
) -> None:
    with pytest.raises(BadFile, match=message) as refusal:
        _read(engine, kind, file(text))
    assert "given.csv" in str(refusal.value)


@pytest.mark.parametrize("kind", ["weather", "traffic", "school_holidays", "stations"])
def test_a_file_that_is_not_there_is_refused(engine: Backend, tmp_path: Path, kind: str) -> None:
    with pytest.raises(BadFile, match="is not there"):
        _read(engine, kind, tmp_path / "absent.csv")


def test_of_an_hour_of_weather_that_stands_twice_the_first_is_taken(engine: Backend, file: Write) -> None:
    rows = "9,,0,9,Clear,2022-10-30 01\n8,1,,9,Rain,2022-10-30 01\n7,0,0,9,Clear,2022-10-30 02\n"
    table = _read(engine, "weather", file(WEATHER + rows))
    assert table["hour_text"].to_pylist() == ["2022-10-30 01", "2022-10-30 02"]
    assert (table["temp_c"].to_pylist(), table["precip_mm"].to_pylist()) == ([9.0, 7.0], [None, 0.0])


def test_the_week_of_the_traffic_file_begins_on_a_sunday(engine: Backend, file: Write) -> None:
    table = _read(engine, "traffic", file(TRAFFIC + "0.1,3,1,Sunday,2022\n0.2,3,7,Saturday,2022\n"))
    assert table["weekday"].to_pylist() == [0, 6]


@pytest.mark.parametrize(
    "text", ["date\n2022-05-30\n", "date\n30/05/2022\n", "true_london_date\n2022-05-30\n"]
)
def test_a_holiday_is_read_in_either_form(engine: Backend, file: Write, text: str) -> None:
    assert _read(engine, "school_holidays", file(text))["day"].to_pylist() == [date(2022, 5, 30)]


def test_a_station_keeps_what_is_known_of_its_code(file: Write) -> None:
    known, new = context_files.read_stations(
        file(STATIONS + "A21,Paddington,51.52,-0.18\nZ99,Elsewhere,51.5,-0.1\n")
    )
    assert (known.status, new.status) == ("open", "border")
    assert abs(known.easting_m - 526_300) < 500
