"""Dataclasses become JSON and come back."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import numpy as np
import pytest
from numpy.typing import NDArray

from londonpump.domain.json_values import IF_KNOWN, INLINE, from_json, rounded, stored_as, to_json


@dataclass(frozen=True, slots=True)
class Part:
    origin: str = field(metadata=stored_as("from"))
    share: float = field(metadata=rounded(2))


@dataclass(frozen=True, slots=True)
class Whole:
    n: int
    rates: Mapping[str, float] = field(metadata={**INLINE, **rounded(1)})
    parts: tuple[Part, ...]
    codes: frozenset[str]
    day: date | None
    note: str | None = field(metadata=IF_KNOWN)


@dataclass(frozen=True, slots=True)
class Stored:
    means: dict[str, NDArray[np.float64]] = field(metadata=INLINE)


WHOLE = Whole(2, {"a": 0.12}, (Part("file", 0.123),), frozenset({"G30", "A24"}), date(2024, 1, 15), None)


def test_keys_are_the_fields_in_their_order_with_inline_entries_among_them() -> None:
    assert json.dumps(to_json(WHOLE)) == (
        '{"n": 2, "a": 0.1, "parts": [{"from": "file", "share": 0.12}], "codes": ["A24", "G30"], "day": "2024-01-15"}'
    )


def test_none_is_null_unless_the_field_is_only_written_if_known() -> None:
    assert to_json(Whole(0, {}, (), frozenset(), None, "said")) == {
        "n": 0,
        "parts": [],
        "codes": [],
        "day": None,
        "note": "said",
    }


def test_timestamps_are_iso_8601() -> None:
    assert to_json([datetime(2024, 1, 15, 8, tzinfo=UTC)]) == ["2024-01-15T08:00:00+00:00"]


def test_a_part_comes_back_and_other_keys_are_ignored() -> None:
    assert from_json(Part, {"from": "file", "share": 0.5, "later": 1}) == Part("file", 0.5)


def test_what_is_written_if_known_may_be_missing() -> None:
    value = {"n": 1, "parts": [{"from": "a", "share": 1.0}], "codes": ["B"], "day": "2024-01-15"}
    found = from_json(Whole, value)
    assert (found.parts, found.codes, found.day, found.note) == (
        (Part("a", 1.0),),
        frozenset({"B"}),
        date(2024, 1, 15),
        None,
    )


def test_arrays_come_back_with_their_type() -> None:
    stored = from_json(Stored, json.loads(json.dumps(to_json(Stored({"a": np.arange(6.0).reshape(2, 3)})))))
    assert (str(stored.means["a"].dtype), stored.means["a"].shape) == ("float64", (2, 3))


def test_a_missing_key_is_named() -> None:
    with pytest.raises(KeyError, match="share"):
        from_json(Part, {"from": "file"})
