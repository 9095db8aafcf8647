"""Published spellings of categories, names and codes (issue 11, B5)."""

import pytest

from londonpump.domain.canonical_spelling import (
    BLANKS,
    NAMES_BY_COLUMN,
    PROPERTY_CATEGORIES,
    spelling_normaliser,
)
from londonpump.features import catalogue


@pytest.mark.parametrize(
    ("column", "text", "published"),
    [
        ("incident_group", "FALSE ALARM", "False Alarm"),
        ("incident_group", "false\u00a0alarm", "False Alarm"),
        ("stop_code", "afa", "AFA"),
        ("special_service_type", "rtc", "RTC"),
        ("special_service_type", "Water Provision", "Water Provision"),
        ("special_service_type", "Water provision", "Water provision"),
        ("property_type", "HOUSE - SINGLE OCCUPANCY", "House - single occupancy"),
        ("station_ground", "OLD KENT ROAD", "Old Kent Road"),
        ("frs", "LONDON", "London"),
        ("frs", "London Fire Brigade", "London"),
        ("frs", "overtheborder", "OverTheBorder"),
        ("deployed_from", "home station", "Home Station"),
        ("borough_name", "Lambeth", "LAMBETH"),
        ("station_code", "h21", "H21"),
        ("incident_group", "Brand", "Brand"),
        ("station_ground", "Atlantis", "Atlantis"),
    ],
)
def test_a_text_becomes_the_published_one_whatever_its_case_and_blanks(column, text, published) -> None:
    assert spelling_normaliser(column)(text) == published


@pytest.mark.parametrize("column", [*NAMES_BY_COLUMN, "station_name", "property_type"])
def test_what_is_published_stays_as_it_is(column: str) -> None:
    spelled = spelling_normaliser(column)
    assert all(spelled(name) == name for name in NAMES_BY_COLUMN.get(column, ()))


def test_every_blank_that_python_knows_is_one() -> None:
    assert {chr(code) for code in range(0x10000) if chr(code).isspace()} <= set(BLANKS)


def test_the_categories_are_those_that_the_models_know() -> None:
    assert set(PROPERTY_CATEGORIES) == set(catalogue.PROPERTY_CATEGORIES)
