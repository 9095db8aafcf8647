"""Small typed tables, row by row, in the form that the reader passes to the cleaning."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa
from ibis.expr.types import Table

from londonpump.domain.published_columns import DATE, INTEGER, REAL, TABLES, TIME_OF_DAY, TIMESTAMP

ARROW = {
    INTEGER: pa.int64(),
    REAL: pa.float64(),
    DATE: pa.date32(),
    TIME_OF_DAY: pa.int32(),
    TIMESTAMP: pa.timestamp("us"),
}
NOON_S = 12 * 3600
NOON = datetime(2023, 1, 10, 12, 0, 0)
Row = Mapping[str, Any]

INCIDENT: Row = {
    "incident_number": "000001-10012023",
    "call_date": date(2023, 1, 10),
    "call_time": NOON_S,
    "incident_group": "Special Service",
    "stop_code": "Special Service",
    "special_service_type": "RTC",
    "property_category": "Outdoor",
    "property_type": "Road surface/pavement",
    "address_qualifier": "Correct incident location",
    "borough_code": "E09000022",
    "borough_name": "LAMBETH",
    "easting_rounded_m": 530_050.0,
    "northing_rounded_m": 175_050.0,
    "frs": "London",
    "station_ground": "Brixton",
}
"""A road accident in Brixton at noon in winter, whose exact location is not published."""
MOBILISATION: Row = {
    "incident_number": "000001-10012023",
    "resource_code": "H211",
    "mobilised_at": NOON,
    "mobile_at": NOON + timedelta(seconds=60),
    "arrived_at": NOON + timedelta(seconds=300),
    "left_at": NOON + timedelta(minutes=30),
    "turnout_s": 60,
    "travel_s": 240,
    "attendance_s": 300,
    "station_code": "H21",
    "station_name": "Brixton",
    "deployed_from": "Home Station",
    "pump_order": 1,
}
"""Brixton's first pump, which arrived after five minutes and left after half an hour."""
STATIONS = {
    "code": ["H21", "H22", "E35", "K21"],
    "name": ["Brixton", "Lambeth", "Old Kent Road", "Dartford"],
    "easting_m": [530_900.0, 531_000.0, 534_500.0, 554_300.0],
    "northing_m": [175_500.0, 178_900.0, 178_300.0, 174_000.0],
}


def typed(table: str, sound: Row, changes: Sequence[Row]) -> pa.Table:
    """Return a typed table with one valid row per change, each with its change, numbered from 1."""
    rows = [{**sound, "source_row": number, **change} for number, change in enumerate(changes, start=1)]
    columns = {spec.name: ARROW.get(spec.dtype, pa.string()) for spec in TABLES[table]}
    columns |= {"source_file": pa.int16(), "source_row": pa.int64(), "unreadable": pa.string()}
    values = {
        name: pa.array([row.get(name, 0 if name == "source_file" else None) for row in rows], dtype)
        for name, dtype in columns.items()
    }
    return pa.table(values)


def stations() -> pa.Table:
    """Return four stations, Dartford among them."""
    return pa.table(STATIONS)


def in_order_of_the_file(table: Table) -> Table:
    """Return the rows in the order of the file."""
    order = [name for name in ("source_file", "source_row") if name in table.columns]
    return table.order_by(*order)
