"""Which faults each file gets, how often, and what each does to a row.

Rates: LFB records 2021 to 2025 (930,521 mobilisations), 2024 (134,043 incidents) and 2009 to 2014.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from londonpump.simulation.faults import (
    Change,
    Fault,
    Lots,
    Sheet,
    blank,
    copy_column,
    in_turn,
    nothing,
    null_marker,
    rewrite,
    say,
    swap_columns,
)
from londonpump.simulation.plan import Vintage
from londonpump.simulation.visitors import neighbours

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

DUPLICATED = 0.0003
CONFLICTING = 43 / 930_521
LOST_INCIDENT, LOST_RUNS = 0.0004, 0.0015
LONGEST_CONFLICT_S = 900
LEAST_TRAVEL_S = 120
"""Only such runs lose the order of their times: at full minutes a shorter one may keep it."""


@dataclass(frozen=True, slots=True)
class _Rule:
    kind: str
    share: float
    change: Change
    is_for_long_runs: bool = False


def spoil(
    incidents: Sheet, mobilisations: Sheet, traits: "Traits", vintage: Vintage, rng: np.random.Generator
) -> list[Fault]:
    """Inject every fault and list it. The sheets are changed in place.

    traits: what is known of the rows before anything is spoiled.
    """
    guests = _note_visitors(incidents, mobilisations, traits)
    runs = Lots(rng, mobilisations.key, ~np.isin(mobilisations.key, guests))
    for rule in _mobilisation_rules(vintage):
        among = traits.travel_s >= LEAST_TRAVEL_S if rule.is_for_long_runs else None
        mobilisations.apply(rule.kind, runs.draw(rule.share, among), rule.change)
    twice, conflicting = runs.draw(DUPLICATED), runs.draw(CONFLICTING, traits.travel_s < LONGEST_CONFLICT_S)
    untouched = np.isin(incidents.key, runs.key[runs.left]) | ~np.isin(incidents.key, runs.key)
    calls = Lots(rng, incidents.key, untouched)
    for rule in _incident_rules(vintage):
        incidents.apply(rule.kind, calls.draw(rule.share, traits.fit_for(rule.kind)), rule.change)
    has_runs = np.isin(incidents.key, mobilisations.key)
    lost, bare = calls.draw(LOST_INCIDENT, has_runs), calls.draw(LOST_RUNS, has_runs)
    orphans = np.flatnonzero(np.isin(mobilisations.key, incidents.key[lost]))
    mobilisations.apply("mobilisation_without_incident", orphans, nothing)
    incidents.apply("incident_without_mobilisation", bare, nothing)
    gone = np.flatnonzero(np.isin(mobilisations.key, incidents.key[bare]))
    incidents.apply("duplicate_incident", incidents.rebuild(lost, calls.draw(DUPLICATED)), nothing)
    copies = mobilisations.rebuild(gone, np.concatenate([twice, conflicting]))
    mobilisations.apply("duplicate_mobilisation", copies[: len(twice)], nothing)
    mobilisations.apply("conflicting_mobilisation", copies[len(twice) :], _SEVEN_MORE)
    return incidents.faults() + mobilisations.faults()


@dataclass(frozen=True, slots=True)
class Traits:
    """Facts about clean rows. Of runs, (m,): visitor (row of `neighbours()`, -1: London's), travel_s.
    Of incidents, (n,): is_located (exact place published), is_special (a special service),
    is_at_the_edge (far from the middle of London)."""

    visitor: Ints
    travel_s: Ints
    is_located: Flags
    is_special: Flags
    is_at_the_edge: Flags

    def fit_for(self, kind: str) -> Flags | None:
        """Which incidents a fault can befall; None: any."""
        fit = {
            "latitude_zero": self.is_located,
            "missing_special_service_type": self.is_special,
            "over_the_border": self.is_at_the_edge,
        }
        return fit.get(kind)


def _mobilisation_rules(vintage: Vintage) -> list[_Rule]:
    is_old = vintage.number == "sequence"
    gone = ("DateAndTimeMobile", "TurnoutTimeSeconds", "TravelTimeSeconds")
    origin = ("DeployedFromStation_Code", "DeployedFromStation_Name")
    marker = null_marker(vintage)
    rules = [
        _Rule("missing_turnout", 0.02 if is_old else 0.0044, blank(*gone)),
        _Rule("mobile_after_arrived", 0.0003, _SWAPPED, is_for_long_runs=True),
        _Rule("mobile_equals_arrived", 0.0003, _STANDING),
        _Rule("missing_station", 0.0002, blank(*origin)),
        _Rule("missing_location", 0.001, blank("DeployedFromLocation")),
        _Rule("resource_code_ending", 0.0002, rewrite("Resource_Code", lambda code: code[:-1] + "3")),
        _Rule("visitor_resource_code", 0.0002, rewrite("Resource_Code", lambda code: "C" + code[1:])),
        _Rule("missing_left_time", 0.05 if is_old else 0.0004, blank("DateAndTimeLeft")),
        _Rule("left_before_arrived", 0.0002, copy_column("DateAndTimeLeft", "DateAndTimeMobilised"), True),
        _Rule("unparsable_time", 0.00003, say(DateAndTimeArrived="31/02/2023 25:61")),
        _Rule("mixed_null_marker", 0.002, say(DelayCodeId=marker, DelayCode_Description=marker)),
    ]
    if vintage.has_area:
        rules.append(_Rule("missing_area", 0.004, blank("BoroughName", "WardName")))
    if is_old:
        rules.append(
            _Rule("incident_number_with_decimals", 0.002, rewrite("IncidentNumber", lambda n: f"{n}.00"))
        )
    return rules


_SWAPPED = in_turn(
    swap_columns("DateAndTimeMobile", "DateAndTimeArrived"),
    swap_columns("TurnoutTimeSeconds", "AttendanceTimeSeconds"),
    blank("TravelTimeSeconds"),
)
"""As found in records: both follow from the exchanged times, so the turnout holds the whole time."""
_STANDING = in_turn(
    copy_column("DateAndTimeMobile", "DateAndTimeArrived"),
    copy_column("TurnoutTimeSeconds", "AttendanceTimeSeconds"),
    blank("TravelTimeSeconds"),
)


def _incident_rules(vintage: Vintage) -> list[_Rule]:
    marker = null_marker(vintage) or "NULL"
    rules = [
        _Rule("missing_call_date", 0.0002 / 2, blank("DateOfCall")),
        _Rule("missing_incident_group", 3 / 134_043, blank("IncidentGroup", "StopCodeDescription")),
        _Rule("missing_property", 3 / 134_043, blank("PropertyCategory", "PropertyType")),
        _Rule("missing_address_qualifier", 1 / 134_043, blank("AddressQualifier")),
        _Rule("missing_special_service_type", 0.0002, blank("SpecialServiceType")),
        _Rule("wild_coordinates", 0.00003, say(Easting_rounded="611150", Northing_rounded="302450")),
        _Rule("latitude_zero", 0.002, say(Latitude="0.0", Longitude="0.0")),
        _Rule("missing_ward", 0.002, blank("IncGeo_WardCode", "IncGeo_WardName", "IncGeo_WardNameNew")),
        _Rule("mixed_null_marker", 0.001, say(Postcode_full=marker)),
        _Rule("unparsable_time", 0.00003, say(TimeOfCall="24:61:00")),
    ]
    if vintage.number == "sequence":
        rules.append(_Rule("over_the_border", 0.005, _OVER_THE_BORDER))
    return rules


_OVER_THE_BORDER = say(
    FRS="OverTheBorder",
    IncGeo_BoroughCode="E00000000",
    IncGeo_BoroughName="NOT GEO-CODED",
    ProperCase="Not geo-coded",
    IncGeo_WardCode="E00000000",
    IncGeo_WardName="Not geo-coded",
    IncGeo_WardNameNew="Not geo-coded",
    IncidentStationGround="OverTheBorder",
)


def _note_visitors(incidents: Sheet, mobilisations: Sheet, traits: Traits) -> Ints:
    """Note the runs of neighbours. Returns: the incidents they came to."""
    for row, neighbour in enumerate(neighbours()):
        here = np.flatnonzero(traits.visitor == row)
        kind = "border_station" if neighbour.is_listed else "border_station_unknown"
        if neighbour.name == "Dartford":
            kind = "dartford_attended"
            attended = np.unique(mobilisations.key[here])
            incidents.apply(kind, np.flatnonzero(np.isin(incidents.key, attended)), nothing)
        mobilisations.apply(kind, here, nothing)
    return np.unique(mobilisations.key[traits.visitor >= 0])


def _seven_more(seconds: str) -> str:
    return f"{float(seconds) + 7:.1f}" if "." in seconds else str(int(seconds) + 7)


_SEVEN_MORE = in_turn(
    rewrite("TravelTimeSeconds", _seven_more), rewrite("AttendanceTimeSeconds", _seven_more)
)
