"""The London clock in Ibis: call times are London wall time, everything else is GMT.

Summer time runs from the last Sunday of March 01:00 UTC to the last Sunday of October 01:00 UTC; the
day of the month of that Sunday follows from the year alone (good for 1900 to 2099).
"""

import ibis
from ibis.expr.types import BooleanValue, IntegerValue, TimestampValue

HOUR_S = 3600


def is_summer_time(wall: TimestampValue) -> BooleanValue:
    """Whether a London wall time is summer time; of an hour shown twice, the first is meant."""
    month_day_hour = _month_day_hour(wall)
    return (month_day_hour >= _march(wall) + 2) & (month_day_hour < _october(wall) + 2)


def is_skipped_hour(wall: TimestampValue) -> BooleanValue:
    """Whether the clocks of London skip this hour."""
    return _month_day_hour(wall) == _march(wall) + 1


def is_repeated_hour(wall: TimestampValue) -> BooleanValue:
    """Whether the clocks of London show this hour twice."""
    return _month_day_hour(wall) == _october(wall) + 1


def to_utc(wall: TimestampValue) -> TimestampValue:
    """GMT of a London wall time."""
    return ibis.ifelse(is_summer_time(wall), wall - ibis.interval(hours=1), wall)


def to_london(utc: TimestampValue) -> TimestampValue:
    """London wall time of a GMT instant."""
    month_day_hour = _month_day_hour(utc)
    is_summer = (month_day_hour >= _march(utc) + 1) & (month_day_hour < _october(utc) + 1)
    return ibis.ifelse(is_summer, utc + ibis.interval(hours=1), utc)


def _month_day_hour(timestamp: TimestampValue) -> IntegerValue:
    return timestamp.month() * 10_000 + timestamp.day() * 100 + timestamp.hour()


def _march(timestamp: TimestampValue) -> IntegerValue:
    return 30_000 + (31 - ((5 * timestamp.year()) // 4 + 4) % 7) * 100


def _october(timestamp: TimestampValue) -> IntegerValue:
    return 100_000 + (31 - ((5 * timestamp.year()) // 4 + 1) % 7) * 100
