"""Comparisons of the 43 columns of the original, one per column, on the rows that both sides keep."""

from collections.abc import Iterator
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from support import brute_force_counts
from support.original_pumps_out import pumps_out_of_last_rows
from support.parity_calendar import Calendar
from support.parity_columns import Array, Comparison, explained, is_equal
from support.parity_month import ParityMonth, used_stream
from support.parity_rows import DUPLICATES, EXCHANGE, FLEET, NO_COORDINATES

from londonpump.domain import national_grid

COUNTED = "4 pumps out, exactly"
EXACT_LOCATION = "9 distance from the exact place"
ROUNDING_KM = 0.00051
"""Tolerances: half of the third decimal, and a centimetre for the grid of another library."""
FIRE = "Fire"
AS_THEY_ARE = {
    "IncidentNumber": "incident_number", "Resource_Code": "resource_code", "DeployedFromStation_Code": "station_code",
    "DeployedFromStation_Name": "our_station_name", "DeployedFromLocation": "deployed_from", "Appliance": "appliance",
    "PropertyCategory": "property_category", "AddressQualifier": "address_qualifier",
    "IncidentStationGround": "our_ground_name", "IncidentStationGround_Code": "recorded_ground_code",
    "Mobilised_Rank": "wave", "IncidentType": "incident_type", "Station_Code_of_ressource": "home_station_code",
}  # fmt: skip
"""Columns of the original and of ours that must be equal."""


class Comparisons:
    """One comparison per column, computed from a parity month."""

    def __init__(self, month: ParityMonth) -> None:
        self.month = month
        self.pairs = month.columns(_PAIRS)
        self.n = len(self.pairs["start_us"])

    def all(self) -> Iterator[Comparison]:
        """Return every column of the original once; a test compares the names with the file."""
        for column, ours in AS_THEY_ARE.items():
            yield Comparison(column, self.pairs[column], self.pairs[ours], {})
        yield from self._renamed()
        yield from self._times()
        yield from self._recounted()
        yield self._distance()
        yield from self._pumps()
        yield from Calendar(self.month, self.pairs).all()

    def _renamed(self) -> Iterator[Comparison]:
        """Compare the columns that have the same values under other names."""
        pairs = self.pairs
        order = np.select([pairs["PumpOrder"] == 1, pairs["PumpOrder"] == 2], ["first", "second"], "later")
        yield Comparison("PumpOrder", order.astype(object), pairs["pump"], {})
        delay = np.array([text or "No delay" for text in pairs["delay_description"]], object)
        yield Comparison("DelayCode_Description", pairs["DelayCode_Description"], delay, {})
        property_type = np.array([text.strip() for text in pairs["PropertyType"]], object)
        yield Comparison("PropertyType", property_type, pairs["property_type"], {})
        category = np.where(pairs["incident_type"] == FIRE, pairs["stop_code"], pairs["special_service_type"])
        yield Comparison("IncidentCategory", pairs["IncidentCategory"], category, {})
        is_false = np.array(
            [text == "AFA" or text.startswith("False alarm") for text in pairs["stop_code"]], np.int64
        )
        yield Comparison("FalseAlarm", pairs["FalseAlarm"], is_false, {})

    def _times(self) -> Iterator[Comparison]:
        """Compare times: equal unless a missing turnout is the mean share of a file with or without its duplicates."""
        filled = self.pairs["is_turnout_filled"].astype(bool)
        attendance_s = self.pairs["AttendanceTimeSeconds"]
        shares = [self.month.rows(_SHARE.format(rows=rows))[0][0] for rows in _FRAMES]
        theirs_s, ours_s = (np.rint(attendance_s * share).astype(np.int64) for share in shares)
        holds = {DUPLICATES: filled & (theirs_s != ours_s)}
        yield Comparison("AttendanceTimeSeconds", attendance_s, self.pairs["attendance_s"], {})
        for column, ours, replayed, exact in (
            ("TurnoutTimeSeconds", "turnout_s", theirs_s, ours_s),
            ("TravelTimeSeconds", "travel_s", attendance_s - theirs_s, attendance_s - ours_s),
        ):
            theirs = self.pairs[column]
            reasons = explained(holds, theirs, replayed, self.pairs[ours], exact)
            yield Comparison(column, theirs, self.pairs[ours], reasons)

    def _recounted(self) -> Iterator[Comparison]:
        """Compare counts: equal unless duplicates were counted, or a row of the incident is rejected by itself."""
        again = self.pairs["n_raw"] != self.pairs["n_distinct"]
        lost = {name: self.pairs[name].astype(bool) for name in ("has_lost_station", "has_lost_time")}
        holds = {
            DUPLICATES: again,
            NO_COORDINATES: ~again & lost["has_lost_station"],
            EXCHANGE: ~again & ~lost["has_lost_station"] & lost["has_lost_time"],
        }
        for column, ours, replayed, exact in (
            ("NumPumpsAttending", "pumps_attending", "n_mid", "n_used"),
            ("NumStationsWithPumpsAttending", "stations_attending", "n_stations_mid", "n_stations_used"),
        ):
            values = [self.pairs[name] for name in (column, replayed, ours, exact)]
            yield Comparison(column, values[0], values[2], explained(holds, *values))

    def _distance(self) -> Comparison:
        """Compare distances: equal to about half a metre, unless the exact location is published.

        The original looks at the rounded place alone: a call without one is at distance 0 there, though its exact place
        is published.
        """
        pairs = self.pairs
        station = pairs["station_latitude"], pairs["station_longitude"]
        rounded = national_grid.to_degrees(pairs["raw_easting_rounded_m"], pairs["raw_northing_rounded_m"])
        location = national_grid.to_degrees(pairs["raw_easting_m"], pairs["raw_northing_m"])
        replayed, exact = (national_grid.great_circle_km(*station, *point) for point in (rounded, location))
        theirs, ours = pairs["Distance"], self.our_distance_km
        has_cell = np.isfinite(replayed)
        proven = np.abs(theirs - np.where(has_cell, replayed, 0.0)) <= ROUNDING_KM
        proven &= np.abs(ours - exact) <= ROUNDING_KM
        is_same = np.abs(theirs - ours) <= ROUNDING_KM
        reasons = {
            EXACT_LOCATION: proven & has_cell & ~is_same,
            NO_COORDINATES: proven & ~has_cell & ~is_same,
        }
        return Comparison("Distance", theirs, np.where(is_same, theirs, ours), reasons)

    @cached_property
    def our_distance_km(self) -> NDArray[np.float64]:
        """Return (n,) great-circle distances from the columns of the examples."""
        stations = national_grid.to_degrees(self.pairs["station_easting_m"], self.pairs["station_northing_m"])
        locations = national_grid.to_degrees(self.pairs["easting_m"], self.pairs["northing_m"])
        return national_grid.great_circle_km(*stations, *locations)

    def _pumps(self) -> Iterator[Comparison]:
        """Compare pump counts: theirs from the last 298 rows in their order, ours from all mobilisations."""
        pairs, stream = self.pairs, used_stream(self.month)
        at_us, ground = pairs["start_us"], pairs["recorded_ground_code"]
        out = brute_force_counts.pumps_out(stream, pairs["incident_number"], at_us)
        away = brute_force_counts.pumps_away(stream, ground, at_us)
        stationed = brute_force_counts.pumps_stationed(stream, ground, at_us)
        replayed_out, replayed_away = self._replayed()
        fleet = self._fleet_of_the_file()
        everywhere = np.ones(self.n, bool)
        yield self._counted(
            "TotalOfPumpInLondon_Out", replayed_out, pairs["pumps_out"], out, {COUNTED: everywhere}
        )
        yield self._counted("PumpOfIncidentStation_Out", replayed_away, away, away, {COUNTED: everywhere})
        yield self._counted("PumpByStation", fleet, stationed, stationed, {FLEET: everywhere})
        is_known = at_us >= stream.start_us.min() + 7 * brute_force_counts.DAY_US
        available = np.where(is_known, np.maximum(stationed - away, 0), np.nan)
        holds = {COUNTED: is_known & (fleet == stationed), FLEET: ~is_known | (fleet != stationed)}
        ours, replayed = pairs["ground_pumps_available"], np.maximum(fleet - replayed_away, 0)
        yield self._counted("PumpAvailable", replayed, ours, available, holds)

    def _counted(
        self, column: str, replayed: Array, ours: Array, exact: Array, holds: dict[str, NDArray[np.bool_]]
    ) -> Comparison:
        theirs = self.pairs[column]
        # A count that is right by accident is wrong all the same: every row must be what its rule gives.
        is_right = is_equal(theirs, replayed) & is_equal(ours, exact)
        reasons = explained(holds, theirs, replayed, ours, exact)
        return Comparison(column, theirs, np.where(is_right, ours, np.nan), reasons)

    def _replayed(self) -> tuple[Array, Array]:
        """Return (n,) pumps out and pumps of the ground out, recomputed over the original's own frame."""
        mid = self.month.columns(
            "SELECT epoch_us(DateAndTimeMobilised::TIMESTAMP) AS start_us, epoch_us(DateAndTimeLeft::TIMESTAMP) AS left_us, "
            "Resource_Code[:3] AS home, IncidentStationGround_Code AS ground, seed_order FROM mid ORDER BY seed_order"
        )
        at = np.searchsorted(mid["seed_order"], self.pairs["seed_order"])
        counts = pumps_out_of_last_rows(mid["start_us"], mid["left_us"], mid["home"], mid["ground"])
        return counts[0][at], counts[1][at]

    def _fleet_of_the_file(self) -> Array:
        """Return (n,) numbers of distinct pumps that left home at the ground's station, over the original's whole frame."""
        pumps = dict(self.month.rows(_FLEET))
        return np.array([pumps.get(code, 0) for code in self.pairs["recorded_ground_code"]], np.int64)


_FRAMES = (
    "raw_mobilisations m JOIN raw_incidents i USING (IncidentNumber) WHERE DateOfCall IS NOT NULL",
    """raw_mobilisations m WHERE source_row NOT IN (SELECT source_row FROM aside WHERE rejected_by IN (
        'exact_duplicate', 'conflicting_duplicate', 'incident_not_found', 'incident_rejected'))""",
)
_SHARE = "SELECT avg(TurnoutTimeSeconds::DOUBLE) / avg(AttendanceTimeSeconds::DOUBLE) FROM {rows}"
_FLEET = """
    SELECT coalesce(DeployedFromStation_Code, Resource_Code[:3]) AS station, count(DISTINCT Resource_Code)
    FROM raw_mobilisations m WHERE (IncidentNumber, Resource_Code) IN (SELECT (IncidentNumber, Resource_Code) FROM mid)
        AND coalesce(DeployedFromLocation, CASE WHEN station = Resource_Code[:3] THEN 'Home Station' END) = 'Home Station'
    GROUP BY station"""
_PAIRS = """
    WITH of_mid AS (SELECT IncidentNumber, count(*) AS n_mid, count(DISTINCT Resource_Code[:3]) AS n_stations_mid
        FROM mid GROUP BY ALL),
    of_used AS (SELECT IncidentNumber, count(*) AS n_used, count(DISTINCT Resource_Code[:3]) AS n_stations_used
        FROM used GROUP BY ALL),
    of_raw AS (SELECT IncidentNumber, count(*) AS n_raw, count(DISTINCT (Resource_Code, DateAndTimeMobilised)) AS n_distinct
        FROM raw_mobilisations JOIN raw_incidents USING (IncidentNumber) GROUP BY ALL),
    of_lost AS (SELECT IncidentNumber, bool_or(rejected_by = 'unknown_station') AS has_lost_station,
        bool_or(rejected_by = 'impossible_time') AS has_lost_time FROM aside GROUP BY ALL),
    places AS (SELECT IncidentNumber, any_value(Easting_m::DOUBLE) AS raw_easting_m,
        any_value(Northing_m::DOUBLE) AS raw_northing_m, any_value(Easting_rounded::DOUBLE) AS raw_easting_rounded_m,
        any_value(Northing_rounded::DOUBLE) AS raw_northing_rounded_m FROM raw_incidents GROUP BY ALL)
    SELECT theirs.* EXCLUDE (conditions, left_at, mobilised_at), ours.* EXCLUDE (conditions, congestion_rate), theirs.conditions AS their_conditions, ours.conditions AS our_conditions,
        ours.congestion_rate AS our_congestion_rate,
        theirs.left_at AS their_left_at, epoch_us(theirs.mobilised_at) AS start_us,
        named.name AS our_ground_name, placed.name AS our_station_name,
        placed.latitude AS station_latitude, placed.longitude AS station_longitude,
        contains(ours.repairs, 'turnout_from_attendance') AS is_turnout_filled,
        n_mid, n_stations_mid, n_used, n_stations_used, n_raw, n_distinct,
        coalesce(has_lost_station, false) AS has_lost_station, coalesce(has_lost_time, false) AS has_lost_time,
        places.* EXCLUDE (IncidentNumber)
    FROM theirs
    JOIN ours ON ours.incident_number = theirs.IncidentNumber AND ours.resource_code = theirs.Resource_Code
        AND ours.mobilised_at = theirs.mobilised_at
    JOIN of_mid ON of_mid.IncidentNumber = theirs.IncidentNumber
    JOIN of_used ON of_used.IncidentNumber = theirs.IncidentNumber
    JOIN of_raw ON of_raw.IncidentNumber = theirs.IncidentNumber
    JOIN places ON places.IncidentNumber = theirs.IncidentNumber
    LEFT JOIN of_lost ON of_lost.IncidentNumber = theirs.IncidentNumber
    LEFT JOIN stations named ON named.code = ours.recorded_ground_code
    LEFT JOIN stations placed ON placed.code = ours.station_code
    ORDER BY theirs.seed_row"""
