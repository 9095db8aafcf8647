"""Why a prediction is what it is: contributions in words and seconds that add up to the median.

The boosters' own contributions (Lundberg's TreeSHAP, as LightGBM computes it), and the curve's, told against a
typical run: what is left when everything said is added is the typical time.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from londonpump.brigade import thames
from londonpump.features.runs import DAY_US, HOUR_US, Runs
from londonpump.models.distribution import P50
from londonpump.models.response_time import ResponseTimeModel

Floats = NDArray[np.float64]
Known = tuple[Floats, Floats]
TYPICAL = "typical"
GROUP_OF_PLACES = "place"
RAIN_MM, SNOW_C, FOG_KM, STRONG_WIND_KMH = 0.2, 1.0, 1.0, 50.0
"""From where on it is rain at all, may be snow, is fog (by its definition), and a near gale (force 7) begins."""


@dataclass(frozen=True, slots=True)
class Reason:
    """group: what it is about. seconds: what it adds, negative where it saves. words: for a person."""

    group: str
    seconds: float
    words: str


def contributions(
    model: ResponseTimeModel, runs: Runs, widening: Floats | float = 1.0, known: Known | None = None
) -> tuple[dict[str, Floats], Floats]:
    """({group: (n,) seconds}, (n,) median seconds): the groups add up to the median.

    widening: (n,) as of the prediction that is explained; the median moves a little with it.
    known: the table and the median of that prediction, where they are at hand.
    Distance and hour of the curve are told against the mean place and hour of `typical`, a constant.
    """
    table, median_s = known or _worked_out(model, runs, widening)
    groups = [*(feature.group for feature in model.features), *(GROUP_OF_PLACES for _ in model.places)]
    parts = np.mean(
        [booster.predict(table, pred_contrib=True, num_threads=1) for booster in model.centre], axis=0
    )
    told: dict[str, Floats] = {}
    for i, group in enumerate(groups):
        told[group] = told.get(group, np.zeros(runs.n)) + parts[:, i]
    distance_s, river_s, hour_s, own_s, constant_s = model.curve.parts(runs)
    for group, seconds in (("distance", distance_s), ("river", river_s), ("hour", hour_s), ("away", own_s)):
        told[group] = told.get(group, np.zeros(runs.n)) + seconds
    told[TYPICAL] = np.full(runs.n, constant_s) + parts[:, -1]
    # The centre is not quite the median, and nothing lies beyond the ends of the clock: what that moves is
    # part of the typical time, so that the sum is the number shown.
    told[TYPICAL] += median_s - sum(told.values())
    return told, median_s


def _worked_out(model: ResponseTimeModel, runs: Runs, widening: Floats | float) -> Known:
    table = model.table(runs)
    return table, model.from_table(runs, table, widening).quantile(P50)


def reasons(
    model: ResponseTimeModel,
    runs: Runs,
    widening: Floats | float = 1.0,
    known: Known | None = None,
    most: int = 5,
) -> list[list[Reason]]:
    """The largest contributions of each run, largest first, then what is typical and the rest."""
    told, _ = contributions(model, runs, widening, known)
    rows: list[list[Reason]] = []
    for row in range(runs.n):
        ranked = sorted(
            ((group, float(seconds[row])) for group, seconds in told.items() if group != TYPICAL),
            key=lambda pair: -abs(pair[1]),
        )
        shown = [
            Reason(group, seconds, _words(group, seconds, runs, row)) for group, seconds in ranked[:most]
        ]
        rest = float(told[TYPICAL][row]) + sum(seconds for _, seconds in ranked[most:])
        rows.append([*shown, Reason(TYPICAL, rest, "a typical run, and all that is not named")])
    return rows


def _words(group: str, seconds: float, runs: Runs, row: int) -> str:
    if group == "distance":
        return f"{runs.distance_m[row] / 1000:.1f} km from the station"
    if group == "hour":
        # of the clock itself: 16:43 is 16.71666... hours, which would be told as 16:42
        minutes = int(runs.london_us[row]) % DAY_US * 60 // HOUR_US
        return f"{minutes // 60:02d}:{minutes % 60:02d} in London"
    if group == "river":
        crossing = thames.crosses_thames(
            runs.number("station_easting_m")[row],
            runs.number("station_northing_m")[row],
            runs.number("easting_m")[row],
            runs.number("northing_m")[row],
        )
        return "the Thames has to be crossed" if crossing else "the Thames is not in the way"
    if group == "away":
        return "the station of this ground" if runs.is_own_ground[row] else "not the station of this ground"
    if group == GROUP_OF_PLACES:
        return "runs near here take longer" if seconds > 0 else "runs near here are quicker"
    if group == "kind":
        return (
            "this kind of call" if runs.text("incident_type")[row] is not None else "kind of call not stated"
        )
    if group in OF_CONTEXT:
        return OF_CONTEXT[group](runs, row, seconds)
    return "how busy the Brigade is"


def _weather_words(runs: Runs, row: int, _seconds: float) -> str:
    value = {name: runs.number(name)[row] for name in ("temp_c", "precip_mm", "visibility_km", "wind_kmh")}
    if value["precip_mm"] >= RAIN_MM:
        return f"snow or rain, {value['temp_c']:.0f} C" if value["temp_c"] <= SNOW_C else "rain"
    if value["visibility_km"] < FOG_KM:
        return "fog"
    if value["wind_kmh"] >= STRONG_WIND_KMH:
        return "strong wind"
    return "frost" if value["temp_c"] <= 0 else "ordinary weather"


def _traffic_words(runs: Runs, row: int, _seconds: float) -> str:
    # the rate, not "heavy" or "light": what a booster makes of it may go the other way
    return f"traffic: {runs.number('congestion_rate')[row]:.0%} longer journeys at this hour"


def _calendar_words(runs: Runs, row: int, _seconds: float) -> str:
    if runs.number("is_school_holiday")[row] == 1:
        return "school holidays"
    return "a working day" if runs.is_working_day[row] else "not a working day"


OF_CONTEXT: dict[str, Callable[[Runs, int, float], str]] = {
    "weather": _weather_words,
    "traffic": _traffic_words,
    "calendar": _calendar_words,
}
