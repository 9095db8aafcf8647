"""Mobilisations that refer to a prediction: they take the announced time, and the arrival can be compared with it."""

from datetime import timedelta

import pytest
from support.accounts_service import bearer
from support.api_client import SOHO

INCIDENT = "000123-02062025"


@pytest.fixture
def prediction(api):
    return api.prediction(incident_number=INCIDENT, max_candidates=3)


def send(api, prediction, pump: str, **more):
    body = {"incident_number": INCIDENT, "pump": pump, "prediction_id": prediction["id"], **more}
    return api.post("/v1/mobilisations", body)


def test_it_takes_announced_times_place_and_recommended_pump(api, prediction) -> None:
    first = prediction["candidates"][0]
    sent = send(api, prediction, first["pump"]).json()
    times = {name: first[name] for name in ("p10_s", "p50_s", "p90_s")}
    more = {
        "chance_within_s": first["chance_within_s"],
        "has_warning": first["warning"]["risk_underestimated"],
    }
    assert sent["announced"] == {"model": api.model, **times, **more}
    assert (sent["location"], sent["recommended_pump"]) == (SOHO, first["pump"])


def test_arrival_stores_the_error_of_the_predicted_time(api, prediction) -> None:
    first = prediction["candidates"][0]
    mobilisation = send(api, prediction, first["pump"]).json()["id"]
    start = api.clock()
    api.clock.move(minutes=20)
    headers = bearer(api.live_service.login("olaf").json()["access_token"])
    for seconds, event in ((60, "mobile"), (first["p50_s"] + 30, "arrived")):
        at = (start + timedelta(seconds=seconds)).isoformat()
        answer = api.post(f"/v1/mobilisations/{mobilisation}/{event}", {"at": at}, headers=headers)
    assert answer.json()["outcome"]["error_s"] == pytest.approx(30, abs=0.01)


def test_the_second_pump_of_two_needs_no_reason(api, prediction) -> None:
    second = prediction["candidates"][1]
    sent = send(api, prediction, second["pump"])
    assert (sent.status_code, sent.json()["announced"]["p50_s"]) == (201, second["p50_s"])
    assert sent.json()["recommended_pump"] == prediction["candidates"][0]["pump"]


def test_another_pump_with_a_reason_is_an_override(api, prediction) -> None:
    sent = send(api, prediction, "H271", override_reason="needs the ladder").json()
    assert (sent["override_reason"], sent["announced"]) == ("needs the ladder", None)
    assert sent["recommended_pump"] == prediction["candidates"][0]["pump"]


def test_a_reason_where_the_recommended_pump_goes_is_422(api, prediction) -> None:
    rejection = send(api, prediction, prediction["candidates"][0]["pump"], override_reason="nearest")
    assert (rejection.status_code, rejection.json()["errors"][0]["field"]) == (422, "override_reason")


def test_what_is_stated_stays(api, prediction) -> None:
    announced = {"model": "by-hand", "p10_s": 1.0, "p50_s": 2.0, "p90_s": 3.0}
    announced |= {"chance_within_s": None, "has_warning": False}
    place = {"easting_m": 530_000.0, "northing_m": 181_000.0}
    sent = send(
        api, prediction, prediction["candidates"][0]["pump"], announced=announced, location=place
    ).json()
    assert (sent["announced"], sent["location"]) == (announced, place)


def test_a_prediction_of_another_incident_is_422(api, prediction) -> None:
    body = {"incident_number": "000999-02062025", "pump": prediction["candidates"][0]["pump"]}
    rejection = api.post("/v1/mobilisations", {**body, "prediction_id": prediction["id"]})
    assert (rejection.status_code, rejection.json()["errors"][0]["field"]) == (422, "prediction_id")


def test_a_prediction_of_another_system_tells_nothing(api) -> None:
    sent = api.post("/v1/mobilisations", {"incident_number": "1", "pump": "A241", "prediction_id": "other-7"})
    assert (sent.status_code, sent.json()["announced"]) == (201, None)


def test_a_place_that_was_only_named_is_not_that_of_the_incident(api) -> None:
    prediction = api.prediction(incident_number=INCIDENT, location={"station_ground": "A24"})
    assert send(api, prediction, prediction["candidates"][0]["pump"]).json()["location"] is None


def test_sent_pumps_of_other_incidents_count_and_own_ones_do_not(api) -> None:
    api.report_all_available()
    prediction = api.prediction(incident_number=INCIDENT)
    send(api, prediction, prediction["candidates"][0]["pump"])
    counts = [api.prediction(incident_number=number)["pumps_out"] for number in (INCIDENT, "000999-02062025")]
    assert counts == [0, 1]
