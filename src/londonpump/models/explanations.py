"""Explanations of predictions: contributions in seconds, with a description, that add up to the median.

They combine the SHAP contributions of the boosters (Lundberg's TreeSHAP, as LightGBM computes it) with those of the
base curve, both relative to a typical dispatch.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from londonpump.domain import thames
from londonpump.features.dispatches import DAY_US, HOUR_US, Dispatches
from londonpump.models.distribution import P50
from londonpump.models.response_time_model import ResponseTimeModel, by_road_where_known

Floats = NDArray[np.float64]
TableAndMedian = tuple[Floats, Floats]
# Contributions are relative to a typical dispatch, which therefore needs an entry of its own.
TYPICAL = "typical"
LOCATION_GROUP = "location"
CURVE = "curve: "
RAIN_MM, SNOW_C, FOG_KM, STRONG_WIND_KMH = 0.2, 1.0, 1.0, 50.0
"""Limits of rain, possible snow, fog (by its definition), and a near gale (force 7)."""


@dataclass(frozen=True, slots=True)
class Contribution:
    """The contribution of one group of features."""

    group: str
    seconds: float
    """Seconds added to the median; negative if subtracted."""
    description: str


def contributions(
    model: ResponseTimeModel,
    dispatches: Dispatches,
    interval_scaling: Floats | float = 1.0,
    known: TableAndMedian | None = None,
) -> tuple[dict[str, Floats], Floats]:
    """Return {group: (n,) seconds} and the (n,) median; the groups add up to the median.

    Args: interval_scaling: (n,) factor of the explained prediction; the median changes slightly with it. known: table
    and median of that prediction, if available.
    """
    # The service has both already: computing them again would double the cost of an explanation.
    table, median_s = known or _table_and_median(model, dispatches, interval_scaling)
    groups = [
        *(feature.group for feature in model.features),
        *(LOCATION_GROUP for _ in model.location_effects),
        *(("distance",) if model.roads is not None else ()),
    ]
    parts = _booster_parts(model, table)
    by_group: dict[str, Floats] = {}
    for i, group in enumerate(groups):
        by_group[group] = by_group.get(group, np.zeros(dispatches.n)) + parts[:, i]
    curve, constant_s = _curve_parts(model, dispatches)
    for group, seconds in curve.items():
        by_group[group] = by_group.get(group, np.zeros(dispatches.n)) + seconds
    # The last column of LightGBM's contributions is the expected value of the trees.
    by_group[TYPICAL] = np.full(dispatches.n, constant_s) + parts[:, -1]
    # The centre differs slightly from the median, and times are clipped: the typical time absorbs the
    # difference, so that the sum equals the number shown.
    by_group[TYPICAL] += median_s - sum(by_group.values())
    return by_group, median_s


def importance(model: ResponseTimeModel, dispatches: Dispatches) -> dict[str, float]:
    """Return the mean absolute seconds that each feature, and each part of the base curve, adds to the announced time.

    The parts of the curve are named `curve: distance` and so on: the boosters only correct what the curve says of them.
    """
    parts = _booster_parts(model, model.table(dispatches))
    found = dict(zip(model.names, np.abs(parts[:, :-1]).mean(axis=0), strict=True))
    curve, _ = _curve_parts(model, dispatches)
    found |= {f"{CURVE}{group}": np.abs(seconds).mean() for group, seconds in curve.items()}
    return {name: float(seconds) for name, seconds in found.items()}


def _booster_parts(model: ResponseTimeModel, table: Floats) -> Floats:
    """Return (n, features + 1) contributions of the boosters; the last one is their expected value."""
    # Contributions are linear, so the mean over the seeds explains the mean that the model predicts.
    found = [booster.predict(table, pred_contrib=True, num_threads=1) for booster in model.centre]
    return np.asarray(np.mean(found, axis=0))


def _curve_parts(model: ResponseTimeModel, dispatches: Dispatches) -> tuple[dict[str, Floats], float]:
    """Return the (n,) seconds of the base curve by group, by road where the way is known, and its constant."""
    distance_s, river_s, hour_s, own_s, constant_s = model.curve.parts(dispatches)
    if model.roads is not None:
        way_s, by_road_hour_s, by_road_own_s = model.roads.curve.parts(dispatches)
        distance_s = by_road_where_known(dispatches, way_s - constant_s, distance_s)
        # the bridge is part of the way
        river_s = by_road_where_known(dispatches, np.zeros(dispatches.n), river_s)
        hour_s = by_road_where_known(dispatches, by_road_hour_s, hour_s)
        own_s = by_road_where_known(dispatches, by_road_own_s, own_s)
    return {"distance": distance_s, "river": river_s, "hour": hour_s, "away": own_s}, constant_s


def _table_and_median(
    model: ResponseTimeModel, dispatches: Dispatches, interval_scaling: Floats | float
) -> TableAndMedian:
    table = model.table(dispatches)
    return table, model.from_table(dispatches, table, interval_scaling).quantile(P50)


def explanations(
    model: ResponseTimeModel,
    dispatches: Dispatches,
    interval_scaling: Floats | float = 1.0,
    known: TableAndMedian | None = None,
    max_contributions: int = 5,
) -> list[list[Contribution]]:
    """Return the largest contributions of each dispatch, largest first, then the typical time with the rest."""
    by_group, _ = contributions(model, dispatches, interval_scaling, known)
    rows: list[list[Contribution]] = []
    for row in range(dispatches.n):
        # by size, not by sign: what saves time explains as much as what costs it
        ranked = sorted(
            ((group, float(seconds[row])) for group, seconds in by_group.items() if group != TYPICAL),
            key=lambda pair: -abs(pair[1]),
        )
        shown = [
            Contribution(group, seconds, _contribution_text(group, seconds, dispatches, row))
            for group, seconds in ranked[:max_contributions]
        ]
        rest = float(by_group[TYPICAL][row]) + sum(seconds for _, seconds in ranked[max_contributions:])
        rows.append(
            [*shown, Contribution(TYPICAL, rest, "a typical dispatch, and everything that is not listed")]
        )
    return rows


def _contribution_text(group: str, seconds: float, dispatches: Dispatches, row: int) -> str:
    if group == "distance":
        way_m = dispatches.on_way("road_m")[row]
        by_road = "" if np.isnan(way_m) else f", {way_m / 1000:.1f} km by road"
        return f"{dispatches.distance_m[row] / 1000:.1f} km from the station{by_road}"
    if group == "hour":
        # computed from microseconds: 16:43 is 16.71666... hours, which would be shown as 16:42
        minutes = int(dispatches.london_us[row]) % DAY_US * 60 // HOUR_US
        return f"{minutes // 60:02d}:{minutes % 60:02d} in London"
    if group == "river":
        crossing = thames.crosses_thames(
            dispatches.number("station_easting_m")[row],
            dispatches.number("station_northing_m")[row],
            dispatches.number("easting_m")[row],
            dispatches.number("northing_m")[row],
        )
        return "the Thames has to be crossed" if crossing else "the Thames is not in the way"
    if group == "away":
        return (
            "the station of this ground"
            if dispatches.is_own_ground[row]
            else "not the station of this ground"
        )
    if group == LOCATION_GROUP:
        # The location effects have no meaning of their own to name: only the sign can be stated.
        return "dispatches near here take longer" if seconds > 0 else "dispatches near here are quicker"
    if group == "incident_type":
        return (
            "this incident type"
            if dispatches.text("incident_type")[row] is not None
            else "incident type not given"
        )
    if group in CONTEXT_TEXTS:
        return CONTEXT_TEXTS[group](dispatches, row, seconds)
    return "how busy the Brigade is"


def _weather_text(dispatches: Dispatches, row: int, _seconds: float) -> str:
    value = {
        name: dispatches.number(name)[row] for name in ("temp_c", "precip_mm", "visibility_km", "wind_kmh")
    }
    if value["precip_mm"] >= RAIN_MM:
        return f"snow or rain, {value['temp_c']:.0f} C" if value["temp_c"] <= SNOW_C else "rain"
    if value["visibility_km"] < FOG_KM:
        return "fog"
    if value["wind_kmh"] >= STRONG_WIND_KMH:
        return "strong wind"
    return "frost" if value["temp_c"] <= 0 else "ordinary weather"


def _traffic_text(dispatches: Dispatches, row: int, _seconds: float) -> str:
    # the rate, not "heavy" or "light": the contribution of the booster may have the opposite sign
    return f"traffic: {dispatches.number('congestion_rate')[row]:.0%} longer journeys at this hour"


def _calendar_text(dispatches: Dispatches, row: int, _seconds: float) -> str:
    if dispatches.number("is_school_holiday")[row] == 1:
        return "school holidays"
    return "a working day" if dispatches.is_working_day[row] else "not a working day"


CONTEXT_TEXTS: dict[str, Callable[[Dispatches, int, float], str]] = {
    "weather": _weather_text,
    "traffic": _traffic_text,
    "calendar": _calendar_text,
}
