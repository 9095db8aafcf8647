"""Steps of the ablation: the features that each adds to the model, by descending gain, and features that the product lacks."""

from dataclasses import dataclass

import numpy as np

from benchmarks.accuracy.hidden_inputs import EVERYTHING, HOUR, LOCATION, OWN, PROPERTY, RIVER
from londonpump.features.catalogue import FEATURES, ROADS, Feature
from londonpump.features.dispatches import Dispatches, Floats

PLACE_M = ("easting_m", "northing_m")
WHEN = ("mobilised_at",)


@dataclass(frozen=True, slots=True)
class Step:
    """features: names of the catalogue's that it adds. shows: what it no longer hides. new: features that
    the product does not carry."""

    label: str
    features: tuple[str, ...] = ()
    shows: frozenset[str] = frozenset()
    new: tuple[Feature, ...] = ()


STEPS: tuple[Step, ...] = (
    Step("distance", ("distance_m",)),
    Step("+ hour", ("hour",), frozenset({HOUR})),
    Step("+ residual of past runs of the place", (), frozenset({LOCATION})),
    Step(
        "+ own ground, bearing, grid, nearest stations",
        (
            "is_own_ground",
            "bearing_deg",
            "easting_m",
            "northing_m",
            "station_easting_m",
            "station_northing_m",
            "nearest_m",
            "second_nearest_m",
            "stations_nearer",
            "is_home_station",
        ),
        frozenset({OWN}),
    ),
    Step("+ incident type", ("incident_type",)),
    Step("+ property, address", ("property_category", "address_qualifier"), frozenset({PROPERTY})),
    Step("+ Thames", ("by_bridge_m",), frozenset({RIVER})),
    Step("+ working day, working day × hour", ("is_working_day", "hour_by_day_type", "year")),
    Step("+ workload", ("recent_ground_calls", "pumps_out", "ground_pumps_available")),
    Step("+ roads", tuple(feature.name for feature in FEATURES if feature.source == ROADS)),
)

THAMES, WORKLOAD = 7, 9
"""Steps counted from 1."""


def _station(dispatches: Dispatches) -> Floats:
    """Return the station's position in the list of codes, which trees can split anywhere."""
    return dispatches.station.astype(np.float64)


WEEKDAY = Feature("weekday", "0-6", "London clock", WHEN, "hour", lambda r: r.weekday.astype(np.float64))
MONTH = Feature("month", "1-12", "London clock", WHEN, "hour", lambda r: r.month.astype(np.float64))
STATION = Feature("station", "code", "station list", ("station_code",), "location", _station)
WEATHER = tuple(feature for feature in FEATURES if feature.group == "weather")
CONGESTION = tuple(feature for feature in FEATURES if feature.group == "traffic")
BARE = tuple(feature for feature in FEATURES if feature.group not in {"weather", "traffic", "calendar"})
"""The features without any context, against which the gain of context is measured."""
NOT_CARRIED: tuple[Step, ...] = (
    Step("with weekday", new=(WEEKDAY,)),
    Step("with month", new=(MONTH,)),
    Step("with the station as a category", new=(STATION,)),
)
FROM_FILES: tuple[Step, ...] = (
    Step("with weather", new=WEATHER),
    Step("with congestion", new=CONGESTION),
)


def up_to(count: int) -> tuple[tuple[Feature, ...], frozenset[str]]:
    """Return the features of the first steps, and the inputs that are still hidden after them."""
    return _of(STEPS[:count])


def without(count: int) -> tuple[tuple[Feature, ...], frozenset[str]]:
    """Return the features of all steps but one, and the inputs that are hidden then."""
    return _of(STEPS[: count - 1] + STEPS[count:])


def _of(steps: tuple[Step, ...]) -> tuple[tuple[Feature, ...], frozenset[str]]:
    names = {name for step in steps for name in step.features}
    inputs_used = frozenset().union(*(step.shows for step in steps))
    return tuple(feature for feature in FEATURES if feature.name in names), EVERYTHING - inputs_used
