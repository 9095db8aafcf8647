"""Weather, congestion and school holidays at the moment of a mobilisation, from observed tables.

Their hours are London hours. A gap of weather inside the table takes the hour before (no rain is an empty
`precip`), and is labelled; an hour that the table does not have stays null. Source: the original's steps
24 to 27, which read GMT as if it were London time.
"""

import ibis
from ibis.expr.types import Table

from londonpump.cleaning import london_time

WEATHER = ("temp_c", "cloudcover_pct", "visibility_km", "conditions")
SUNDAY_FIRST = 7


def with_weather(table: Table, weather: Table) -> Table:
    """Adds temp_c, precip_mm, cloudcover_pct, visibility_km, conditions, is_weather_filled.

    Args: table: with `mobilised_at`. weather: `hour_text` ("2022-05-01 09", London) and those columns.
    """
    known = weather.distinct(on="hour_text", keep="first")
    known = _with_gaps_filled(known)
    london = london_time.to_london(table.mobilised_at)
    table = table.mutate(hour_text=london.strftime("%Y-%m-%d %H"))
    return table.left_join(known, "hour_text").drop("hour_text", "hour_text_right")


def _with_gaps_filled(hours: Table) -> Table:
    """Each gap takes the last value before it: the one value among the hours with as many values so far."""
    in_time = ibis.cumulative_window(order_by="hour_text")
    is_filled = ibis.or_(*[hours[name].isnull() for name in WEATHER])
    so_far = {f"{name}_so_far": hours[name].count().over(in_time) for name in WEATHER}
    hours = hours.mutate(precip_mm=hours.precip_mm.fill_null(0.0), is_weather_filled=is_filled, **so_far)
    values = {name: hours[name].max().over(ibis.window(group_by=f"{name}_so_far")) for name in WEATHER}
    return hours.mutate(**values).drop(*so_far)


def with_congestion(table: Table, traffic: Table) -> Table:
    """Adds congestion (share of extra travel time) by London year, weekday and hour.

    Args: traffic: `year, weekday` (0 Sunday to 6 Saturday)`, hour, congestion`.
    """
    london = london_time.to_london(table.mobilised_at)
    known = traffic.distinct(on=("year", "weekday", "hour"), keep="first")
    table = table.mutate(
        of_year=london.year(),
        of_weekday=(london.day_of_week.index() + 1) % SUNDAY_FIRST,
        of_hour=london.hour(),
    )
    joined = table.left_join(
        known,
        [
            table.of_year == known.year,
            table.of_weekday == known.weekday,
            table.of_hour == known.hour,
        ],
    )
    return joined.drop("of_year", "of_weekday", "of_hour", "year", "weekday", "hour")


def with_school_holidays(table: Table, days: Table) -> Table:
    """Adds is_school_holiday by London date; null outside the years that the list covers.

    Args: days: `day`, one row a holiday.
    """
    first, last = days.day.min(), days.day.max()
    span = days.agg(from_year=first.year(), to_year=last.year())
    london = london_time.to_london(table.mobilised_at)
    table = table.mutate(london_day=london.date()).cross_join(span)
    holidays = days.distinct().mutate(is_holiday=ibis.literal(True))
    table = table.left_join(holidays, table.london_day == holidays.day).drop("day")
    is_covered = table.london_day.year().between(table.from_year, table.to_year)
    return table.mutate(
        is_school_holiday=ibis.ifelse(is_covered, table.is_holiday.fill_null(False), ibis.null("boolean"))
    ).drop("london_day", "from_year", "to_year", "is_holiday")
