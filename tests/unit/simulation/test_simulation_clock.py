"""Call times are London time, mobilisation times GMT, across both changes of the clock."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from londonpump.simulation.calls import draw_weather_of
from londonpump.simulation.context_tables import easter_sunday, school_holiday_table, weather_table
from londonpump.simulation.plan import SimulationPlan
from londonpump.simulation.simulate import simulate

LONDON, UTC = ZoneInfo("Europe/London"), ZoneInfo("UTC")
CHANGES = {"spring": date(2023, 3, 26), "autumn": date(2023, 10, 29)}


def gmt(text):
    return datetime.strptime(text, "%d/%m/%Y %H:%M").replace(tzinfo=UTC)


def day(text):
    return datetime.strptime(text, "%d-%b-%y").replace(tzinfo=UTC).date()


@pytest.fixture(scope="module", params=sorted(CHANGES))
def change(request):
    changed = CHANGES[request.param]
    return changed, simulate(
        SimulationPlan(incidents=3_000, days=3, start=changed - timedelta(days=1), is_clean=True)
    )


def test_call_and_mobilisation_are_one_instant_on_two_clocks(change):
    _, done = change
    called = dict(
        zip(*(done.incidents[c].to_pylist() for c in ("IncidentNumber", "TimeOfCall")), strict=True)
    )
    number, at, run = (
        done.mobilisations["IncidentNumber"].to_pylist(),
        done.mobilisations["DateAndTimeMobilised"].to_pylist(),
        done.records.dispatches,
    )
    at_once = done.records.calls.mobilised_at[run.call] == run.mobilised_at
    pairs = [
        (called[n][:5], gmt(a).astimezone(LONDON).strftime("%H:%M"))
        for n, a, now in zip(number, at, at_once, strict=True)
        if now
    ]
    assert len(pairs) > 0.9 * len(number)
    assert [pair for pair in pairs if pair[0] != pair[1]] == []


def test_the_number_and_the_hour_are_local(change):
    _, done = change
    numbers, days, times, hours = (
        done.incidents[c].to_pylist() for c in ("IncidentNumber", "DateOfCall", "TimeOfCall", "HourOfCall")
    )
    assert [n.split("-")[1] for n in numbers] == [day(d).strftime("%d%m%Y") for d in days]
    assert [int(t[:2]) for t in times] == [int(h) for h in hours]
    by_number = dict(zip(numbers, hours, strict=True))
    assert [by_number[n] for n in done.mobilisations["IncidentNumber"].to_pylist()] == done.mobilisations[
        "HourOfCall"
    ].to_pylist()


def test_no_call_comes_in_the_hour_the_clock_skips(change):
    changed, done = change
    hours = [
        int(h)
        for d, h in zip(
            done.incidents["DateOfCall"].to_pylist(), done.incidents["HourOfCall"].to_pylist(), strict=True
        )
        if d == changed.strftime("%d-%b-%y")
    ]
    assert (1 in hours) == (changed == CHANGES["autumn"])


def test_weather_has_each_hour_of_london_once(change):
    changed, done = change
    hours = weather_table(done.plan, done.weather)["date"].to_pylist()
    assert len(set(hours)) == len(hours)
    assert (f"{changed.isoformat()} 01" in hours) == (changed == CHANGES["autumn"])
    assert hours[0] == f"{done.plan.start.isoformat()} 00"
    assert hours[-1] == f"{(done.plan.end - timedelta(days=1)).isoformat()} 23"


def test_a_plan_covers_its_london_days_and_no_other(change):
    _, done = change
    days = {day(d) for d in done.incidents["DateOfCall"].to_pylist()}
    assert days == {done.plan.start + timedelta(days=i) for i in range(3)}


def test_old_calls_come_before_their_mobilisation():
    done = simulate(
        SimulationPlan(incidents=500, days=2, vintage="2009-14", start=date(2012, 7, 1), is_clean=True)
    )
    wait = done.records.calls.mobilised_at - done.records.calls.called_at
    assert 30 <= wait.min() <= wait.max() <= 120


def test_school_holidays_give_the_instant_and_the_true_day():
    table = school_holiday_table(SimulationPlan(start=date(2023, 1, 1)))
    stored, true = table["stored_utc"].to_pylist(), table["true_london_date"].to_pylist()
    at = [datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(LONDON) for text in stored]
    assert [timestamp.date().isoformat() for timestamp in at] == true
    assert {timestamp.hour for timestamp in at} == {0}


@pytest.mark.parametrize(
    "easter", [date(2009, 4, 12), date(2016, 3, 27), date(2023, 4, 9), date(2025, 4, 20)]
)
def test_easter_falls_where_it_fell(easter):
    assert easter_sunday(easter.year) == easter


def test_weather_follows_the_seasons():
    plan = SimulationPlan(incidents=1, days=365)
    weather = draw_weather_of(plan, np.random.default_rng(1))
    january, july = weather.temp_c[:744].mean(), weather.temp_c[181 * 24 : 212 * 24].mean()
    assert july > january + 8
    assert 0.03 < (weather.precip_mm > 0).mean() < 0.15
