"""A parity month: its input, the results of the original, and those of `prepare`."""
# ruff: noqa: S608 - no text of a stranger goes into these queries

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from support.brute_force_counts import Stream

from londonpump.lifecycle.prepare import PrepareRequest, prepare

WARM_UP_US = 12 * 3_600_000_000
STILL_COUNTED = ("later_wave", "warm_up")
_SAME_IN_MID = (
    "IncidentNumber", "Resource_Code", "Mobilised_Rank", "TotalOfPumpInLondon_Out", "PumpByStation",
    "PumpOfIncidentStation_Out", "PumpAvailable", "IncidentStationGround_Code", "NumPumpsAttending",
    "NumStationsWithPumpsAttending", "IncidentType", "TurnoutTimeSeconds", "TravelTimeSeconds",
    "AttendanceTimeSeconds",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ParityMonth:
    """A parity month. folder: the parity files. connection: views and tables of both sides, see `read_parity_month`."""

    folder: Path
    connection: duckdb.DuckDBPyConnection

    def columns(self, query: str) -> dict[str, NDArray[Any]]:
        """Return the columns of a query as arrays: NaN or None for null, timestamps as int64 microseconds."""
        table = self.connection.sql(query).to_arrow_table()
        return {name: _array(table[name]) for name in table.column_names}

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        return self.connection.sql(query).fetchall()


def read_parity_month(folder: Path, out: Path) -> ParityMonth:
    """Prepare the month into `out` and load both sides.

    Tables: raw_mobilisations, raw_incidents (text, with source_row), theirs (the final frame with the full
    mobilised_at and seed_order), mid, dropped, ours (examples), aside, incidents_aside, used (every
    mobilisation that ours counts, with its left time worked out anew), weather, traffic, stations, holidays.
    """
    prepare_month(folder, out)
    connection = duckdb.connect()
    for table in ("mobilisations", "incidents"):
        connection.execute(
            f"CREATE TABLE raw_{table} AS SELECT row_number() OVER () AS source_row, * FROM read_csv("
            f"'{folder / table}.csv.gz', all_varchar = true, nullstr = ['', 'NULL'])"
        )
        rejected_table = "aside" if table == "mobilisations" else "incidents_aside"
        connection.execute(
            f"CREATE TABLE {rejected_table} AS FROM read_parquet('{out}/rejected/{table}.parquet')"
        )
    connection.execute(f"CREATE TABLE ours AS FROM read_parquet('{out}/examples/*.parquet')")
    connection.execute(f"CREATE TABLE mid AS FROM read_parquet('{folder}/seed_mid_*.parquet')")
    connection.execute(f"CREATE TABLE final AS FROM read_parquet('{folder}/seed_cleaned_*.parquet')")
    connection.execute(f"CREATE TABLE dropped AS FROM read_csv('{folder}/seed_dropped_rows_*.csv.gz')")
    for name, file in (("weather", "weather_hourly.csv.gz"), ("traffic", "traffic_index.csv.gz"),
                       ("stations", "stations.csv"), ("holidays", "school_holidays.csv")):  # fmt: skip
        types = "{'date': 'VARCHAR'}" if name == "weather" else "{}"
        connection.execute(
            f"CREATE TABLE {name} AS SELECT row_number() OVER () AS file_row, * "
            f"FROM read_csv('{folder / file}', types = {types})"
        )
    _join_final_with_mid(connection)
    _work_out_used(connection)
    return ParityMonth(folder, connection)


def prepare_month(folder: Path, out: Path) -> None:
    """Run `prepare` on the files of a parity-shaped folder."""
    prepare(
        PrepareRequest(
            incidents=(folder / "incidents.csv.gz",),
            mobilisations=(folder / "mobilisations.csv.gz",),
            stations=folder / "stations.csv",
            weather=folder / "weather_hourly.csv.gz",
            traffic=folder / "traffic_index.csv.gz",
            school_holidays=folder / "school_holidays.csv",
            is_complete=True,
            out=out,
        )
    )


def used_stream(month: ParityMonth) -> Stream:
    """Return every mobilisation that our counts include."""
    used = month.columns(
        "SELECT IncidentNumber, Resource_Code, is_from_home, start_at, left_at FROM used ORDER BY source_row"
    )
    return Stream(
        incident=used["IncidentNumber"],
        pump=used["Resource_Code"],
        home=np.array([code[:3] for code in used["Resource_Code"]], object),
        is_from_home=used["is_from_home"].astype(bool),
        start_us=used["start_at"],
        left_us=used["left_at"],
    )


def _join_final_with_mid(connection: duckdb.DuckDBPyConnection) -> None:
    """Add the full timestamps of `mid`, which shares fourteen columns with the final frame, because that frame holds dates only."""
    connection.execute(f"""
        CREATE TABLE theirs AS SELECT final.*, found.mobilised_at, found.left_at, found.seed_order FROM final
        LEFT JOIN (SELECT {", ".join(_SAME_IN_MID)}, DateAndTimeMobilised::DATE AS of_day,
            min(DateAndTimeMobilised)::TIMESTAMP AS mobilised_at, min(DateAndTimeLeft)::TIMESTAMP AS left_at,
            min(seed_order) AS seed_order FROM mid GROUP BY ALL) found
        ON {" AND ".join(f"final.{name} = found.{name}" for name in _SAME_IN_MID)}
            AND final.DateAndTimeMobilised::DATE = of_day""")


def _work_out_used(connection: duckdb.DuckDBPyConnection) -> None:
    """Apply steps 13 and 14 of the specification to the rows that our counts include: pumps attending, and the left time."""
    timestamps = ", ".join(
        f"strptime(DateAndTime{what}, '%d/%m/%Y %H:%M:%S') AS {what}"
        for what in ("Mobilised", "Mobile", "Arrived", "Left")
    )
    counted = ", ".join(f"'{rule}'" for rule in STILL_COUNTED)
    connection.execute(f"""
        CREATE TABLE used AS WITH
        kinds AS (SELECT IncidentNumber, any_value(IncidentGroup) AS of_group, any_value(coalesce(SpecialServiceType,
            CASE WHEN StopCodeDescription = 'Use of Special Operations Room' THEN StopCodeDescription END, ''))
            AS special FROM raw_incidents GROUP BY ALL),
        rows AS (SELECT m.*, of_group, special, {timestamps} FROM raw_mobilisations m JOIN kinds USING (IncidentNumber)
            WHERE source_row NOT IN (SELECT source_row FROM aside WHERE rejected_by NOT IN ({counted}))),
        timed AS (SELECT * REPLACE (CASE WHEN TravelTimeSeconds IS NULL AND Mobile > Arrived THEN Mobile
            ELSE Arrived END AS Arrived), count(*) OVER (PARTITION BY IncidentNumber) AS n FROM rows),
        usable AS (SELECT *, CASE WHEN "Left" >= Arrived THEN epoch("Left") - epoch(Arrived) END AS on_site_s FROM timed),
        typical AS (SELECT *, avg(on_site_s) OVER (PARTITION BY of_group, special, n) AS alike_s,
            avg(on_site_s) OVER () AS all_s FROM usable)
        SELECT source_row, IncidentNumber, Resource_Code, n, Mobilised AS start_at,
            coalesce(DeployedFromStation_Code, Resource_Code[:3]) AS station,
            coalesce(DeployedFromLocation, CASE WHEN station = Resource_Code[:3] THEN 'Home Station' END)
                IS NOT DISTINCT FROM 'Home Station' AS is_from_home,
            CASE WHEN on_site_s IS NULL THEN Arrived + to_seconds(round(coalesce(alike_s, all_s))::BIGINT)
                ELSE "Left" END AS left_at, on_site_s IS NULL AS is_left_filled
        FROM typical""")


def _array(column: pa.ChunkedArray) -> NDArray[Any]:
    dtype = column.type
    if pa.types.is_timestamp(dtype):
        return column.cast(pa.timestamp("us")).cast(pa.int64()).to_numpy()
    if pa.types.is_string(dtype) or pa.types.is_date(dtype):
        return np.array(column.to_pylist(), object)
    if pa.types.is_boolean(dtype):
        return np.array([np.nan if v is None else float(v) for v in column.to_pylist()])
    return column.to_numpy()
