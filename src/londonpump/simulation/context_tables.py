"""The tables that belong to a simulation: stations, weather, traffic, school holidays.

Shapes as published for the original system: hours are London hours.
"""

from datetime import date, datetime, timedelta

import numpy as np
import pyarrow as pa

from londonpump.domain.london_clock import LONDON
from londonpump.domain.national_grid import to_degrees
from londonpump.domain.stations import known_stations
from londonpump.simulation.plan import SimulationPlan
from londonpump.simulation.text_formats import TextColumn, format_dates, format_padded, join_text
from londonpump.simulation.timestamps import DAY_S, HOUR_S, london_seconds, midnight_utc_s
from londonpump.simulation.weather import Weather, conditions

DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
WEEKDAY_PCT = (3, 3, 3, 4, 5, 9, 20, 36, 48, 45, 34, 27, 26, 29, 35, 45, 54, 57, 51, 37, 22, 12, 6, 4)
WEEKEND_PCT = (5, 4, 3, 3, 3, 3, 4, 6, 10, 16, 23, 29, 33, 34, 33, 31, 30, 29, 27, 22, 16, 12, 9, 6)


def station_table(plan: SimulationPlan) -> dict[str, TextColumn]:
    """code, name, latitude, longitude of every station of the plan's first day and of the neighbours'."""
    shown = [
        s
        for s in known_stations()
        if s.status == "border" or s.status == "open" or (s.status == "closed" and s.pumps_on(plan.start))
    ]
    latitude, longitude = to_degrees([s.easting_m for s in shown], [s.northing_m for s in shown])
    return {
        "code": pa.array([s.code for s in shown]),
        "name": pa.array([s.name for s in shown]),
        "latitude": pa.array([f"{x:.6f}" for x in latitude]),
        "longitude": pa.array([f"{x:.6f}" for x in longitude]),
    }


def weather_table(plan: SimulationPlan, weather: Weather) -> dict[str, TextColumn]:
    """One row an hour of London: the hour the clock skips is absent, the one it repeats stands once."""
    first, end = midnight_utc_s(plan.start), midnight_utc_s(plan.end)
    utc = np.arange(first - first % HOUR_S, end, HOUR_S)
    local = london_seconds(utc)
    first_rows = np.unique(local, return_index=True)[1]
    row, local = weather.at(utc)[first_rows], local[first_rows]
    texts, icons = conditions(weather)
    figures = {
        "temp": weather.temp_c,
        "precip": weather.precip_mm,
        "cloudcover": weather.cloudcover_pct,
        "visibility": weather.visibility_km,
    }
    return {
        **{name: pa.array([str(x) for x in values[row].tolist()]) for name, values in figures.items()},
        "conditions": pa.array([texts[i] for i in row]),
        "icon": pa.array([icons[i] for i in row]),
        "date": join_text(
            format_dates(local // DAY_S, "2025-01-31"),
            format_padded(local % DAY_S // HOUR_S, 2),
            separator=" ",
        ),
    }


def traffic_table(plan: SimulationPlan) -> dict[str, TextColumn]:
    """Congestion by hour and day of the week (1: Sunday), a block for each year."""
    rows = [
        (f"{share / 100:.2f}".rstrip("0"), str(hour), str(number), name, str(year))
        for year in range(plan.start.year, (plan.end - timedelta(days=1)).year + 1)
        for number, name in enumerate(DAYS, start=1)
        for hour, share in enumerate(WEEKEND_PCT if number in (1, 7) else WEEKDAY_PCT)
    ]
    names = ("congestion", "hour", "day_nb", "day", "year")
    return {name: pa.array([row[i] for row in rows]) for i, name in enumerate(names)}


def school_holiday_table(plan: SimulationPlan) -> dict[str, TextColumn]:
    """School holidays of every year of the plan, with the spellings the original system went through."""
    days = [
        day
        for year in range(plan.start.year, (plan.end - timedelta(days=1)).year + 1)
        for day in school_holidays(year)
    ]
    stored = [datetime(d.year, d.month, d.day, tzinfo=LONDON).timestamp() for d in days]
    utc = [datetime.fromtimestamp(at, tz=LONDON) for at in stored]
    seen = [(at - (at.utcoffset() or timedelta())).date() for at in utc]
    swapped = [d.replace(month=d.day, day=d.month) if d.day <= 12 else d for d in seen]
    clock = ["23:00:00" if at.utcoffset() else "00:00:00" for at in utc]
    return {
        "stored_utc": pa.array([f"{d.isoformat()}T{c}Z" for d, c in zip(seen, clock, strict=True)]),
        "string_given_to_add_holidays": pa.array([d.strftime("%d/%m/%Y") for d in seen]),
        "date_the_seed_ends_up_with": pa.array([d.isoformat() for d in swapped]),
        "true_london_date": pa.array([d.isoformat() for d in days]),
    }


def school_holidays(year: int) -> list[date]:
    """Weekdays without school in a usual London year: half-terms, two weeks at Easter, summer, Christmas."""
    easter = easter_sunday(year)
    late_may = date(year, 5, 31) - timedelta(days=date(year, 5, 31).weekday())
    late_october = date(year, 10, 31) - timedelta(days=date(year, 10, 31).weekday() + 1)
    half_term = date(year, 2, 12) + timedelta(days=(7 - date(year, 2, 12).weekday()) % 7)
    spans = (
        (date(year, 1, 1), date(year, 1, 4)),
        (half_term, half_term + timedelta(days=4)),
        (easter - timedelta(days=13), easter + timedelta(days=1)),
        (late_may, late_may + timedelta(days=4)),
        (date(year, 7, 24), date(year, 9, 1)),
        (late_october - timedelta(days=6), late_october - timedelta(days=2)),
        (date(year, 12, 21), date(year, 12, 31)),
    )
    days = [first + timedelta(days=i) for first, last in spans for i in range((last - first).days + 1)]
    return [day for day in days if day.weekday() < 5]


def easter_sunday(year: int) -> date:
    """Easter of a year. Source: the anonymous Gregorian algorithm, Nature, 20 April 1876."""
    golden, century, rest = year % 19, year // 100, year % 100
    lunar = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - century // 4 - lunar + 15) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (rest // 4) - epact - rest % 4) % 7
    late = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)
