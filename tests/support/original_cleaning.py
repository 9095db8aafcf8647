"""The original system's cleaning of a month, written from its specification as an independent reference for the parity test.

Its mistakes are kept on purpose. Of rows mobilised in the same second the original's order is arbitrary:
it is taken from `order_of`, or shuffled here. Shapes: those of the parity folder.
"""
# ruff: noqa: S608 - no text of a stranger goes into these queries

import json
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from support.original_pumps_out import pumps_out_of_last_rows
from support.wall_clock import ONE_OFF_HOLIDAYS, bank_holidays

from londonpump.domain import incident_types, national_grid

FIRST_ROWS = 300
FASTEST_KMH = 60
TIMESTAMP = "%d/%m/%Y %H:%M:%S"
DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")


@dataclass(frozen=True, slots=True)
class OriginalMonth:
    """Results of the original's cleaning of a month.

    mid: every row after the pump counts, in its order. cleaned: the final frame. dropped: rows lost, by step.
    """

    mid: pa.Table
    cleaned: pa.Table
    dropped: pa.Table


def clean_as_the_original(month: Path, order_of: Path | None = None) -> OriginalMonth:
    """Clean the files of a parity-shaped folder as the original does.

    Args: order_of: a file of the original whose order is used for rows of the same second.
    """
    connection = duckdb.connect()
    _load(connection, month)
    _repair(connection)
    _describe(connection)
    _order(connection, order_of)
    _count(connection)
    _filter(connection)
    _context(connection)
    return OriginalMonth(
        mid=connection.sql(f"SELECT {_MID} FROM counted ORDER BY seed_order").to_arrow_table(),
        cleaned=connection.sql(f"SELECT {_CLEANED} FROM final ORDER BY seed_row").to_arrow_table(),
        dropped=connection.sql(
            "SELECT step, IncidentNumber, Resource_Code, DateAndTimeMobilised FROM dropped ORDER BY ALL"
        ).to_arrow_table(),
    )


def write_original(month: Path, suffix: str, made: OriginalMonth) -> None:
    """Write the results of the original next to its input, with the file names of the parity folder."""
    connection = duckdb.connect()
    for name, table in (("mid", made.mid), ("cleaned", made.cleaned)):
        connection.from_arrow(table).write_parquet(str(month / f"seed_{name}_{suffix}.parquet"))
    dropped = str(month / f"seed_dropped_rows_{suffix}.csv.gz")
    connection.from_arrow(made.dropped).write_csv(dropped, compression="gzip")
    counts = [{"after": "datetime/weather/holidays/traffic", "rows": made.cleaned.num_rows}]
    (month / f"seed_row_counts_{suffix}.json").write_text(json.dumps(counts), encoding="utf-8")


def _load(connection: duckdb.DuckDBPyConnection, month: Path) -> None:
    for name in ("mobilisations", "incidents"):
        connection.execute(
            f"CREATE TABLE {name} AS SELECT row_number() OVER () AS {name}_row, * FROM read_csv("
            f"'{month / name}.csv.gz', all_varchar = true, nullstr = ['', 'NULL'])"
        )
    for name, column_types in (("weather_hourly", "{'date': 'VARCHAR'}"), ("traffic_index", "{}")):
        path = month / f"{name}.csv.gz"
        connection.execute(
            f"CREATE TABLE {name} AS SELECT row_number() OVER () AS context_row, * "
            f"FROM read_csv('{path}', types = {column_types})"
        )
    for name in ("stations", "school_holidays"):
        connection.execute(f"CREATE TABLE {name} AS SELECT * FROM read_csv('{month / name}.csv')")
    timestamps = ", ".join(
        f"strptime({column}, '{TIMESTAMP}') AS {column}"
        for column in (f"DateAndTime{what}" for what in ("Mobilised", "Mobile", "Arrived", "Left"))
    )
    connection.execute(f"""
        CREATE TABLE joined AS SELECT m.* REPLACE ({timestamps},
            TurnoutTimeSeconds::DOUBLE AS TurnoutTimeSeconds, TravelTimeSeconds::DOUBLE AS TravelTimeSeconds,
            AttendanceTimeSeconds::DOUBLE AS AttendanceTimeSeconds), i.* EXCLUDE (IncidentNumber, CalYear, HourOfCall)
        FROM mobilisations m JOIN incidents i USING (IncidentNumber) WHERE DateOfCall IS NOT NULL""")
    connection.execute(
        "CREATE TABLE dropped (step VARCHAR, IncidentNumber VARCHAR, Resource_Code VARCHAR, "
        "DateAndTimeMobilised TIMESTAMP)"
    )


def _drop(connection: duckdb.DuckDBPyConnection, table: str, step: str, having: str) -> None:
    """Drop whole incidents that have a row which meets the condition."""
    gone = f"IncidentNumber IN (SELECT IncidentNumber FROM {table} WHERE {having})"
    connection.execute(
        f"INSERT INTO dropped SELECT '{step}', IncidentNumber, Resource_Code, DateAndTimeMobilised "
        f"FROM {table} WHERE {gone}"
    )
    connection.execute(f"DELETE FROM {table} WHERE {gone}")


def _repair(connection: duckdb.DuckDBPyConnection) -> None:
    """Apply steps 6 to 9: turnout by its mean share, exchange of departure and arrival, station and location."""
    connection.execute("""
        CREATE TABLE timed AS WITH shares AS
            (SELECT avg(TurnoutTimeSeconds) / avg(AttendanceTimeSeconds) AS share FROM joined)
        SELECT * REPLACE (
            CASE WHEN DateAndTimeMobile IS NULL THEN round_even(AttendanceTimeSeconds * share, 0)
                 ELSE TurnoutTimeSeconds END AS TurnoutTimeSeconds,
            CASE WHEN DateAndTimeMobile IS NULL
                 THEN AttendanceTimeSeconds - round_even(AttendanceTimeSeconds * share, 0)
                 ELSE TravelTimeSeconds END AS TravelTimeSeconds),
            TravelTimeSeconds IS NULL AND DateAndTimeMobile > DateAndTimeArrived AS is_swapped
        FROM joined, shares""")
    _drop(connection, "timed", "missing_tournout_time_seconds", "TurnoutTimeSeconds IS NULL")
    connection.execute("""
        CREATE TABLE repaired AS SELECT * REPLACE (
            CASE WHEN is_swapped THEN AttendanceTimeSeconds ELSE TurnoutTimeSeconds END AS TurnoutTimeSeconds,
            CASE WHEN is_swapped THEN TurnoutTimeSeconds ELSE AttendanceTimeSeconds END AS AttendanceTimeSeconds,
            CASE WHEN is_swapped THEN TurnoutTimeSeconds - AttendanceTimeSeconds ELSE TravelTimeSeconds END
                AS TravelTimeSeconds,
            CASE WHEN is_swapped THEN DateAndTimeMobile ELSE DateAndTimeArrived END AS DateAndTimeArrived,
            coalesce(DeployedFromStation_Code, Resource_Code[:3]) AS DeployedFromStation_Code,
            coalesce(DeployedFromStation_Name,
                (SELECT name FROM stations WHERE code = Resource_Code[:3])) AS DeployedFromStation_Name,
            coalesce(DeployedFromLocation,
                CASE WHEN coalesce(DeployedFromStation_Code, Resource_Code[:3]) = Resource_Code[:3]
                THEN 'Home Station' ELSE 'Other Station' END) AS DeployedFromLocation,
            coalesce(SpecialServiceType, CASE WHEN StopCodeDescription = 'Use of Special Operations Room'
                THEN StopCodeDescription ELSE 'Not Special Service' END) AS SpecialServiceType,
            coalesce(DelayCode_Description, 'No delay') AS DelayCode_Description)
        FROM timed""")
    _drop(connection, "repaired", "missing_travel_time", "TravelTimeSeconds IS NULL")


def _describe(connection: duckdb.DuckDBPyConnection) -> None:
    """Apply steps 13 to 17: pump count, left time, Dartford, wave, incident type."""
    connection.execute("""
        CREATE TABLE attended AS WITH recounted AS (SELECT * REPLACE (
            count(*) OVER of_incident AS NumPumpsAttending,
            count(DISTINCT Resource_Code[:3]) OVER of_incident AS NumStationsWithPumpsAttending)
            FROM repaired WINDOW of_incident AS (PARTITION BY IncidentNumber))
        SELECT * REPLACE (coalesce(DateAndTimeLeft, DateAndTimeArrived + to_seconds(round_even(avg(
            epoch(DateAndTimeLeft) - epoch(DateAndTimeArrived)) OVER alike, 0)::BIGINT)) AS DateAndTimeLeft)
        FROM recounted
        WINDOW alike AS (PARTITION BY IncidentGroup, SpecialServiceType, NumPumpsAttending)""")
    _drop(
        connection, "attended", "remove_dartford",
        "IncidentNumber = (SELECT IncidentNumber FROM attended WHERE DeployedFromStation_Code = 'K21' "
        "ORDER BY mobilisations_row LIMIT 1)",
    )  # fmt: skip
    pairs = ", ".join(f"('{name}', '{kind}')" for name, kind in incident_types.SPECIAL_SERVICES.items())
    connection.execute(f"""
        CREATE TABLE typed AS SELECT attended.*,
            dense_rank() OVER (PARTITION BY IncidentNumber ORDER BY DateAndTimeMobilised) AS Mobilised_Rank,
            CASE WHEN IncidentGroup IN ('Fire', 'False Alarm') THEN 'Fire' ELSE kind END AS IncidentType,
            CASE WHEN IncidentGroup IN ('Fire', 'False Alarm') THEN StopCodeDescription
                 ELSE SpecialServiceType END AS IncidentCategory,
            (IncidentGroup = 'False Alarm')::BIGINT AS FalseAlarm
        FROM attended LEFT JOIN (VALUES {pairs}) AS v(special, kind) ON SpecialServiceType = special""")
    _drop(connection, "typed", "incident_type_category", "IncidentType IS NULL")


def _order(connection: duckdb.DuckDBPyConnection, order_of: Path | None) -> None:
    if order_of is None:
        connection.execute("""
            CREATE TABLE ordered AS SELECT *, row_number() OVER (
                ORDER BY DateAndTimeMobilised, md5(mobilisations_row::VARCHAR), incidents_row) - 1 AS seed_order
            FROM typed""")
        return
    same = "IncidentNumber, Resource_Code, DateAndTimeMobilised, copy"
    copy = "row_number() OVER (PARTITION BY IncidentNumber, Resource_Code, DateAndTimeMobilised) AS copy"
    connection.execute(f"""
        CREATE TABLE ordered AS WITH given AS (SELECT IncidentNumber, Resource_Code,
            DateAndTimeMobilised::TIMESTAMP AS DateAndTimeMobilised, seed_order, {copy}
            FROM read_parquet('{order_of}'))
        SELECT mine.* EXCLUDE (copy), given.seed_order
        FROM (SELECT *, {copy} FROM typed) mine JOIN given USING ({same})""")


def _count(connection: duckdb.DuckDBPyConnection) -> None:
    """Apply steps 18 to 20: distance from the rounded location, pumps out in the last rows, pumps of the station."""
    rows = connection.sql("""
        SELECT epoch_us(DateAndTimeMobilised) AS start_us, epoch_us(DateAndTimeLeft) AS left_us,
            Resource_Code[:3] AS home, ground.code AS ground,
            Easting_rounded::DOUBLE AS east, Northing_rounded::DOUBLE AS north,
            station.latitude AS latitude, station.longitude AS longitude, seed_order
        FROM ordered LEFT JOIN stations ground ON IncidentStationGround = ground.name
        LEFT JOIN stations station ON DeployedFromStation_Code = station.code ORDER BY seed_order""").fetchnumpy()
    everywhere, own = pumps_out_of_last_rows(
        rows["start_us"], rows["left_us"], np.asarray(rows["home"]), np.asarray(rows["ground"])
    )
    counts = pa.table(
        {
            "seed_order": rows["seed_order"],
            "Distance": distance_km(rows),
            "has_place": ~np.isnan(np.ma.filled(rows["east"], np.nan)),
            "TotalOfPumpInLondon_Out": everywhere,
            "PumpOfIncidentStation_Out": own,
            "IncidentStationGround_Code": pa.array(rows["ground"], pa.string(), from_pandas=True),
        }
    )
    connection.register("counts", counts)
    connection.execute("""
        CREATE TABLE counted AS WITH pumps AS (SELECT DeployedFromStation_Code AS station,
            count(DISTINCT Resource_Code) AS PumpByStation FROM ordered
            WHERE DeployedFromLocation = 'Home Station' GROUP BY ALL)
        SELECT *, greatest(PumpByStation - PumpOfIncidentStation_Out, 0) AS PumpAvailable
        FROM ordered JOIN counts USING (seed_order)
        LEFT JOIN pumps ON station = IncidentStationGround_Code""")
    _drop(connection, "counted", "pumps_available", "PumpAvailable IS NULL")


def distance_km(rows: dict[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return great-circle km, 3 decimals, from `latitude, longitude` to the rounded `east, north`; 0 if unknown."""
    location = national_grid.to_degrees(
        np.ma.filled(rows["east"], np.nan), np.ma.filled(rows["north"], np.nan)
    )
    latitude, longitude = (np.ma.filled(rows[name], np.nan) for name in ("latitude", "longitude"))
    return np.nan_to_num(np.round(national_grid.great_circle_km(latitude, longitude, *location), 3))


def _filter(connection: duckdb.DuckDBPyConnection) -> None:
    """Apply steps 21 to 23: drop incidents of the first rows, later waves, and incidents with a pump over 60 km/h."""
    connection.execute("CREATE TABLE used AS SELECT * FROM counted")
    _drop(connection, "used", "rows_delete + remove_unused", f"seed_order < {FIRST_ROWS}")
    connection.execute(
        "INSERT INTO dropped SELECT 'rows_delete + remove_unused', IncidentNumber, Resource_Code, "
        "DateAndTimeMobilised FROM used WHERE Mobilised_Rank > 1"
    )
    connection.execute("DELETE FROM used WHERE Mobilised_Rank > 1")
    fast = f"Distance > 0 AND Distance * 3600 > {FASTEST_KMH} * TravelTimeSeconds"
    _drop(connection, "used", "speed_over_60", fast)


def _context(connection: duckdb.DuckDBPyConnection) -> None:
    """Apply steps 24 to 27, which all read GMT as London time and drop incidents without weather."""
    step = "datetime/weather/holidays/traffic"
    hour = "strftime(DateAndTimeMobilised, '%Y-%m-%d %H')"
    _drop(connection, "used", step, f"{hour} NOT IN (SELECT date FROM weather_hourly)")
    names = ", ".join(f"'{day}'" for day in DAYS)
    connection.register("bank_holidays", pa.table({"day": sorted(bank_holidays() - ONE_OFF_HOLIDAYS)}))
    connection.execute(f"""
        CREATE TABLE final AS SELECT used.*, w.temp, coalesce(w.precip, 0) AS precip, w.cloudcover, w.visibility,
            w.conditions, w.icon, year(DateAndTimeMobilised) AS year, month(DateAndTimeMobilised) AS month,
            day(DateAndTimeMobilised) AS day, hour(DateAndTimeMobilised) AS hour,
            list_extract([{names}], dayofweek(DateAndTimeMobilised)::INT + 1) AS weekday,
            (dayofweek(DateAndTimeMobilised) BETWEEN 1 AND 5 AND DateAndTimeMobilised::DATE NOT IN
                (SELECT day FROM bank_holidays))::BIGINT AS workingday,
            (DateAndTimeMobilised::DATE IN (SELECT date_the_seed_ends_up_with FROM school_holidays))::BIGINT
                AS school_holidays,
            t.congestion AS congestion_rate,
            row_number() OVER (ORDER BY seed_order, w.context_row) - 1 AS seed_row
        FROM used JOIN weather_hourly w ON {hour} = w.date
        LEFT JOIN traffic_index t ON t.year = year(DateAndTimeMobilised) AND t.hour = hour(DateAndTimeMobilised)
            AND t.day_nb = dayofweek(DateAndTimeMobilised) + 1""")


_MID = """seed_order, IncidentNumber, Resource_Code, DateAndTimeMobilised, DateAndTimeLeft, Mobilised_Rank,
    CASE WHEN has_place THEN Distance END AS Distance, TotalOfPumpInLondon_Out, PumpByStation, PumpOfIncidentStation_Out, PumpAvailable,
    IncidentStationGround_Code, NumPumpsAttending, NumStationsWithPumpsAttending, IncidentType,
    TurnoutTimeSeconds::BIGINT AS TurnoutTimeSeconds, TravelTimeSeconds::BIGINT AS TravelTimeSeconds,
    AttendanceTimeSeconds::BIGINT AS AttendanceTimeSeconds"""
_CLEANED = """seed_row, IncidentNumber, Resource_Code,
    date_trunc('day', DateAndTimeMobilised)::TIMESTAMP AS DateAndTimeMobilised,
    TurnoutTimeSeconds::BIGINT AS TurnoutTimeSeconds, TravelTimeSeconds::BIGINT AS TravelTimeSeconds,
    AttendanceTimeSeconds::BIGINT AS AttendanceTimeSeconds, DeployedFromStation_Code,
    DeployedFromStation_Name, DeployedFromLocation, PumpOrder::BIGINT AS PumpOrder, DelayCode_Description,
    CASE Resource_Code[-1:] WHEN '1' THEN 'Pump Dual Ladder' WHEN '2' THEN 'Pump Ladder' END AS Appliance,
    PropertyCategory, PropertyType, AddressQualifier, IncidentStationGround, NumStationsWithPumpsAttending,
    NumPumpsAttending, Mobilised_Rank, IncidentType, IncidentCategory, FalseAlarm, Distance,
    TotalOfPumpInLondon_Out, PumpByStation, Resource_Code[:3] AS Station_Code_of_ressource,
    IncidentStationGround_Code, PumpOfIncidentStation_Out, PumpAvailable, year, month, day, weekday, hour,
    temp, precip, cloudcover, visibility, conditions, icon, workingday, school_holidays, congestion_rate"""
