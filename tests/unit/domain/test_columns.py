"""The catalogue of columns: each number has one range, and every reader of a range takes it from there."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import CheckConstraint
from support.context_rows import weather

from londonpump.domain.columns import EXAMPLES, LATITUDE, RANGES, VISUAL_CROSSING_NAMES, WEATHER_NUMBERS
from londonpump.domain.errors import BadFile, BadValue, SourceFailed
from londonpump.domain.stations import by_code, known_stations
from londonpump.features.observations import OLDEST_H
from londonpump.ingest.context_csv import read_traffic, read_weather
from londonpump.ingest.weather_hours import validate_hours
from londonpump.lifecycle.calls_file import LIMITS, OPTIONAL, parse_call
from londonpump.original.schemas import TimePumpRequest
from londonpump.persistence.database.schema import metadata
from londonpump.service.predictions.location import LocationQuery
from londonpump.service.predictions.schemas import ContextOverrides

STATED = {
    "mobilised_at": "2024-01-15T08:00Z",
    "station_code": "G30",
    "easting_m": "518650",
    "northing_m": "186250",
}
CONTEXT = (*WEATHER_NUMBERS, "congestion_rate")
BEYOND = [(name, edge) for name in CONTEXT for edge in (RANGES[name].low - 0.5, RANGES[name].high + 0.5)]
INSIDE = [(name, edge) for name in CONTEXT for edge in RANGES[name]]
ORIGINAL_NAMES = {name: original for original, name in VISUAL_CROSSING_NAMES.items() if name != "wind_kmh"}


@pytest.mark.parametrize(
    "column", [c for c in EXAMPLES if c.dtype.startswith(("int", "float"))], ids=lambda c: c.name
)
def test_every_number_has_a_range(column) -> None:
    assert column.range.low < column.range.high
    assert not column.range.has(float("nan"))


def test_no_other_column_has_a_range() -> None:
    assert all(column.dtype.startswith(("int", "float")) for column in EXAMPLES if column.range)


def test_the_oldest_value_of_weather_is_the_oldest_that_a_join_may_take() -> None:
    assert RANGES["weather_age_h"].high == OLDEST_H


@pytest.mark.parametrize(("name", "value"), BEYOND)
def test_a_value_outside_is_an_error_that_names_the_range(tmp_path: Path, name: str, value: float) -> None:
    stated = f"is not {RANGES[name]}"
    with pytest.raises(BadValue, match=stated):
        parse_call({**STATED, name: str(value)}, by_code(known_stations()))
    with pytest.raises(ValidationError, match=f"{RANGES[name].low:g}|{RANGES[name].high:g}"):
        ContextOverrides.model_validate({name: value})
    if name in WEATHER_NUMBERS:
        at, changes = datetime(2024, 1, 15, 8, tzinfo=UTC), dict[str, Any]({name: value})
        with pytest.raises(SourceFailed, match=f"{name} is .*, not {RANGES[name]}"):
            validate_hours("Publisher", [weather(at, **changes)])
    file = tmp_path / "given.csv"
    if name == "congestion_rate":
        file.write_text(f"year,day_nb,hour,congestion\n2022,1,3,{value}\n")
        with pytest.raises(BadFile, match="beyond 0 to 1"):
            read_traffic(file)
    elif name in ORIGINAL_NAMES:
        cells = {**dict.fromkeys(ORIGINAL_NAMES.values(), "1"), ORIGINAL_NAMES[name]: str(value)}
        file.write_text(
            f"date,{','.join(cells)},conditions\n2022-05-01 09,{','.join(cells.values())},Clear\n"
        )
        with pytest.raises(BadFile, match=f"in row 1, not {RANGES[name]}"):
            read_weather(file)
    if name != "wind_kmh":
        with pytest.raises(ValidationError, match="than or equal to"):
            TimePumpRequest.model_validate({ORIGINAL_NAMES.get(name, name): value})


@pytest.mark.parametrize(("name", "value"), INSIDE)
def test_both_ends_of_a_range_are_accepted_everywhere(name: str, value: float) -> None:
    dispatch, _ = parse_call({**STATED, name: str(value)}, by_code(known_stations()))
    assert dispatch[name] == value
    assert getattr(ContextOverrides.model_validate({name: value}), name) == value
    if name in WEATHER_NUMBERS:
        at, changes = datetime(2024, 1, 15, 8, tzinfo=UTC), dict[str, Any]({name: value})
        assert len(validate_hours("Publisher", [weather(at, **changes)])) == 1
    if name != "wind_kmh":
        original = ORIGINAL_NAMES.get(name, name)
        assert getattr(TimePumpRequest.model_validate({original: value}), original) == value


def test_the_database_checks_the_ranges() -> None:
    checks = {
        str(rule.name).rsplit("_hours_")[-1].rsplit("_readings_")[-1]: str(rule.sqltext)
        for table in ("weather_hours", "traffic_readings")
        for rule in metadata.tables[table].constraints
        if isinstance(rule, CheckConstraint)
    }
    low_high = {
        name: f"{name} >= {RANGES[name].low:g} AND {name} <= {RANGES[name].high:g}" for name in CONTEXT
    }
    assert checks == low_high


def test_calls_and_questions_have_the_same_numbers_and_ranges() -> None:
    schema = ContextOverrides.model_json_schema()["properties"]
    stated = {
        name: entry["anyOf"][0] for name, entry in schema.items() if entry["anyOf"][0]["type"] == "number"
    }
    ranges = {name: (entry["minimum"], entry["maximum"]) for name, entry in stated.items()}
    assert ranges == {name: LIMITS[name] for name in OPTIONAL if name in LIMITS}
    assert all(entry["description"] for entry in schema.values())


def test_degrees_of_questions_and_of_stations_have_one_range() -> None:
    latitude = LocationQuery.model_json_schema()["properties"]["latitude"]["anyOf"][0]
    assert (latitude["minimum"], latitude["maximum"]) == LATITUDE
