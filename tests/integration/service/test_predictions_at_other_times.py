"""Issue 11, A2: answers for another time say that the board is not known, and rank no pump that is out now."""

from datetime import timedelta

import pytest
from support.api_client import SOHO

from londonpump.service.predictions.request_context import BOARD_PARTLY_KNOWN_WARNING, BOARD_UNKNOWN_WARNING

ALL = 200
NEAR_BY = [-239, -16, 16, 239]
FAR_AWAY = [-24 * 60, -241, 241, 24 * 60]


@pytest.fixture
def known(api):
    """Sign a person in at a service whose board is known."""
    api.report_all_available()
    return api


def at(api, minutes: float) -> str:
    return (api.clock() + timedelta(minutes=minutes)).isoformat()


def ranked(prediction) -> list[str]:
    return [candidate["pump"] for candidate in prediction["candidates"]]


def mobilised(api) -> str:
    """Send the pump that is ranked first now to another incident and return its code."""
    first = ranked(api.prediction())[0]
    answer = api.post("/v1/mobilisations", {"incident_number": "1", "pump": first})
    assert answer.status_code == 201, answer.text
    return first


@pytest.mark.parametrize("minutes", NEAR_BY)
def test_a_pump_that_is_out_now_is_not_ranked_within_four_hours(minutes, known) -> None:
    sent = mobilised(known)
    prediction = known.prediction(at=at(known, minutes), max_candidates=ALL)
    assert (sent in ranked(prediction), prediction["warning"], prediction["board_age_s"] is None) == (
        False,
        BOARD_PARTLY_KNOWN_WARNING,
        False,
    )
    assert {candidate["is_assumed"] for candidate in prediction["candidates"]} == {True}
    assert (prediction["pumps_out"], prediction["recent_ground_calls"]) == (None, None)
    assert any(line.startswith("the board: it is known only for now") for line in prediction["missing"])


@pytest.mark.parametrize("minutes", FAR_AWAY)
def test_beyond_four_hours_all_pumps_are_ranked_and_the_warning_says_so(minutes, known) -> None:
    sent = mobilised(known)
    prediction = known.prediction(at=at(known, minutes), max_candidates=ALL)
    assert (sent in ranked(prediction), prediction["warning"], prediction["board_age_s"]) == (
        True,
        BOARD_UNKNOWN_WARNING,
        None,
    )


@pytest.mark.parametrize("minutes", [-15, 15])
def test_near_now_there_is_no_warning(minutes, known) -> None:
    sent = mobilised(known)
    prediction = known.prediction(at=at(known, minutes), max_candidates=ALL)
    assert (sent in ranked(prediction), prediction["warning"]) == (False, None)


@pytest.mark.parametrize("event", ["mobile", "arrived", "left"])
def test_a_pump_is_not_ranked_before_its_mobilisation_ends(event, known) -> None:
    first = ranked(known.prediction())[0]
    sent = known.post("/v1/mobilisations", {"incident_number": "1", "pump": first}).json()["id"]
    for each in ("mobile", "arrived", "left"):
        known.post(f"/v1/mobilisations/{sent}/{each}", {})
        if each == event:
            break
    assert first not in ranked(known.prediction(at=at(known, 16)))
    known.post(f"/v1/mobilisations/{sent}/returned", {})
    assert first in ranked(known.prediction(at=at(known, 16)))


def test_a_pump_off_the_run_now_is_not_ranked_in_a_quarter_of_an_hour(known) -> None:
    first = ranked(known.prediction())[0]
    known.put_pump(first, state="off_run")
    assert first not in ranked(known.prediction(at=at(known, 16)))


def test_a_batch_says_and_ranks_the_same(known) -> None:
    sent = mobilised(known)
    questions = [{"location": SOHO, "at": at(known, minutes)} for minutes in (16, 241, 0)]
    answers = [item["answer"] for item in known.ask_many(*questions).json()["items"]]
    found = [(answer["warning"], sent in ranked(answer)) for answer in answers]
    assert found == [(BOARD_PARTLY_KNOWN_WARNING, False), (BOARD_UNKNOWN_WARNING, True), (None, False)]
