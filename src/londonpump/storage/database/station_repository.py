"""The list of stations that was imported, if one was. All raise DatabaseFailed."""

from collections.abc import Sequence
from dataclasses import fields

from sqlalchemy import Connection, Engine, delete, insert, select

from londonpump.domain.stations import Station
from londonpump.storage.database.engine import reading, writing
from londonpump.storage.database.schema import stations as stations_table
from londonpump.storage.database.upserts import as_row

FIELDS = tuple(field.name for field in fields(Station))


def store_stations(engine: Engine, stations: Sequence[Station]) -> int:
    """Make this the list, whole: stations that are not in it go. Returns: how many there are now."""
    with writing(engine) as connection:
        return put_stations(connection, stations)


def put_stations(connection: Connection, stations: Sequence[Station]) -> int:
    """As `store_stations`, inside a transaction of the caller's."""
    rows = [{**as_row(station), "pumps": list(station.pumps)} for station in stations]
    connection.execute(delete(stations_table))
    if rows:
        connection.execute(insert(stations_table), rows)
    return len(rows)


def read_stations(engine: Engine) -> tuple[Station, ...]:
    """The imported list, by code; empty if none was ever imported."""
    with reading(engine) as connection:
        return select_stations(connection)


def select_stations(connection: Connection) -> tuple[Station, ...]:
    """As `read_stations`, inside a transaction of the caller's."""
    query = select(*(stations_table.c[name] for name in FIELDS)).order_by(stations_table.c.code)
    found = connection.execute(query).mappings()
    return tuple(Station(**{**row, "pumps": tuple(row["pumps"])}) for row in found)
