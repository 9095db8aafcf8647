"""Exports that cannot be used: which file, document and field is wrong."""

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from londonpump.domain.errors import BadFile
from londonpump.ingest.mongo_collections import london_day, read_export

AT = {"$date": "2023-03-01T09:30:00Z"}
ID = {"$oid": "63f000000000000000000001"}
STATION = {"code": "A21", "name": "Paddington", "latitude": 51.52, "longitude": -0.18}
YEAR = {"year": 2022, "dates": [{"$date": "2022-07-24T23:00:00Z"}]}
RISKS: dict[str, Any] = {"created_at": AT, "stations": [{"code": "G32", "name": "Ruislip"}]}
USER = {"_id": ID, "username": "anna", "created_at": AT}
PREDICTION = {"_id": ID, "userId": ID, "created_at": AT, "prediction": 316, "risk_underestimated": False}


def import_error(tmp_path, collection: str, text: str) -> str:
    (tmp_path / f"{collection}.json").write_text(text)
    with pytest.raises(BadFile) as caught:
        read_export(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path}/{collection}.json: ")
    return caught.value.problem


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("stations", {**STATION, "latitude": "north"}, "field latitude: 'north' is not a number"),
    ("stations", {**STATION, "latitude": 5.15}, "field latitude: 5.15 is not in Great Britain"),
    ("stations", {**STATION, "longitude": True}, "field longitude: True is not a number"),
    ("stations", {**STATION, "longitude": float("nan")}, "field longitude: nan is not a number"),
    ("stations", {**STATION, "code": " "}, "field code: ' ' is not text"),
    ("stations", {**STATION, "name": None}, "field name: is missing"),
    ("schoolVacations", {"year": 2022}, "field dates: is missing"),
    ("schoolVacations", {"year": 2022, "dates": []}, "field dates: is empty"),
    ("schoolVacations", {"year": 2022, "dates": "all"}, "field dates: is not a list"),
    ("schoolVacations", {**YEAR, "year": 2021}, "field dates: 2022-07-25 is not in the year 2021"),
    ("schoolVacations", {"year": 2023, "dates": [AT]}, "is midnight neither in London nor in UTC"),
    (
        "schoolVacations",
        {"year": 2023, "dates": [{"$date": "soon"}]},
        "field dates: is not MongoDB extended json",
    ),
    ("riskStations", {**RISKS, "stations": ["G32"]}, "field stations: 'G32' is not a station"),
    ("riskStations", {**RISKS, "stations": [{"code": "G32"}]}, "field name: is missing"),
    ("riskStations", {**RISKS, "stations": RISKS["stations"] * 2}, "field stations: names a station twice"),
    ("users", {**USER, "_id": 5}, "field _id: 5 is not an id"),
    ("users", {**USER, "_id": "\ud800"}, "field _id: '\\ud800' holds a character that cannot be stored"),
    ("users", {**USER, "username": "anna\ud800"}, "field username: 'anna\\ud800' holds a character that"),
    ("users", {**USER, "username": "an\x00na"}, "field username: 'an\\x00na' holds a character that"),
    ("stations", {**STATION, "name": "a\x1b[2J"}, "field name: 'a\\x1b[2J' holds a character that"),
    ("users", {**USER, "_id": {"$oid": "short"}}, "field _id: is not MongoDB extended json"),
    ("users", {"_id": ID, "username": "anna"}, "field created_at: is missing"),
    ("predictions", {**PREDICTION, "prediction": "soon"}, "field prediction: 'soon' is not a number"),
    (
        "predictions",
        {**PREDICTION, "prediction": {"$numberDouble": "NaN"}},
        "field prediction: nan is not a number",
    ),
    (
        "predictions",
        {**PREDICTION, "risk_underestimated": 1},
        "risk_underestimated: 1 is neither true nor false",
    ),
    (
        "predictions",
        {**PREDICTION, "created_at": {"$date": {"$numberLong": "99999999999999999"}}},
        "field created_at: is not MongoDB extended json",
    ),
]


@pytest.mark.parametrize(("collection", "document", "problem"), WRONG, ids=[case[2] for case in WRONG])
def test_a_wrong_field_is_named(tmp_path, collection, document, problem) -> None:
    error_message = import_error(tmp_path, collection, json.dumps([document]))
    assert error_message.startswith("document 1, field ")
    assert problem in error_message


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[{"a": 1}, 5]', "document 2: is not a document"),
        ("5", "document 1: is not a document"),
        (json.dumps(USER) + "\n{oops", "document 2, line 2: is not json, or is cut off"),
        ('[{"_id": ', "document 1, line 1: is not json, or is cut off"),
        ("[" * 100_000, "document 1, line 1: is not json, or is cut off"),
    ],
)
def test_a_broken_file_is_named(tmp_path, text, problem) -> None:
    assert import_error(tmp_path, "users", text) == problem


def test_a_file_that_is_not_utf_8_is_named(tmp_path) -> None:
    (tmp_path / "users.json").write_bytes(b"\xff\xfe")
    with pytest.raises(BadFile, match="is not UTF-8"):
        read_export(tmp_path)


def test_an_empty_collection_is_there(tmp_path) -> None:
    (tmp_path / "users.json").write_text("\n")
    assert read_export(tmp_path).users == []


def test_a_folder_that_is_not_there_is_named(tmp_path) -> None:
    with pytest.raises(BadFile, match="is no folder"):
        read_export(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("timestamp", "day"),
    [
        ("2022-03-26T00:00", date(2022, 3, 26)),
        ("2022-03-27T00:00", date(2022, 3, 27)),
        ("2022-03-27T23:00", date(2022, 3, 28)),
        ("2022-03-28T00:00", date(2022, 3, 28)),
        ("2022-10-29T23:00", date(2022, 10, 30)),
        ("2022-10-31T00:00", date(2022, 10, 31)),
        ("2022-10-30T23:00", None),
        ("2022-07-01T22:00", None),
    ],
)
def test_an_instant_stands_for_its_london_day(timestamp, day) -> None:
    assert london_day(datetime.fromisoformat(timestamp).replace(tzinfo=UTC)) == day
