"""Documents, views, and JSON of earlier versions."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

import pytest

from londonpump.domain.json_values import from_json, from_stored, to_document, to_json, view_of


@dataclass(frozen=True)
class Part:
    value: float | None
    note: str


@dataclass(frozen=True)
class Whole:
    at: datetime
    day: date | None
    parts: tuple[Part, ...]
    by_name: Mapping[str, Part]


WHOLE = Whole(datetime(2026, 1, 2, tzinfo=UTC), date(2026, 1, 1), (Part(1.5, "a"),), {"b": Part(None, "b")})
STORED = {"day": "2026-01-01", "parts": [{"value": 2}], "by_name": {"c": {}}, "unknown": 1}


def test_fields_stand_in_their_order_and_times_in_iso_form() -> None:
    assert json.dumps(to_json(WHOLE)) == (
        '{"at": "2026-01-02T00:00:00+00:00", "day": "2026-01-01", "parts": [{"value": 1.5, "note": "a"}], '
        '"by_name": {"b": {"value": null, "note": "b"}}}'
    )


def test_a_document_begins_with_its_schema() -> None:
    assert list(to_document(Part(1.0, "a")).items()) == [("schema", 1), ("value", 1.0), ("note", "a")]


def test_what_an_earlier_version_did_not_store_is_none_at_any_depth() -> None:
    found = from_stored(Whole, STORED)
    assert (found.at, found.day, found.parts[0], found.by_name["c"]) == (
        None,
        date(2026, 1, 1),
        Part(2.0, None),
        Part(None, None),
    )


def test_a_missing_key_of_a_file_of_ours_is_an_error() -> None:
    with pytest.raises(KeyError):
        from_json(Whole, STORED)


def test_a_view_takes_attributes_of_the_same_names() -> None:
    assert view_of(Part, Part(3.0, "c")) == Part(3.0, "c")
