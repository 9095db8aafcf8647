"""The London clock: summer time, its two changes a year, times that never or twice happen."""

from datetime import UTC, datetime

import numpy as np
import pytest

from londonpump.domain import london_clock

YEARS = range(2009, 2031)


def utc_us(*datetimes: datetime) -> np.ndarray:
    return np.array([int(utc_time.timestamp()) * 1_000_000 for utc_time in datetimes], np.int64)


def wall(text: str) -> datetime:
    """A time as the clocks of London show it, without a zone."""
    return datetime.fromisoformat(text)


def wall_us(london_time: datetime) -> int:
    return int(london_time.replace(tzinfo=UTC).timestamp()) * 1_000_000


def test_every_half_hour_from_2009_to_2030_agrees_with_the_zone_database():
    first, last = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in (YEARS.start, YEARS.stop))
    instants_s = np.arange(first, last, 1800)
    offsets = [
        datetime.fromtimestamp(at, london_clock.LONDON).utcoffset().seconds for at in instants_s.tolist()
    ]
    assert ((london_clock.london_us(instants_s * 1_000_000) - instants_s * 1_000_000) / 1e6 == offsets).all()


@pytest.mark.parametrize("year", YEARS)
def test_the_clocks_change_at_one_in_the_morning_gmt_to_the_microsecond(year):
    starts, ends = london_clock.summer_time_bounds(np.array([year]))
    around = np.array([starts[0] - 1, starts[0], ends[0] - 1, ends[0]])
    assert ((london_clock.london_us(around) - around) // london_clock.HOUR_US).tolist() == [0, 1, 1, 0]
    utc_times = around.astype("datetime64[us]").tolist()
    offsets = [at.replace(tzinfo=UTC).astimezone(london_clock.LONDON).utcoffset() for at in utc_times]
    assert [offset.seconds // 3600 for offset in offsets] == [0, 1, 1, 0]


def test_the_changes_of_2023_are_those_of_the_calendar():
    starts, ends = london_clock.summer_time_bounds(np.array([2023]))
    assert starts.tolist() == utc_us(datetime(2023, 3, 26, 1, tzinfo=UTC)).tolist()
    assert ends.tolist() == utc_us(datetime(2023, 10, 29, 1, tzinfo=UTC)).tolist()


def test_a_change_may_fall_on_the_last_day_of_the_month():
    starts, ends = london_clock.summer_time_bounds(np.array([2024, 2027]))
    assert starts[0] == utc_us(datetime(2024, 3, 31, 1, tzinfo=UTC))[0]
    assert ends[1] == utc_us(datetime(2027, 10, 31, 1, tzinfo=UTC))[0]


def test_london_is_an_hour_ahead_on_a_summer_night_across_midnight():
    late_evening = utc_us(datetime(2023, 3, 31, 23, 8, 54, tzinfo=UTC))
    assert london_clock.london_us(late_evening).tolist() == [wall_us(wall("2023-04-01 00:08:54"))]


def test_london_is_on_gmt_at_new_year():
    midnight = utc_us(datetime(2017, 1, 1, tzinfo=UTC))
    assert london_clock.london_us(midnight).tolist() == midnight.tolist()


def test_a_published_call_and_its_mobilisation_agree_once_on_the_same_clock(summer_time_records):
    mobilised = utc_us(
        *(
            datetime.strptime(row["DateAndTimeMobilised"], "%d/%m/%Y %H:%M:%S").replace(tzinfo=UTC)
            for row in summer_time_records
        )
    )
    called = [
        wall_us(datetime.strptime(f"{row['DateOfCall']} {row['TimeOfCall']}Z", "%d %b %Y %H:%M:%S%z"))
        for row in summer_time_records
    ]
    assert (np.abs(london_clock.london_us(mobilised) - called) < 120e6).all()


@pytest.mark.parametrize("london_time", ["2023-03-26 01:00:00", "2023-03-26 01:30:00", "2017-03-26 01:59:59"])
def test_an_hour_that_the_spring_skips_never_exists(london_time):
    assert not london_clock.exists_in_london(wall(london_time))
    assert not london_clock.is_ambiguous_in_london(wall(london_time))


@pytest.mark.parametrize("london_time", ["2023-10-29 01:00:00", "2023-10-29 01:30:00", "2017-10-29 01:59:59"])
def test_an_hour_that_the_autumn_repeats_is_ambiguous(london_time):
    assert london_clock.exists_in_london(wall(london_time))
    assert london_clock.is_ambiguous_in_london(wall(london_time))


@pytest.mark.parametrize(
    "london_time",
    [
        "2023-03-26 00:59:59",
        "2023-03-26 02:00:00",
        "2023-10-29 00:59:59",
        "2023-10-29 02:00:00",
        "2024-07-01 12:00:00",
    ],
)
def test_any_other_time_exists_once(london_time):
    assert london_clock.exists_in_london(wall(london_time))
    assert not london_clock.is_ambiguous_in_london(wall(london_time))
