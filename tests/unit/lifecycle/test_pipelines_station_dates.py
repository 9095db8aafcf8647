"""A station is accepted, and listed on paper, only on the days on which it is open."""

import csv
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from londonpump.domain.errors import BadValue
from londonpump.domain.stations import Station, by_code, known_stations
from londonpump.lifecycle.calls_file import REQUIRED, parse_call
from londonpump.lifecycle.expected_times_table import expected_times, write_table
from londonpump.models.bundle import Bundle

DAY = date(2024, 1, 17)
STATIONS = {
    **by_code(known_stations()),
    "X1": Station("X1", "New", "open", 530_000, 180_000, opened_date=date(2023, 7, 1)),
    "X2": Station("X2", "Last", "open", 530_000, 180_000, closed_date=date(2023, 7, 1)),
}


def parse(station_code: str, mobilised_at: str):
    values = dict(zip(REQUIRED, ("1", mobilised_at, station_code, "530100", "180100"), strict=True))
    return parse_call(values, STATIONS)[0]["station_code"]


REJECTED = {
    "closed in 2014": ("F27", "2014-01-09T00:00", "Bow closed on 09 January 2014"),
    "closed this very day": ("X2", "2023-07-01T00:00", "Last closed on 01 July 2023"),
    "closed, by London's day": ("X2", "2023-06-30T23:00Z", "Last closed on 01 July 2023"),
    "not open yet": ("X1", "2023-06-30T23:59", "New opens on 01 July 2023"),
}


@pytest.mark.parametrize(("code", "at", "problem"), REJECTED.values(), ids=REJECTED)
def test_a_pump_of_a_station_that_is_not_open_is_refused_with_the_date(code, at, problem) -> None:
    with pytest.raises(BadValue, match=problem) as caught:
        parse(code, at)
    assert caught.value.column == "station_code"


@pytest.mark.parametrize(
    ("code", "at"),
    [
        ("F27", "2014-01-08T23:59"),
        ("X2", "2023-06-30T22:59Z"),
        ("X1", "2023-07-01T00:00"),
        ("X1", "2023-06-30T23:00Z"),
    ],
)
def test_a_pump_of_a_station_that_is_open_is_taken(code, at) -> None:
    assert parse(code, at) == code


@pytest.fixture(scope="module")
def dated(small_bundle: Bundle) -> Bundle:
    """Soho closes on the day, Euston the day after; a station opens on the day, another the day after."""
    dates: dict[str, Any] = {
        "A24": {"closed_date": DAY},
        "A23": {"closed_date": date(2024, 1, 18)},
    }
    stations = tuple(replace(s, **dates.get(s.code, {})) for s in small_bundle.stations)
    new = Station("X1", "New", "open", 529_900, 180_900, opened_date=DAY)
    later = Station("X2", "Later", "open", 529_900, 180_900, opened_date=date(2024, 1, 18))
    return replace(small_bundle, stations=(*stations, new, later))


def test_the_table_lists_stations_open_on_its_day(dated) -> None:
    table = expected_times(dated, DAY)
    listed = {line.station.code for ground in table for line in ground.lines}
    assert {"A23", "X1"} <= listed
    assert not {"A24", "X2", "F27"} & listed


@pytest.mark.slow
def test_the_table_has_no_ground_of_a_station_that_is_not_open(dated) -> None:
    grounds = {ground.station.code for ground in expected_times(dated, DAY)}
    assert "A23" in grounds
    assert not {"A24", "F27"} & grounds


@pytest.mark.slow
@pytest.mark.long
def test_the_page_says_for_which_day_it_is(dated, tmp_path) -> None:
    paths = write_table(dated, tmp_path, DAY)
    assert "open on 17 January 2024" in paths[1].read_text(encoding="utf-8")
    with paths[0].open(encoding="utf-8", newline="") as file:
        assert "A24" not in {row["station_code"] for row in csv.DictReader(file)}
