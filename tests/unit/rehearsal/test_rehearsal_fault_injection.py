"""The months of a rehearsed year, and when each event happens."""

from datetime import UTC, date, datetime

import pytest

from londonpump.domain.errors import BadValue
from londonpump.rehearsal.year_plan import CLOSED_STATION, SERVICES_GROW_FROM, Event, YearPlan

YEAR = YearPlan()


def test_everything_befalls_within_the_year_and_after_its_first_month() -> None:
    when = {event: YEAR.number_of(event) for event in Event}
    assert all(0 < number < YEAR.months for number in when.values())
    assert when[Event.STATION_CLOSED] == YEAR.months // 2


@pytest.mark.parametrize("months", range(3, 37))
def test_a_year_of_any_length_has_every_event_in_it(months) -> None:
    plan = YearPlan(months=months)
    assert {event for number in range(1, months) for event in plan.events_of(number)} == set(Event)


def test_special_services_grow_in_the_month_after_the_station_closed() -> None:
    grown = YEAR.number_of(Event.SERVICES_GROWN)
    assert YEAR.first_day(grown) == SERVICES_GROW_FROM
    assert YEAR.first_day(grown - 1) == date(2017, 12, 1)


def test_a_month_is_decided_eight_weeks_after_its_end() -> None:
    assert YEAR.first_day(0) == date(2017, 6, 1)
    assert YEAR.decided_at(0) == datetime(2017, 8, 26, 2, tzinfo=UTC)


def test_the_station_is_closed_from_its_month_on() -> None:
    closed = YEAR.number_of(Event.STATION_CLOSED)
    assert YEAR.simulation(closed - 1).closed_stations == ()
    assert YEAR.simulation(closed).closed_stations == (CLOSED_STATION,)


def test_what_the_oracle_draws_is_never_what_happened() -> None:
    seeds = [YEAR.simulation(number, draw).seed for number in range(-12, 14) for draw in range(7)]
    assert len(set(seeds)) == len(seeds)


@pytest.mark.parametrize(
    "wrong", [{"months": 2}, {"months": 37}, {"history_months": 2}, {"seed": -1}, {"seed": 1_000}]
)
def test_a_year_that_cannot_be_lived_is_refused(wrong) -> None:
    (name,) = wrong
    with pytest.raises(BadValue, match=name):
        YearPlan(**wrong)
