"""The catalogue of features: unit, source, and when each is known.

`known` is derived as the latest stage of the columns that a feature reads; a feature that reads a column known only
after the pump has moved is rejected.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from londonpump.domain import incident_types
from londonpump.domain.columns import CALLER_COLUMNS, EXAMPLES, KNOWN_STAGES, MOBILISATION
from londonpump.domain.errors import LondonPumpError
from londonpump.features.dispatches import Dispatches
from londonpump.features.roads import ROAD_FIELDS

Floats = NDArray[np.float64]

# A prediction is made when the pump is chosen, before it moves.
PREDICTED_AT = MOBILISATION
NEAR, SECOND_NEAREST = 0, 1
MIN_DETOUR_M = 100.0
DAY_H = 24.0
PROPERTY_CATEGORIES = (
    "Dwelling",
    "Non Residential",
    "Outdoor",
    "Road Vehicle",
    "Other Residential",
    "Outdoor Structure",
    "Rail Vehicle",
    "Aircraft",
    "Boat",
)
ADDRESS_QUALIFIERS = (
    "Correct incident location",
    "Within same building",
    "In street outside gazetteer location",
    "On land associated with building",
    "In street close to gazetteer location",
    "Open land/water - nearest gazetteer location",
)
CODES: Mapping[str, tuple[str, ...]] = {
    "incident_type": incident_types.INCIDENT_TYPES,
    "property_category": PROPERTY_CATEGORIES,
    "address_qualifier": ADDRESS_QUALIFIERS,
}


class KnownTooLate(LondonPumpError):
    """A feature reads a column that is not known when the prediction is made."""


@dataclass(frozen=True, slots=True)
class Feature:
    """One number per dispatch."""

    name: str
    unit: str
    source: str
    reads: tuple[str, ...]
    """Columns of the examples from which it is computed."""
    group: str
    """Group in the explanations."""
    make: Callable[[Dispatches], Floats]
    """Computes the (n,) values, NaN where unknown."""

    @property
    def known(self) -> str:
        """Return the stage at which the last of its columns is known."""
        known = {column.name: column.known for column in (*EXAMPLES, *CALLER_COLUMNS)}
        return max((known[name] for name in self.reads), key=KNOWN_STAGES.index)


LABELS = {
    "distance_m": "straight distance from the station",
    "by_bridge_m": "distance over the best bridge",
    "road_s": "time of the fastest way by road, at fixed speeds",
    "road_m": "length of the way by road",
    **{
        f"road_m_{kind}": f"metres on {kind} roads"
        for kind in ("trunk", "primary", "secondary", "tertiary", "minor")
    },
    "road_m_20mph": "metres limited to 20 mph",
    **{f"road_{kind}": f"{kind} on the way" for kind in ("junctions", "turns", "signals", "crossings")},
    "road_calming": "speed humps and chicanes on the way",
    "road_detour": "way by road to straight distance",
    "road_curve_s": "fitted time by road",
    "bearing_deg": "direction of the incident from the station",
    "easting_m": "easting of the incident",
    "northing_m": "northing of the incident",
    "station_easting_m": "easting of the station",
    "station_northing_m": "northing of the station",
    "nearest_m": "distance of the incident from the nearest station",
    "second_nearest_m": "distance of the incident from the second nearest station",
    "stations_nearer": "stations nearer to the incident than this one",
    "is_own_ground": "incident on the ground of the station",
    "is_home_station": "pump leaves from its home station",
    "hour": "hour of the day",
    "hour_by_day_type": "hour of the day, working days and days off apart",
    "year": "year",
    "incident_type": "incident type",
    "property_category": "property category",
    "address_qualifier": "how the incident lies to its address",
    "pair_300_s": "usual delay from this station to within 300 m of the location",
    "pair_1200_s": "usual delay from this station to within 1,200 m of the location",
    "location_200_s": "usual delay of any station to within 200 m of the location",
    "curve: distance": "distance, by the base curve",
    "curve: river": "detour by a bridge, by the base curve",
    "curve: hour": "hour of the day, by the base curve",
    "curve: away": "own ground or at the station itself, by the base curve",
    **{column.name: column.label for column in EXAMPLES if column.label},
}
"""Names for people of features and of the parts of the base curve; columns that are features have those of the catalogue of columns."""


LOCATION = ("easting_m", "northing_m")
STATION = ("station_easting_m", "station_northing_m")
WHEN = ("mobilised_at",)


def _code(name: str) -> Callable[[Dispatches], Floats]:
    """Return the maker of a text's position in a fixed list: NaN if not given, one past the end if not listed."""
    index = {text: float(i) for i, text in enumerate(CODES[name])}
    # A value that is not listed is known to be another one, unlike a missing value.
    other = float(len(index))

    def make(dispatches: Dispatches) -> Floats:
        texts = dispatches.text(name)
        return np.array([np.nan if t is None else index.get(t, other) for t in texts], np.float64)

    return make


def _number(name: str) -> Callable[[Dispatches], Floats]:
    return lambda dispatches: dispatches.number(name)


def _nearest(rank: int) -> Callable[[Dispatches], Floats]:
    return lambda dispatches: dispatches.two_nearest_m[:, rank]


def _stations_nearer(dispatches: Dispatches) -> Floats:
    return dispatches.n_stations_nearer.astype(np.float64)


def _on_way(name: str) -> Callable[[Dispatches], Floats]:
    return lambda dispatches: dispatches.on_way(name)


def _detour(dispatches: Dispatches) -> Floats:
    # a short distance would make the ratio meaningless
    return dispatches.on_way("road_m") / np.maximum(dispatches.distance_m, MIN_DETOUR_M)


def _bearing(dispatches: Dispatches) -> Floats:
    return np.asarray(np.degrees(np.arctan2(dispatches.east_m, dispatches.north_m)) % 360.0)


def _is_home(dispatches: Dispatches) -> Floats:
    texts = dispatches.text("deployed_from")
    return np.array(
        [np.nan if text is None else float(text == incident_types.HOME_STATION) for text in texts]
    )


LISTS, GROUND, CLOCK, RECORD = "station list", "past grounds of places", "London clock", "incident record"
BOARD, ROADS = "mobilisations so far", "table of roads"
CONTEXT_SOURCES = {
    "weather": "weather of the hour",
    "traffic": "profile, or traffic observed",
    "calendar": "calendar",
}
"""Source of context by group."""

FEATURES: tuple[Feature, ...] = (
    Feature("distance_m", "m", LISTS, (*LOCATION, *STATION), "distance", lambda r: r.distance_m),
    Feature(
        "by_bridge_m", "m", "station list, Thames", (*LOCATION, *STATION), "river", lambda r: r.by_bridge_m
    ),
    *(
        Feature(name, unit, ROADS, (*LOCATION, "station_code"), "distance", _on_way(name))
        for name, unit in ROAD_FIELDS.items()
    ),
    Feature("road_detour", "ratio", ROADS, (*LOCATION, *STATION, "station_code"), "distance", _detour),
    Feature("bearing_deg", "degrees", LISTS, (*LOCATION, *STATION), "location", _bearing),
    Feature("easting_m", "m", RECORD, LOCATION, "location", _number("easting_m")),
    Feature("northing_m", "m", RECORD, LOCATION, "location", _number("northing_m")),
    Feature("station_easting_m", "m", LISTS, STATION, "location", _number("station_easting_m")),
    Feature("station_northing_m", "m", LISTS, STATION, "location", _number("station_northing_m")),
    Feature("nearest_m", "m", LISTS, LOCATION, "distance", _nearest(NEAR)),
    Feature("second_nearest_m", "m", LISTS, LOCATION, "distance", _nearest(SECOND_NEAREST)),
    Feature("stations_nearer", "stations", LISTS, (*LOCATION, *STATION), "away", _stations_nearer),
    Feature(
        "is_own_ground",
        "0/1",
        GROUND,
        (*LOCATION, "station_code", "station_ground_code"),
        "away",
        lambda r: r.is_own_ground.astype(float),
    ),
    Feature("is_home_station", "0/1", BOARD, ("deployed_from",), "away", _is_home),
    Feature("hour", "h, London", CLOCK, WHEN, "hour", lambda r: r.hour),
    Feature(
        "hour_by_day_type",
        "h, London; 24 more on days off",
        CLOCK,
        (*WHEN, "is_working_day"),
        "hour",
        lambda r: r.hour + DAY_H * ~r.is_working_day,
    ),
    # trees continue the newest year of the training, so that it decides the level of later dispatches
    Feature("year", "year, London", CLOCK, WHEN, "typical", lambda r: r.year.astype(float)),
    *(Feature(name, "code", RECORD, (name,), "incident_type", _code(name)) for name in CODES),
    Feature(
        "recent_ground_calls",
        "calls in 30 min",
        "calls so far",
        ("recent_ground_calls", *LOCATION),
        "workload",
        _number("recent_ground_calls"),
    ),
    *(
        Feature(name, unit, BOARD, (name,), "workload", _number(name))
        for name, unit in (("pumps_out", "mobilisations"), ("ground_pumps_available", "pumps"))
    ),
    *(
        Feature(
            column.name,
            column.unit if column.range else "0/1",
            CONTEXT_SOURCES[column.group],
            (column.name,),
            column.group,
            _number(column.name),
        )
        for column in EXAMPLES
        if column.group
    ),
)
"""The features that models may read. Weekday, month and the raw station bring next to nothing on real rows
(docs/explanation/features.md) and are left out. Weather, traffic and calendar are read only where the examples
have them; there is no hourly record of them for real rows, so no gain is claimed."""


def require_known_in_time(features: Iterable[Feature]) -> None:
    """Raises: KnownTooLate if a feature reads what is known only after the pump is chosen."""
    columns = {column.name for column in (*EXAMPLES, *CALLER_COLUMNS)}
    for feature in features:
        unknown_columns = [name for name in feature.reads if name not in columns]
        if unknown_columns or not feature.reads:
            named = ", ".join(unknown_columns) or "no column"
            raise KnownTooLate(
                f"feature {feature.name} reads {named}: it is unknown when that becomes available. Use columns of "
                "the examples"
            )
        if KNOWN_STAGES.index(feature.known) > KNOWN_STAGES.index(PREDICTED_AT):
            raise KnownTooLate(
                f"feature {feature.name} is known at {feature.known}, and a prediction is made at {PREDICTED_AT}: "
                "leave it out"
            )


def build(dispatches: Dispatches, features: tuple[Feature, ...]) -> Floats:
    """Return the (n, features) table of dispatches; training and serving both use it."""
    table = np.empty((dispatches.n, len(features)), np.float64)
    # in blocks, because the distances to all stations of a million rows do not fit in memory
    for rows, block in dispatches.blocks():
        for i, feature in enumerate(features):
            table[rows, i] = feature.make(block)
    return table


def usable(dispatches: Dispatches, features: tuple[Feature, ...]) -> tuple[Feature, ...]:
    """Return the features that are known for at least one of the training rows."""
    unknown = list(features)
    for _, block in dispatches.blocks():
        unknown = [feature for feature in unknown if not np.isfinite(feature.make(block)).any()]
    return tuple(feature for feature in features if feature not in unknown)
