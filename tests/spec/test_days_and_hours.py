"""Days and hours are London's: each date that can go wrong, by name.

The features under test are those of the models: hour, weekday and working day of a run, and whether a day is one of
school holidays. Moments are given in UTC, as stored.
"""

import csv
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from londonpump.domain.columns import SchoolHoliday
from londonpump.domain.london_clock import LONDON
from londonpump.domain.stations import open_stations
from londonpump.features.context import ContextTables, context_at
from londonpump.features.dispatches import Dispatches, bank_holidays
from londonpump.features.ground_lookup import fit_ground
from londonpump.features.observations import SchoolDays
from londonpump.ingest.bank_holidays import library_days, parse_govuk

SHARED = Path(__file__).resolve().parents[2] / "../shared/data"
needs_data = pytest.mark.skipif(not SHARED.exists(), reason="the shared data are not there")
EPOCH = date(1970, 1, 1)
EPOCH_AT = datetime(1970, 1, 1, tzinfo=UTC)
MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY, SUNDAY = range(7)


def runs_at(*timestamps: str) -> Dispatches:
    n = len(timestamps)
    nowhere = np.empty(0)
    at = [datetime.fromisoformat(timestamp) for timestamp in timestamps]
    columns = {
        "mobilised_us": np.array([(m - EPOCH_AT) // timedelta(microseconds=1) for m in at], np.int64),
        "station_code": np.full(n, "A24", object),
        **{name: np.full(n, 530_000.0) for name in ("easting_m", "station_easting_m")},
        **{name: np.full(n, 180_000.0) for name in ("northing_m", "station_northing_m")},
    }
    return Dispatches(columns, fit_ground(nowhere, nowhere, np.empty(0, object), open_stations()))


def day_of(timestamp: str) -> date:
    return EPOCH + timedelta(days=int(runs_at(timestamp).day[0]))


CLOCKS_GO_FORWARD = ("2022-03-27", "2023-03-26", "2024-03-31")
CLOCKS_GO_BACK = ("2022-10-30", "2023-10-29", "2024-10-27")


@pytest.mark.parametrize("day", CLOCKS_GO_FORWARD)
def test_from_one_in_the_morning_the_clocks_of_spring_skip_an_hour(day) -> None:
    runs = runs_at(f"{day}T00:59:59+00:00", f"{day}T01:00:00+00:00", f"{day}T22:59:59+00:00")
    assert [int(hour) for hour in runs.hour] == [0, 2, 23]
    assert runs.weekday.tolist() == [SUNDAY] * 3


@pytest.mark.parametrize("day", CLOCKS_GO_FORWARD)
def test_the_short_day_of_spring_ends_an_hour_earlier(day) -> None:
    assert day_of(f"{day}T23:00:00+00:00") == date.fromisoformat(day) + timedelta(days=1)


@pytest.mark.parametrize("day", CLOCKS_GO_BACK)
def test_the_clocks_of_autumn_show_an_hour_twice(day) -> None:
    runs = runs_at(*(f"{day}T{time}:00+00:00" for time in ("00:30", "01:30", "02:30")))
    assert runs.hour.tolist() == [1.5, 1.5, 2.5]
    assert runs.weekday.tolist() == [SUNDAY] * 3


@pytest.mark.parametrize("day", CLOCKS_GO_BACK)
def test_the_long_day_of_autumn_begins_the_evening_before_in_utc(day) -> None:
    before = date.fromisoformat(day) - timedelta(days=1)
    assert day_of(f"{before}T23:00:00+00:00") == date.fromisoformat(day)
    assert day_of(f"{day}T23:59:59+00:00") == date.fromisoformat(day)


def test_the_leap_day_is_a_working_thursday_between_wednesday_and_friday() -> None:
    runs = runs_at("2024-02-28T12:00Z", "2024-02-29T12:00Z", "2024-03-01T12:00Z")
    assert runs.weekday.tolist() == [WEDNESDAY, THURSDAY, FRIDAY]
    assert runs.month.tolist() == [2, 2, 3]
    assert runs.is_working_day.all()


def test_the_year_turns_at_midnight_in_london() -> None:
    runs = runs_at("2022-12-31T23:30Z", "2023-01-01T00:30Z")
    assert runs.month.tolist() == [12, 1]
    assert runs.weekday.tolist() == [SATURDAY, SUNDAY]
    assert runs.hour.tolist() == [23.5, 0.5]


def test_half_past_eleven_of_a_summer_night_in_utc_is_tomorrow_in_london() -> None:
    # Friday 30 June in UTC, Saturday 1 July in London
    runs = runs_at("2023-06-30T23:30Z")
    assert (runs.month[0], runs.weekday[0], runs.hour[0]) == (7, SATURDAY, 0.5)
    assert not runs.is_working_day[0]


def test_a_bank_holiday_of_summer_begins_at_eleven_the_evening_before_in_utc() -> None:
    # the spring bank holiday is Monday 29 May 2023
    runs = runs_at("2023-05-29T22:59:59Z", "2023-05-29T23:00:00Z")
    assert runs.weekday.tolist() == [MONDAY, TUESDAY]
    assert runs.is_working_day.tolist() == [False, True]


DAYS_OFF = {
    "2022-04-15": "Good Friday 2022",
    "2022-04-18": "Easter Monday 2022",
    "2023-04-07": "Good Friday 2023",
    "2023-04-10": "Easter Monday 2023",
    "2024-03-29": "Good Friday 2024",
    "2024-04-01": "Easter Monday 2024",
    "2022-01-03": "New Year, for Saturday 1 January 2022",
    "2022-12-26": "Boxing Day 2022",
    "2022-12-27": "Christmas, for Sunday 25 December 2022",
    "2023-01-02": "New Year, for Sunday 1 January 2023",
    "2023-12-25": "Christmas Day 2023",
    "2023-12-26": "Boxing Day 2023",
    "2024-01-01": "New Year's Day 2024",
    "2022-06-02": "the spring bank holiday of 2022, moved",
    "2022-06-03": "the Platinum Jubilee",
    "2022-09-19": "the State Funeral of Queen Elizabeth II",
    "2023-05-08": "the Coronation of King Charles III",
}


@pytest.mark.parametrize("day", DAYS_OFF, ids=DAYS_OFF.values())
def test_it_is_no_working_day(day) -> None:
    runs = runs_at(f"{day}T00:00Z", f"{day}T12:00Z", f"{day}T22:59Z")
    assert (runs.weekday < SATURDAY).all()
    assert not runs.is_working_day.any()


WORKING_DAYS = {
    "2022-05-30": "the Monday that the spring bank holiday of 2022 left",
    "2022-04-14": "the Thursday before Easter 2022",
    "2023-04-11": "the Tuesday after Easter 2023",
    "2024-03-28": "the Thursday before Easter 2024",
    "2022-06-06": "the Monday after the Jubilee",
    "2022-09-16": "the Friday before the State Funeral",
    "2023-05-05": "the Friday before the Coronation",
    "2023-12-27": "the Wednesday after Boxing Day 2023",
    "2023-01-03": "the Tuesday after the New Year of 2023",
    "2024-01-02": "the Tuesday after the New Year of 2024",
    "2024-02-29": "the leap day",
}


@pytest.mark.parametrize("day", WORKING_DAYS, ids=WORKING_DAYS.values())
def test_it_is_a_working_day(day) -> None:
    assert runs_at(f"{day}T12:00Z").is_working_day[0]


@pytest.mark.parametrize("day", DAYS_OFF | WORKING_DAYS)
def test_context_says_the_same_of_the_day_from_midnight_to_midnight_in_london(day) -> None:
    midnight = datetime.fromisoformat(day).replace(tzinfo=LONDON)
    timestamps = (midnight, midnight + timedelta(days=1) - timedelta(microseconds=1))
    is_working = [
        context_at(ContextTables.of(), at.astimezone(UTC))["is_working_day"].value for at in timestamps
    ]
    assert is_working == [day in WORKING_DAYS] * 2


def school_days(days: list[date]) -> SchoolDays:
    return SchoolDays.of([SchoolHoliday(day, "test") for day in days], {day.year for day in days})


def is_holiday(school: SchoolDays, *timestamps: str) -> list[float]:
    return school.is_holiday(runs_at(*timestamps).columns["mobilised_us"]).tolist()


def test_a_school_holiday_lasts_from_midnight_to_midnight_in_london() -> None:
    # Monday 30 May 2022, in summer time: from 23:00 UTC on Sunday
    school = school_days([date(2022, 5, 30)])
    timestamps = ("2022-05-29T22:59:59Z", "2022-05-29T23:00Z", "2022-05-30T22:59:59Z", "2022-05-30T23:00Z")
    assert is_holiday(school, *timestamps) == [0.0, 1.0, 1.0, 0.0]


def test_a_school_holiday_of_winter_lasts_from_midnight_to_midnight_in_utc_too() -> None:
    school = school_days([date(2022, 2, 21)])
    timestamps = ("2022-02-20T23:59:59Z", "2022-02-21T00:00Z", "2022-02-21T23:59:59Z", "2022-02-22T00:00Z")
    assert is_holiday(school, *timestamps) == [0.0, 1.0, 1.0, 0.0]


@needs_data
def test_the_175_days_that_the_original_lost_are_here_on_their_own_day() -> None:
    """The original stored local midnights as UTC instants, and read them by their UTC day."""
    with (SHARED / "parity/school_holidays.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    stored_times = [datetime.fromisoformat(row["stored_utc"]) for row in rows]
    true_days = [date.fromisoformat(row["true_london_date"]) for row in rows]
    lost = [at for at, day in zip(stored_times, true_days, strict=True) if at.date() != day]
    assert (len(lost), len(rows)) == (175, 233)
    school = school_days(true_days)
    assert set(is_holiday(school, *(at.isoformat() for at in lost))) == {1.0}


@needs_data
def test_the_days_of_the_librarys_bank_holidays_are_those_of_the_published_list() -> None:
    with (SHARED / "calendar/bank_holidays_england.csv").open(encoding="utf-8") as file:
        published = {date.fromisoformat(row["date"]) for row in csv.DictReader(file)}
    ours = {holiday.day for holiday in library_days()}
    assert {day for day in ours if 2009 <= day.year <= 2028} == published
    assert {EPOCH + timedelta(days=int(day)) for day in bank_holidays()} == ours


@needs_data
def test_on_weekdays_the_library_and_govuk_name_the_same_days() -> None:
    answer = json.loads((SHARED / "calendar/govuk_bank_holidays.json").read_text(encoding="utf-8"))
    listed = {holiday.day for holiday in parse_govuk(answer)}
    years = {day.year for day in listed}
    ours = {holiday.day for holiday in library_days() if holiday.day.year in years}
    assert {day for day in ours if day.weekday() < SATURDAY} == {
        day for day in listed if day.weekday() < SATURDAY
    }
