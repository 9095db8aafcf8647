"""Dataclasses become JSON and come back."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import numpy as np
import pytest
from numpy.typing import NDArray

from londonpump.domain.json_values import (
    IF_KNOWN,
    INLINE,
    from_json,
    from_stored,
    rounded,
    stored_as,
    to_json,
)


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


@dataclass(frozen=True)
class Facts:
    """A number, a list, a day and a part, as a card of a bundle holds them."""

    number: float
    names: tuple[str, ...]
    day: date
    part: dict[str, int] | None


SOUND = {"number": 1.5, "names": ["a"], "day": "2023-01-01", "part": {"n": 1}}
DAMAGED = [
    ("number", "x"),
    ("number", None),
    ("number", True),
    ("names", None),
    ("names", "ab"),
    ("names", [1]),
    ("day", ""),
    ("day", 5),
    ("part", []),
    ("part", {"n": "x"}),
]


@pytest.mark.parametrize(("key", "value"), DAMAGED)
def test_a_value_of_another_form_is_an_error_where_it_was_just_stored(key, value) -> None:
    assert from_json(Facts, SOUND).part == {"n": 1}
    with pytest.raises(ValueError):  # noqa: PT011 - the text names the value, which differs
        from_json(Facts, {**SOUND, key: value})


@pytest.mark.parametrize(("key", "value"), DAMAGED)
def test_a_value_of_another_form_is_none_where_any_version_may_have_stored_it(key, value) -> None:
    found = from_stored(Facts, {**SOUND, key: value})
    assert getattr(found, key) is None
    assert found.part == (None if key == "part" else {"n": 1})


@pytest.mark.parametrize("value", [[], "x", None, 5])
def test_stored_json_that_is_no_object_has_no_values(value) -> None:
    assert from_stored(Facts, value) == Facts(None, None, None, None)
