"""Issue 11, A12: codes and postcodes as people write them, and the prediction that a mobilisation names."""

import pytest


@pytest.mark.parametrize("text", ["se1", "SE1 7PB", "se1 7pb", "se17pb", " SE1 "])
def test_a_full_postcode_is_answered_for_its_district(text, shared_api) -> None:
    prediction = shared_api.prediction(location={"postcode_district": text})
    expected = shared_api.prediction(location={"postcode_district": "SE1"})
    assert prediction["location"] == expected["location"]
    assert prediction["location"]["area"] == "SE1"


def test_a_station_ground_and_pumps_are_read_in_small_letters(shared_api) -> None:
    prediction = shared_api.prediction(location={"station_ground": " a24"}, pumps=["a241", "a211 "])
    assert prediction["location"]["station_ground"]["code"] == "A24"
    assert {each["pump"] for each in prediction["candidates"]} == {"A241", "A211"}


def test_the_board_reads_codes_in_small_letters(api) -> None:
    headers = api.live_service.bearer("feed", "service")
    body = {"state": "standby", "station_code": "g30"}
    put = api.client.put("/v1/pumps/a241", json=body, headers=api.headers).json()
    assert (put["code"], put["station_code"]) == ("A241", "G30")
    sent = api.post(
        "/v1/mobilisations",
        {"incident_number": "1", "pump": "a211", "recommended_pump": "a212", "override_reason": "foam"},
    ).json()
    assert (sent["pump"], sent["recommended_pump"]) == ("A211", "A212")
    pumps = [{"pump": "h271", "state": "standby", "station_code": "a24"}]
    at = api.clock().isoformat()
    taken = api.client.put("/v1/board", json={"at": at, "pumps": pumps}, headers=headers).json()
    seen = {pump["code"]: pump["station_code"] for pump in taken["board"]["pumps"]}
    assert (taken["unknown_pumps"], seen["H271"]) == ([], "A24")


def test_a_colleague_s_prediction_is_read_once_a_mobilisation_names_it(api) -> None:
    prediction = api.prediction(incident_number="1")
    colleague = api.live_service.bearer("amelia")
    before = api.again(prediction["id"], headers=colleague)
    body = {
        "incident_number": "1",
        "pump": prediction["candidates"][0]["pump"],
        "prediction_id": prediction["id"],
    }
    api.post("/v1/mobilisations", body)
    after = api.again(prediction["id"], headers=colleague)
    assert (before.status_code, after.status_code, after.json()) == (404, 200, prediction)


def test_a_time_of_the_original_s_kind_stays_its_owner_s(api) -> None:
    theirs = api.client.post("/predict/time_pump", headers=api.headers).json()["id"]
    body = {"incident_number": "1", "pump": "A211", "prediction_id": theirs}
    assert api.post("/v1/mobilisations", body).status_code == 201
    # ids of the original are no ids of /v1/predictions
    assert api.again(theirs, headers=api.live_service.bearer("amelia")).status_code in {404, 422}
