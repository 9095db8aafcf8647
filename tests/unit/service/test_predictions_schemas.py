"""Validation of questions."""

import pytest
from pydantic import ValidationError

from londonpump.service.predictions.schemas import BatchRequest, InvalidQuestion, PredictionRequest

HERE = {"easting_m": 529_700, "northing_m": 181_100}


@pytest.mark.parametrize(
    "place",
    [HERE, {"latitude": 51.5, "longitude": -0.1}, {"postcode_district": "SE1"}, {"station_ground": "A24"}],
    ids=["grid", "degrees", "district", "ground"],
)
def test_a_place_is_told_in_one_of_four_ways(place) -> None:
    assert (
        PredictionRequest.model_validate({"location": place}).location.model_dump(exclude_none=True) == place
    )


@pytest.mark.parametrize(
    "place",
    [
        {},
        {"easting_m": 529_700},
        {"latitude": 51.5},
        {**HERE, "postcode_district": "SE1"},
        {**HERE, "latitude": 51.5, "longitude": -0.1},
        {"latitude": -0.1, "longitude": 51.5},
        {"easting_m": float("nan"), "northing_m": 181_100},
        {"easting_m": "529700", "northing_m": 181_100},
        {"station_ground": "'; DROP TABLE users"},
    ],
)
def test_no_place_two_places_and_slips_are_refused(place) -> None:
    with pytest.raises(ValidationError):
        PredictionRequest.model_validate({"location": place})


@pytest.mark.parametrize(
    "at",
    [
        "2025-06-02T09:30:00",
        "2008-12-31T23:59:59Z",
        "2041-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "1748856600",
        1748856600,
    ],
)
def test_a_moment_without_a_zone_or_beyond_the_records_is_refused(at) -> None:
    with pytest.raises(ValidationError):
        PredictionRequest.model_validate({"location": HERE, "at": at})


def test_a_moment_of_another_zone_is_brought_to_utc() -> None:
    query = PredictionRequest.model_validate({"location": HERE, "at": "2025-06-02T10:30:00+01:00"})
    assert query.at is not None
    assert query.at.isoformat() == "2025-06-02T09:30:00+00:00"


@pytest.mark.parametrize(
    "more",
    [
        {"user_id": "somebody"},
        {"max_candidates": 0},
        {"max_candidates": 201},
        {"explanations": "some"},
        {"incident_type": "Cat in tree"},
        {"pumps": []},
        {"context": {"temp_c": 80}},
        {"context": {"turnout_s": 60}},
    ],
)
def test_what_is_not_asked_for_or_out_of_bounds_is_refused(more) -> None:
    with pytest.raises(ValidationError):
        PredictionRequest.model_validate({"location": HERE, **more})


def test_a_question_of_a_batch_that_cannot_be_used_spoils_itself_alone() -> None:
    batch = BatchRequest.model_validate({"questions": [{"location": HERE}, {"location": {}}, 7]})
    assert [isinstance(each, InvalidQuestion) for each in batch.questions] == [False, True, True]


@pytest.mark.parametrize("n", [0, 1_001, 10_000])
def test_no_question_and_too_many_are_no_batch(n) -> None:
    with pytest.raises(ValidationError):
        BatchRequest.model_validate({"questions": [{"location": HERE}] * n})
