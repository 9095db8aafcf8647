"""The London clock holds for any instant of the records and beyond."""

from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from londonpump.brigade import clock

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
INSTANTS = st.datetimes(
    datetime.fromisoformat("1996-01-01"), datetime.fromisoformat("2036-12-31"), timezones=st.just(UTC)
)


def to_us(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


@settings(deadline=None, max_examples=300)
@given(INSTANTS)
def test_any_instant_reads_on_the_clocks_of_london_as_the_zone_database_says(instant):
    wall = instant.astimezone(clock.LONDON).replace(tzinfo=None)
    assert clock.london_us(np.array([to_us(instant)])).tolist() == [to_us(wall.replace(tzinfo=UTC))]


@settings(deadline=None)
@given(st.lists(INSTANTS, max_size=20))
def test_many_instants_are_read_as_each_alone(instants):
    instants_us = np.array([to_us(instant) for instant in instants], np.int64)
    alone = [int(clock.london_us(instants_us[i : i + 1])[0]) for i in range(len(instants))]
    assert clock.london_us(instants_us).tolist() == alone


@settings(deadline=None)
@given(INSTANTS)
def test_every_instant_shows_a_time_that_exists(instant):
    wall = instant.astimezone(clock.LONDON).replace(tzinfo=None)
    assert clock.exists_in_london(wall)


@settings(deadline=None)
@given(INSTANTS)
def test_a_time_is_ambiguous_when_an_hour_before_or_after_shows_it_again(instant):
    us = to_us(instant)
    hours = np.array([us - clock.HOUR_US, us, us + clock.HOUR_US])
    before, shown, after = clock.london_us(hours).tolist()
    wall = (EPOCH + timedelta(microseconds=shown)).replace(tzinfo=None)
    assert clock.is_ambiguous_in_london(wall) == (shown in (before, after))
