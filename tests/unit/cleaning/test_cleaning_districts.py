"""Postcode districts on their way from incident records to the table of calls."""

from collections.abc import Callable
from typing import Any

Clean = Callable[..., list[dict[str, Any]]]


def test_a_district_is_written_in_capitals(incidents: Clean) -> None:
    (row,) = incidents({"postcode_district": "se15"})
    assert row["postcode_district"] == "SE15"


def test_a_record_without_a_district_is_kept(incidents: Clean) -> None:
    (row,) = incidents({"postcode_district": None})
    assert (row["rule"], row["postcode_district"]) == (None, None)


def test_prepared_calls_hold_the_districts_that_were_published(small_examples: Any) -> None:
    districts = small_examples.calls["postcode_district"]
    assert sum(district is not None for district in districts) == len(districts)
    assert {"SE15", "SW9", "E14"} <= set(districts)


def test_examples_hold_no_district(small_examples: Any) -> None:
    assert "postcode_district" not in small_examples.rows
