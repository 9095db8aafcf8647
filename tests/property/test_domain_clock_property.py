"""The London clock holds for any instant of the records and beyond."""

from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from support.run_size import examples

from londonpump.domain import london_clock

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TIMESTAMPS = st.datetimes(
    datetime.fromisoformat("1996-01-01"), datetime.fromisoformat("2036-12-31"), timezones=st.just(UTC)
)


def to_us(timestamp: datetime) -> int:
    return (timestamp - EPOCH) // timedelta(microseconds=1)


@settings(deadline=None, max_examples=examples(300))
@given(TIMESTAMPS)
def test_any_instant_reads_on_the_clocks_of_london_as_the_zone_database_says(at):
    wall = at.astimezone(london_clock.LONDON).replace(tzinfo=None)
    assert london_clock.london_us(np.array([to_us(at)])).tolist() == [to_us(wall.replace(tzinfo=UTC))]


@settings(deadline=None)
@given(st.lists(TIMESTAMPS, max_size=20))
def test_many_instants_are_read_as_each_alone(instants_drawn):
    timestamps_us = np.array([to_us(at) for at in instants_drawn], np.int64)
    alone = [int(london_clock.london_us(timestamps_us[i : i + 1])[0]) for i in range(len(instants_drawn))]
    assert london_clock.london_us(timestamps_us).tolist() == alone


@settings(deadline=None)
@given(TIMESTAMPS)
def test_every_instant_shows_a_time_that_exists(at):
    wall = at.astimezone(london_clock.LONDON).replace(tzinfo=None)
    assert london_clock.exists_in_london(wall)


@settings(deadline=None)
@given(TIMESTAMPS)
def test_a_time_is_ambiguous_when_an_hour_before_or_after_shows_it_again(at):
    us = to_us(at)
    hours = np.array([us - london_clock.HOUR_US, us, us + london_clock.HOUR_US])
    before, on_the_clock, after = london_clock.london_us(hours).tolist()
    wall = (EPOCH + timedelta(microseconds=on_the_clock)).replace(tzinfo=None)
    assert london_clock.is_ambiguous_in_london(wall) == (on_the_clock in (before, after))
