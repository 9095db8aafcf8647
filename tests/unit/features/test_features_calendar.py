"""London's hours, weekdays and bank holidays against published lists and the zone database."""

import csv
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from londonpump.features.dispatches import bank_holidays

CALENDAR = Path(__file__).resolve().parents[3] / "../shared/data/calendar"
needs_calendar = pytest.mark.skipif(not CALENDAR.exists(), reason="the shared calendar is not there")
EPOCH = date(1970, 1, 1)
LONDON = ZoneInfo("Europe/London")


def listed(first_year: int, last_year: int) -> set[date]:
    days = {EPOCH + timedelta(days=int(day)) for day in bank_holidays()}
    return {day for day in days if first_year <= day.year <= last_year}


def us_of(timestamp: datetime) -> int:
    return (timestamp - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


@needs_calendar
def test_bank_holidays_are_those_of_the_published_list() -> None:
    with (CALENDAR / "bank_holidays_england.csv").open(encoding="utf-8") as file:
        published = {date.fromisoformat(row["date"]) for row in csv.DictReader(file)}
    assert listed(2009, 2028) == {day for day in published if 2009 <= day.year <= 2028}


@needs_calendar
def test_bank_holidays_hold_all_that_the_government_announced() -> None:
    events = json.loads((CALENDAR / "govuk_bank_holidays.json").read_text(encoding="utf-8"))
    division = events.get("england-and-wales", events)
    announced = {date.fromisoformat(event["date"]) for event in division["events"]}
    assert announced <= listed(2019, 2027)


def test_days_off_that_came_once_are_known() -> None:
    assert {date(2011, 4, 29), date(2012, 6, 5), date(2022, 9, 19), date(2023, 5, 8)} <= listed(2009, 2028)


def test_a_working_day_is_a_weekday_that_is_no_bank_holiday(made_runs) -> None:
    days = [datetime(2023, 5, d, 12, tzinfo=UTC) for d in (1, 2, 6, 7, 8, 9, 29, 30)]
    dispatches = made_runs(len(days), mobilised_us=np.array([us_of(day) for day in days]))
    assert dispatches.is_working_day.tolist() == [False, True, False, False, False, True, False, True]


def test_hour_day_weekday_and_month_are_those_of_london(made_runs) -> None:
    timestamps = [datetime(2023, 1, 1, tzinfo=UTC) + timedelta(minutes=37 * i) for i in range(0, 14_000, 7)]
    dispatches = made_runs(
        len(timestamps), mobilised_us=np.array([us_of(timestamp) for timestamp in timestamps])
    )
    there = [timestamp.astimezone(LONDON) for timestamp in timestamps]
    np.testing.assert_allclose(dispatches.hour, [m.hour + m.minute / 60 for m in there], rtol=0, atol=1e-9)
    assert dispatches.weekday.tolist() == [m.weekday() for m in there]
    assert dispatches.month.tolist() == [m.month for m in there]
    assert dispatches.day.tolist() == [(m.date() - EPOCH).days for m in there]


def test_a_call_after_midnight_in_summer_belongs_to_londons_day(made_runs) -> None:
    timestamp = datetime(2023, 6, 30, 23, 30, tzinfo=UTC)
    dispatches = made_runs(1, mobilised_us=np.array([us_of(timestamp)]))
    assert (dispatches.month[0], dispatches.weekday[0], dispatches.hour[0]) == (7, 5, 0.5)
