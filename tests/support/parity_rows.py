"""Every raw mobilisation on both sides: kept or lost, where, and why the two may differ."""
# ruff: noqa: S608 - no text of a stranger goes into these queries

from collections import Counter
from datetime import datetime
from zoneinfo import ZoneInfo

from support.parity_month import WARM_UP_US, ParityMonth

SAME = "same"
CONTEXT_STEP = "datetime/weather/holidays/traffic"
"""The last step; a row of `mid` that is missing without a record was dropped in it."""
FINAL, NEVER_JOINED, KEPT = "final", "no call date", "kept"
NO_COORDINATES = "2 no coordinates, no distance"
DARTFORD = "3 every Dartford incident, not one"
TOO_FAST = "5 over 60 km/h kept and flagged"
CLOCKS = "6 GMT taken for London time"
DUPLICATES = "8 exact duplicates removed"
WARM_UP = "10 warm-up by time, not by 300 rows"
FLEET = "11 pumps of a station as seen lately"
EXCHANGE = "spec 7 an exchange that yields an impossible time"

SAME_REASON = {
    NEVER_JOINED: {"incident_not_found", "no_call_date"},
    "missing_tournout_time_seconds": {"no_turnout", "no_attendance_time"},
    "missing_travel_time": {"no_travel"},
    "num_stations_pump_attending (incl. format_rename_columns)": {"incomplete"},
    "missing_special_service": {"incomplete"},
    "remove_dartford": {"dartford"},
    "incident_type_category": {"no_incident_type"},
    "rows_delete + remove_unused": {"warm_up", "later_wave"},
}


def count_rows(month: ParityMonth) -> tuple[Counter[str], list[str]]:
    """Return the raw mobilisations by type of difference, and those that no type explains."""
    reasons = _RowReasons(month)
    counts: Counter[str] = Counter()
    unexplained = []
    for row in month.rows(_BOTH_SIDES):
        theirs, ours = str(row[4]), str(row[5])
        outcome = SAME if _is_same(theirs, ours) else reasons.explain(row, theirs, ours)
        if outcome is None:
            unexplained.append(f"{row[1]} {row[2]} {row[3]}: theirs {theirs}, ours {ours}")
        else:
            counts[outcome] += 1
    return counts, unexplained


def count_copies(month: ParityMonth) -> tuple[Counter[str], list[str]]:
    """Return the number of rows that the original holds more than once: raw duplicates, and weather hours listed twice."""
    counts: Counter[str] = Counter()
    unexplained = []
    for number, pump, at, copies, of_duplicates, of_weather in month.rows(_COPIES):
        if copies != of_duplicates * of_weather:
            unexplained.append(
                f"{number} {pump} {at}: {copies} rows, {of_duplicates} x {of_weather} expected"
            )
        counts[DUPLICATES] += of_duplicates - 1
        counts[CLOCKS] += of_duplicates * (of_weather - 1)
    return +counts, unexplained


def _is_same(theirs: str, ours: str) -> bool:
    if theirs == FINAL or ours == KEPT:
        return theirs == FINAL and ours == KEPT
    group = "incomplete" if ours.startswith("incomplete_") else ours
    return group in SAME_REASON.get(theirs, set())


class _RowReasons:
    """The rows and incidents to which each type of difference applies, computed from the raw files."""

    def __init__(self, month: ParityMonth) -> None:
        def those(query: str) -> set[object]:
            return {row[0] for row in month.rows(query)}

        self.no_location = those(
            "SELECT IncidentNumber FROM raw_incidents WHERE (Easting_rounded IS NULL OR Northing_rounded IS NULL) "
            "AND (Easting_m IS NULL OR Northing_m IS NULL)"
        )
        self.dartford = those(
            "SELECT IncidentNumber FROM raw_mobilisations WHERE DeployedFromStation_Code = 'K21' OR Resource_Code[:3] = 'K21'"
        )
        content = ", ".join(_all_but(month, "source_row", "ResourceMobilisationId"))
        self.again = those(
            f"SELECT source_row FROM raw_mobilisations "
            f"QUALIFY row_number() OVER (PARTITION BY {content} ORDER BY source_row) > 1"
        )
        self.no_station = those(
            "SELECT source_row FROM raw_mobilisations WHERE coalesce(DeployedFromStation_Code, Resource_Code[:3]) NOT IN (SELECT code FROM stations)"
        )
        self.impossible = those(
            "SELECT source_row FROM raw_mobilisations JOIN mid USING (IncidentNumber, Resource_Code) WHERE least(mid.TurnoutTimeSeconds, "
            "mid.TravelTimeSeconds, mid.AttendanceTimeSeconds) < 0 OR greatest(mid.TurnoutTimeSeconds, mid.TravelTimeSeconds, mid.AttendanceTimeSeconds) > 1200"
        )
        self.first_300 = those("SELECT IncidentNumber FROM mid WHERE seed_order < 300")
        self.too_fast = those(
            "SELECT IncidentNumber FROM mid WHERE Mobilised_Rank = 1 AND Distance * 3600 > 60 * TravelTimeSeconds AND Distance > 0"
        )
        self.no_weather = those(
            "SELECT IncidentNumber FROM mid WHERE Mobilised_Rank = 1 AND strftime(DateAndTimeMobilised, '%Y-%m-%d %H') NOT IN (SELECT date FROM weather)"
        )
        self.no_fleet = those(
            "SELECT IncidentNumber FROM raw_incidents JOIN stations ON IncidentStationGround = name WHERE code NOT IN "
            "(SELECT coalesce(DeployedFromStation_Code, Resource_Code[:3]) FROM raw_mobilisations WHERE coalesce(DeployedFromLocation, 'Home Station') = 'Home Station')"
        )
        self.is_skipped_hour = {row[0] for row in month.rows(
            "SELECT IncidentNumber, strptime(DateOfCall || ' ' || TimeOfCall, '%d %b %Y %H:%M:%S') FROM raw_incidents WHERE DateOfCall IS NOT NULL")
            if _is_hidden_text(row[1])}  # fmt: skip
        first = month.rows("SELECT epoch_us(min(start_at)) FROM used")[0][0]
        self.counted_from_us = first + WARM_UP_US

    def explain(self, row: tuple[object, ...], theirs: str, ours: str) -> str | None:
        """Return the type of difference if it applies to this row; else None."""
        source_row, number, at_us = row[0], row[1], row[6]
        of_ours = {
            "no_location": (NO_COORDINATES, number in self.no_location),
            "unknown_station": (NO_COORDINATES, source_row in self.no_station),
            "dartford": (DARTFORD, number in self.dartford),
            "exact_duplicate": (DUPLICATES, source_row in self.again),
            "hour_does_not_exist": (CLOCKS, number in self.is_skipped_hour),
            "warm_up": (WARM_UP, at_us < self.counted_from_us),
            "impossible_time": (EXCHANGE, source_row in self.impossible),
        }
        of_theirs = {
            "rows_delete + remove_unused": (WARM_UP, number in self.first_300),
            "speed_over_60": (TOO_FAST, number in self.too_fast),
            CONTEXT_STEP: (CLOCKS, number in self.no_weather),
            "pumps_available": (FLEET, number in self.no_fleet),
        }
        if ours == "later_wave" and theirs in of_theirs:
            outcome, is_true = of_theirs[theirs]
            return outcome if is_true else None
        outcome, is_true = (
            of_theirs.get(theirs, ("", False)) if ours == KEPT else of_ours.get(ours, ("", False))
        )
        return outcome if is_true else None


def _all_but(month: ParityMonth, *names: str) -> list[str]:
    columns = month.connection.table("raw_mobilisations").columns
    return [f'"{name}"' for name in columns if name not in names]


def _is_hidden_text(wall: datetime) -> bool:
    there = wall.replace(tzinfo=ZoneInfo("Europe/London"))
    return there.astimezone(ZoneInfo("UTC")).astimezone(there.tzinfo).replace(tzinfo=None) != wall


_MOBILISED_AT = "strptime(m.DateAndTimeMobilised, '%d/%m/%Y %H:%M:%S')"
_BOTH_SIDES = f"""
    WITH lost AS (SELECT IncidentNumber, Resource_Code, DateAndTimeMobilised::TIMESTAMP AS at, min(step) AS step
        FROM dropped GROUP BY ALL),
    won AS (SELECT DISTINCT IncidentNumber, Resource_Code, mobilised_at AS at FROM theirs),
    late AS (SELECT DISTINCT IncidentNumber, Resource_Code, DateAndTimeMobilised::TIMESTAMP AS at FROM mid),
    of_incident AS (SELECT IncidentNumber, any_value(rejected_by) AS rejected_by FROM incidents_aside
        WHERE rejected_by <> 'exact_duplicate' GROUP BY ALL)
    SELECT m.source_row, m.IncidentNumber, m.Resource_Code, m.DateAndTimeMobilised,
        CASE WHEN won.at IS NOT NULL THEN '{FINAL}' ELSE coalesce(lost.step, CASE WHEN late.at IS NOT NULL
            THEN '{CONTEXT_STEP}' END, '{NEVER_JOINED}') END AS theirs,
        CASE WHEN ours.source_row IS NOT NULL THEN '{KEPT}' WHEN aside.rejected_by = 'incident_rejected'
            THEN of_incident.rejected_by ELSE aside.rejected_by END AS ours,
        epoch_us({_MOBILISED_AT}) AS at_us
    FROM raw_mobilisations m
    LEFT JOIN won ON won.IncidentNumber = m.IncidentNumber AND won.Resource_Code = m.Resource_Code AND won.at = {_MOBILISED_AT}
    LEFT JOIN lost ON lost.IncidentNumber = m.IncidentNumber AND lost.Resource_Code = m.Resource_Code AND lost.at = {_MOBILISED_AT}
    LEFT JOIN late ON late.IncidentNumber = m.IncidentNumber AND late.Resource_Code = m.Resource_Code AND late.at = {_MOBILISED_AT}
    LEFT JOIN ours ON ours.source_row = m.source_row
    LEFT JOIN aside ON aside.source_row = m.source_row
    LEFT JOIN of_incident ON of_incident.IncidentNumber = m.IncidentNumber
    ORDER BY m.source_row"""
_COPIES = """
    WITH once AS (SELECT IncidentNumber, Resource_Code, mobilised_at, count(*) AS copies FROM theirs GROUP BY ALL),
    of_raw AS (SELECT m.IncidentNumber, m.Resource_Code, strptime(m.DateAndTimeMobilised, '%d/%m/%Y %H:%M:%S') AS mobilised_at,
        count(*) AS n FROM raw_mobilisations m JOIN raw_incidents i USING (IncidentNumber) GROUP BY ALL),
    of_weather AS (SELECT date, count(*) AS n FROM weather GROUP BY ALL)
    SELECT once.IncidentNumber, once.Resource_Code, once.mobilised_at, copies, of_raw.n, of_weather.n
    FROM once JOIN of_raw USING (IncidentNumber, Resource_Code, mobilised_at)
    JOIN of_weather ON strftime(mobilised_at, '%Y-%m-%d %H') = date"""
