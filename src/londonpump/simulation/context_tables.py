"""The weather of a simulation, and its tables of stations, weather, traffic and school holidays.

The weather is invented but plausible: seasons, days, and spells of rain. The tables have the columns that the original
system read; their hours are London hours.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from londonpump.domain.london_clock import LONDON
from londonpump.domain.national_grid import to_degrees
from londonpump.domain.stations import known_stations
from londonpump.simulation.plan import SimulationPlan
from londonpump.simulation.text_formats import (
    DAY_S,
    HOUR_S,
    TextColumn,
    format_dates,
    format_padded,
    join_text,
    london_seconds,
    midnight_utc_s,
)

Floats = NDArray[np.float64]

CLOUDS = ("Clear", "Partially cloudy", "Overcast")
ICONS = {"Clear": "clear-day", "Partially cloudy": "partly-cloudy-day", "Overcast": "cloudy", "Rain": "rain"}
DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
WEEKDAY_PCT = (3, 3, 3, 4, 5, 9, 20, 36, 48, 45, 34, 27, 26, 29, 35, 45, 54, 57, 51, 37, 22, 12, 6, 4)
WEEKEND_PCT = (5, 4, 3, 3, 3, 3, 4, 6, 10, 16, 23, 29, 33, 34, 33, 31, 30, 29, 27, 22, 16, 12, 9, 6)


@dataclass(frozen=True, slots=True)
class Weather:
    """One value per UTC hour from `first_hour` (hours since 1970) on."""

    first_hour: int
    temp_c: Floats
    precip_mm: Floats
    cloudcover_pct: Floats
    visibility_km: Floats

    def at(self, utc_s: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the row of each timestamp (seconds since 1970)."""
        return utc_s // 3600 - self.first_hour


def draw_weather(first_hour: int, hours: int, rng: np.random.Generator) -> Weather:
    """Draw weather like that of London: 11.5 degrees on average, rain in 8 % of hours."""
    hour = first_hour + np.arange(hours)
    year_turn = 2 * np.pi * (hour / 24 / 365.25 - 0.05)
    day_turn = 2 * np.pi * (hour % 24 - 9) / 24
    spell = _drift(hours, 36.0, rng)
    wet = _drift(hours, 8.0, rng) + 0.5 * spell
    temp = 11.5 - 7.0 * np.cos(year_turn) + 3.0 * np.sin(day_turn) + 3.0 * _drift(hours, 60.0, rng)
    cloud = np.clip(58 + 28 * spell + 12 * rng.standard_normal(hours), 0, 100)
    # `wet` has the variance 1 + 0.25; beyond 1.4 standard deviations are 8 % of the hours
    raining = wet > np.sqrt(1.25) * 1.4
    precip = np.where(raining, rng.gamma(0.7, 1.0, hours), 0.0)
    cloud = np.where(raining, np.maximum(cloud, 60.0), cloud)
    visibility = np.clip(24 - 6 * raining + 4 * rng.standard_normal(hours), 0.3, 45)
    return Weather(first_hour, temp.round(1), precip.round(2), cloud.round(1), visibility.round(1))


def conditions(weather: Weather) -> tuple[list[str], list[str]]:
    """Return the description and the icon of each hour, as the weather service names them."""
    sky = np.select([weather.cloudcover_pct < 20, weather.cloudcover_pct < 90], CLOUDS[:2], CLOUDS[2])
    wet = weather.precip_mm > 0
    texts = [
        f"Rain, {s}" if w and s != "Clear" else ("Rain" if w else s) for s, w in zip(sky, wet, strict=True)
    ]
    icons = [ICONS["Rain"] if w else ICONS[str(s)] for s, w in zip(sky, wet, strict=True)]
    return [str(w) for w in texts], icons


def _drift(hours: int, memory_h: float, rng: np.random.Generator) -> Floats:
    """Draw a standard normal series with a memory of `memory_h` hours: noise smoothed by an exponential window."""
    window = np.exp(-np.arange(int(6 * memory_h)) / memory_h)
    window /= np.sqrt(np.sum(window**2))
    noise = rng.standard_normal(hours + len(window) - 1)
    # a convolution by FFT: direct convolution of a year of hours would take seconds
    size = 1 << int(np.ceil(np.log2(len(noise) + len(window))))
    product = np.fft.irfft(np.fft.rfft(noise, size) * np.fft.rfft(window, size), size)
    return np.asarray(product[len(window) - 1 : len(window) - 1 + hours])


def station_table(plan: SimulationPlan) -> dict[str, TextColumn]:
    """Return code, name and position of the stations on the first day of the plan, and of neighbouring brigades."""
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
    """Return one row per London hour: a skipped hour is absent, a repeated hour appears once."""
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
    """Return congestion by hour and day of the week (1 is Sunday), with one block per year."""
    rows = [
        (f"{share / 100:.2f}".rstrip("0"), str(hour), str(number), name, str(year))
        for year in range(plan.start.year, (plan.end - timedelta(days=1)).year + 1)
        for number, name in enumerate(DAYS, start=1)
        for hour, share in enumerate(WEEKEND_PCT if number in (1, 7) else WEEKDAY_PCT)
    ]
    names = ("congestion", "hour", "day_nb", "day", "year")
    return {name: pa.array([row[i] for row in rows]) for i, name in enumerate(names)}


def school_holiday_table(plan: SimulationPlan) -> dict[str, TextColumn]:
    """Return the school holidays of every year of the plan, in each form that the original system stored."""
    days = [
        day
        for year in range(plan.start.year, (plan.end - timedelta(days=1)).year + 1)
        for day in school_holidays(year)
    ]
    stored = [datetime(d.year, d.month, d.day, tzinfo=LONDON).timestamp() for d in days]
    utc = [datetime.fromtimestamp(at, tz=LONDON) for at in stored]
    seen = [(at - (at.utcoffset() or timedelta())).date() for at in utc]
    # the original read day and month the wrong way round where both were possible
    swapped = [d.replace(month=d.day, day=d.month) if d.day <= 12 else d for d in seen]
    clock = ["23:00:00" if at.utcoffset() else "00:00:00" for at in utc]
    return {
        "stored_utc": pa.array([f"{d.isoformat()}T{c}Z" for d, c in zip(seen, clock, strict=True)]),
        "string_given_to_add_holidays": pa.array([d.strftime("%d/%m/%Y") for d in seen]),
        "date_the_seed_ends_up_with": pa.array([d.isoformat() for d in swapped]),
        "true_london_date": pa.array([d.isoformat() for d in days]),
    }


def school_holidays(year: int) -> list[date]:
    """Return the weekdays without school in a typical London year: half-terms, Easter, summer and Christmas."""
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
    """Return Easter Sunday. Source: the anonymous Gregorian algorithm, Nature, 20 April 1876."""
    golden, century, rest = year % 19, year // 100, year % 100
    lunar = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - century // 4 - lunar + 15) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (rest // 4) - epact - rest % 4) % 7
    late = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)
