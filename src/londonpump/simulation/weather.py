"""Hourly weather, made up but plausible: seasons, days, and spells of rain."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CLOUDS = ("Clear", "Partially cloudy", "Overcast")
ICONS = {"Clear": "clear-day", "Partially cloudy": "partly-cloudy-day", "Overcast": "cloudy", "Rain": "rain"}


@dataclass(frozen=True, slots=True)
class Weather:
    """One value for each UTC hour from `first_hour` (hours since 1970) on."""

    first_hour: int
    temp_c: Floats
    precip_mm: Floats
    cloudcover_pct: Floats
    visibility_km: Floats

    def at(self, utc_s: NDArray[np.int64]) -> NDArray[np.int64]:
        """The row of each instant (seconds since 1970)."""
        return utc_s // 3600 - self.first_hour


def draw_weather(first_hour: int, hours: int, rng: np.random.Generator) -> Weather:
    """Weather for a run of UTC hours. Normal London figures: 11.5 degrees on average, rain in 8 % of hours."""
    hour = first_hour + np.arange(hours)
    year_turn = 2 * np.pi * (hour / 24 / 365.25 - 0.05)
    day_turn = 2 * np.pi * (hour % 24 - 9) / 24
    spell = _drift(hours, 36.0, rng)
    wet = _drift(hours, 8.0, rng) + 0.5 * spell
    temp = 11.5 - 7.0 * np.cos(year_turn) + 3.0 * np.sin(day_turn) + 3.0 * _drift(hours, 60.0, rng)
    cloud = np.clip(58 + 28 * spell + 12 * rng.standard_normal(hours), 0, 100)
    raining = wet > np.sqrt(1.25) * 1.4
    precip = np.where(raining, rng.gamma(0.7, 1.0, hours), 0.0)
    cloud = np.where(raining, np.maximum(cloud, 60.0), cloud)
    visibility = np.clip(24 - 6 * raining + 4 * rng.standard_normal(hours), 0.3, 45)
    return Weather(first_hour, temp.round(1), precip.round(2), cloud.round(1), visibility.round(1))


def conditions(weather: Weather) -> tuple[list[str], list[str]]:
    """The words and the icon of each hour, in the manner of the weather service."""
    sky = np.select([weather.cloudcover_pct < 20, weather.cloudcover_pct < 90], CLOUDS[:2], CLOUDS[2])
    wet = weather.precip_mm > 0
    texts = [
        f"Rain, {s}" if w and s != "Clear" else ("Rain" if w else s) for s, w in zip(sky, wet, strict=True)
    ]
    icons = [ICONS["Rain"] if w else ICONS[str(s)] for s, w in zip(sky, wet, strict=True)]
    return [str(w) for w in texts], icons


def _drift(hours: int, memory_h: float, rng: np.random.Generator) -> Floats:
    """A standard normal series that forgets within `memory_h`: noise seen through a decaying window."""
    window = np.exp(-np.arange(int(6 * memory_h)) / memory_h)
    window /= np.sqrt(np.sum(window**2))
    noise = rng.standard_normal(hours + len(window) - 1)
    size = 1 << int(np.ceil(np.log2(len(noise) + len(window))))
    product = np.fft.irfft(np.fft.rfft(noise, size) * np.fft.rfft(window, size), size)
    return np.asarray(product[len(window) - 1 : len(window) - 1 + hours])
