"""The imported list of stations, and the stored fetches."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from londonpump.domain.stations import known_stations
from londonpump.persistence.repositories.context import (
    FetchRecord,
    last_fetches,
    read_stations,
    record_fetch,
    store_stations,
)

NOON = datetime(2024, 1, 15, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)


def test_before_an_import_there_is_no_list(engine) -> None:
    assert read_stations(engine) == ()


def test_every_station_comes_back_as_it_was(engine) -> None:
    store_stations(engine, known_stations())
    assert read_stations(engine) == known_stations()


def test_dates_of_a_station_come_back(engine) -> None:
    dated = replace(known_stations()[0], opened_date=date(1990, 1, 2), closed_date=date(2030, 3, 4))
    store_stations(engine, [dated])
    assert read_stations(engine) == (dated,)


def test_a_list_replaces_the_one_before_whole(engine) -> None:
    store_stations(engine, known_stations())
    store_stations(engine, known_stations()[3:5])
    assert read_stations(engine) == known_stations()[3:5]


def test_the_newest_note_of_each_source_is_told(engine) -> None:
    record_fetch(engine, "weather", NOON, None, 24)
    record_fetch(engine, "traffic", NOON, None, 1)
    record_fetch(engine, "weather", LATER, None, 25)
    assert last_fetches(engine) == [
        FetchRecord("traffic", NOON, None, 1, NOON),
        FetchRecord("weather", LATER, None, 25, LATER),
    ]


def test_a_failure_tells_when_it_last_went_well(engine) -> None:
    record_fetch(engine, "weather", NOON, None, 24)
    record_fetch(engine, "weather", LATER, "no answer", 0)
    assert last_fetches(engine) == [FetchRecord("weather", LATER, "no answer", 0, NOON)]


def test_what_never_went_well_is_told_as_such(engine) -> None:
    record_fetch(engine, "weather", NOON, "no answer", 0)
    assert last_fetches(engine)[0].succeeded_at is None


def test_of_two_notes_at_one_moment_the_later_stands(engine) -> None:
    record_fetch(engine, "weather", NOON, "no answer", 0)
    record_fetch(engine, "weather", NOON, None, 24)
    assert last_fetches(engine) == [FetchRecord("weather", NOON, None, 24, NOON)]
