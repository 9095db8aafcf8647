"""Issue 11, A12: codes and postcodes as people write them, and the prediction that a mobilisation names."""

import pytest


@pytest.mark.parametrize("text", ["se1", "SE1 7PB", "se1 7pb", "se17pb", " SE1 "])
def test_a_full_postcode_is_answered_for_its_district(text, asking_once) -> None:
    told = asking_once.told(place={"postcode_district": text})
    expected = asking_once.told(place={"postcode_district": "SE1"})
    assert told["place"] == expected["place"]
    assert told["place"]["named"] == "SE1"


def test_a_station_ground_and_pumps_are_read_in_small_letters(asking_once) -> None:
    told = asking_once.told(place={"station_ground": " a24"}, pumps=["a241", "a211 "])
    assert told["place"]["station_ground"]["code"] == "A24"
    assert {each["pump"] for each in told["candidates"]} == {"A241", "A211"}


def test_the_board_reads_codes_in_small_letters(asking) -> None:
    headers = asking.desk.bearer("feed", "service")
    body = {"state": "standby", "station_code": "g30"}
    put = asking.client.put("/v1/pumps/a241", json=body, headers=asking.headers).json()
    assert (put["code"], put["station_code"]) == ("A241", "G30")
    sent = asking.post(
        "/v1/mobilisations",
        {"incident_number": "1", "pump": "a211", "recommended_pump": "a212", "override_reason": "foam"},
    ).json()
    assert (sent["pump"], sent["recommended_pump"]) == ("A211", "A212")
    pumps = [{"pump": "h271", "state": "standby", "station_code": "a24"}]
    at = asking.clock().isoformat()
    taken = asking.client.put("/v1/board", json={"at": at, "pumps": pumps}, headers=headers).json()
    seen = {pump["code"]: pump["station_code"] for pump in taken["board"]["pumps"]}
    assert (taken["ignored"], seen["H271"]) == ([], "A24")


def test_a_colleague_s_prediction_is_read_once_a_mobilisation_names_it(asking) -> None:
    told = asking.told(incident_number="1")
    colleague = asking.desk.bearer("amelia")
    before = asking.again(told["id"], headers=colleague)
    body = {"incident_number": "1", "pump": told["candidates"][0]["pump"], "prediction_id": told["id"]}
    asking.post("/v1/mobilisations", body)
    after = asking.again(told["id"], headers=colleague)
    assert (before.status_code, after.status_code, after.json()) == (404, 200, told)


def test_a_time_of_the_original_s_kind_stays_its_owner_s(asking) -> None:
    theirs = asking.client.post("/predict/time_pump", headers=asking.headers).json()["id"]
    body = {"incident_number": "1", "pump": "A211", "prediction_id": theirs}
    assert asking.post("/v1/mobilisations", body).status_code == 201
    # ids of the original are no ids of /v1/predictions
    assert asking.again(theirs, headers=asking.desk.bearer("amelia")).status_code in {404, 422}
