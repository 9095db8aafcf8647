"""A mobilisation that names its prediction: it takes what was announced, and its arrival closes the loop."""

from datetime import timedelta

import pytest
from support.asking import SOHO
from support.signing_in import bearer

INCIDENT = "000123-02062025"


@pytest.fixture
def told(asking):
    return asking.told(incident_number=INCIDENT, return_at_most=3)


def send(asking, told, pump: str, **more):
    body = {"incident_number": INCIDENT, "pump": pump, "prediction_id": told["id"], **more}
    return asking.post("/v1/mobilisations", body)


def test_it_takes_announced_times_place_and_recommended_pump(asking, told) -> None:
    first = told["candidates"][0]
    sent = send(asking, told, first["pump"]).json()
    times = {name: first[name] for name in ("p10_s", "p50_s", "p90_s")}
    assert sent["announced"] == {"model": asking.model, **times}
    assert (sent["place"], sent["recommended_pump"]) == (SOHO, first["pump"])


def test_arrival_stores_the_error_of_the_predicted_time(asking, told) -> None:
    first = told["candidates"][0]
    mobilisation = send(asking, told, first["pump"]).json()["id"]
    start = asking.clock()
    asking.clock.move(minutes=20)
    headers = bearer(asking.desk.login("olaf").json()["access_token"])
    for seconds, event in ((60, "mobile"), (first["p50_s"] + 30, "arrived")):
        at = (start + timedelta(seconds=seconds)).isoformat()
        answer = asking.post(f"/v1/mobilisations/{mobilisation}/{event}", {"at": at}, headers=headers)
    assert answer.json()["outcome"]["error_s"] == pytest.approx(30, abs=0.01)


def test_the_second_pump_of_two_needs_no_reason(asking, told) -> None:
    second = told["candidates"][1]
    sent = send(asking, told, second["pump"])
    assert (sent.status_code, sent.json()["announced"]["p50_s"]) == (201, second["p50_s"])
    assert sent.json()["recommended_pump"] == told["candidates"][0]["pump"]


def test_another_pump_with_a_reason_is_an_override(asking, told) -> None:
    sent = send(asking, told, "H271", override_reason="needs the ladder").json()
    assert (sent["override_reason"], sent["announced"]) == ("needs the ladder", None)
    assert sent["recommended_pump"] == told["candidates"][0]["pump"]


def test_a_reason_where_the_recommended_pump_goes_is_422(asking, told) -> None:
    refused = send(asking, told, told["candidates"][0]["pump"], override_reason="nearest")
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "override_reason")


def test_what_is_stated_stays(asking, told) -> None:
    announced = {"model": "by-hand", "p10_s": 1.0, "p50_s": 2.0, "p90_s": 3.0}
    place = {"easting_m": 530_000.0, "northing_m": 181_000.0}
    sent = send(asking, told, told["candidates"][0]["pump"], announced=announced, place=place).json()
    assert (sent["announced"], sent["place"]) == (announced, place)


def test_a_prediction_of_another_incident_is_422(asking, told) -> None:
    body = {"incident_number": "000999-02062025", "pump": told["candidates"][0]["pump"]}
    refused = asking.post("/v1/mobilisations", {**body, "prediction_id": told["id"]})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "prediction_id")


def test_a_prediction_of_another_system_tells_nothing(asking) -> None:
    sent = asking.post(
        "/v1/mobilisations", {"incident_number": "1", "pump": "A241", "prediction_id": "other-7"}
    )
    assert (sent.status_code, sent.json()["announced"]) == (201, None)


def test_a_place_that_was_only_named_is_not_that_of_the_incident(asking) -> None:
    told = asking.told(incident_number=INCIDENT, place={"station_ground": "A24"})
    assert send(asking, told, told["candidates"][0]["pump"]).json()["place"] is None


def test_sent_pumps_of_other_incidents_count_and_own_ones_do_not(asking) -> None:
    asking.know_the_board()
    told = asking.told(incident_number=INCIDENT)
    send(asking, told, told["candidates"][0]["pump"])
    counts = [asking.told(incident_number=number)["pumps_out"] for number in (INCIDENT, "000999-02062025")]
    assert counts == [0, 1]
