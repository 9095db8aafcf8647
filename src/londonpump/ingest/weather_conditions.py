"""The condition words of an hour, in the manner of Visual Crossing, from cloud cover and a weather code.

Open-Meteo gives WMO weather interpretation codes. Those of rain and snow become the words that Visual Crossing
uses; the sky comes from the cloud cover, with Visual Crossing's bounds. Fog and thunder have no word of their
own there: fog is told by the visibility, and a thunderstorm is rain.

| Codes | Open-Meteo says | Word |
|---|---|---|
| 0 to 3 | clear to overcast | none: the sky alone |
| 45, 48 | fog | none: the sky alone |
| 51, 53, 55 | drizzle | Rain |
| 56, 57, 66, 67 | freezing drizzle or rain | Freezing Drizzle/Freezing Rain |
| 61, 63, 65, 80, 81, 82 | rain, showers | Rain |
| 71, 73, 75, 77, 85, 86 | snow, snow grains, snow showers | Snow |
| 95, 96, 99 | thunderstorm, with hail | Rain |
"""

CLEAR_BELOW_PCT, OVERCAST_FROM_PCT = 20.0, 90.0
RAIN, SNOW, ICE = "Rain", "Snow", "Freezing Drizzle/Freezing Rain"
PRECIPITATION_WORDS = (
    dict.fromkeys((0, 1, 2, 3, 45, 48), "")
    | dict.fromkeys((51, 53, 55, 61, 63, 65, 80, 81, 82, 95, 96, 99), RAIN)
    | dict.fromkeys((56, 57, 66, 67), ICE)
    | dict.fromkeys((71, 73, 75, 77, 85, 86), SNOW)
)


def conditions(cloudcover_pct: float | None, wmo_code: int | None) -> str | None:
    """Such as "Clear", "Partially cloudy", "Rain, Overcast", "Snow"; None where either is not known."""
    precipitation = None if wmo_code is None else PRECIPITATION_WORDS.get(wmo_code)
    if cloudcover_pct is None or precipitation is None:
        return None
    if cloudcover_pct < CLEAR_BELOW_PCT:
        return precipitation or "Clear"
    sky = "Partially cloudy" if cloudcover_pct < OVERCAST_FROM_PCT else "Overcast"
    return f"{precipitation}, {sky}" if precipitation else sky
