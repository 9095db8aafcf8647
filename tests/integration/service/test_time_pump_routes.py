"""`/predict/time_pump` through its route, on both engines: what is read, rejected, imputed and stored."""

import pytest
from support.service_with_model import live_service_with_model

from londonpump.persistence.database import connect, reading, writing
from londonpump.persistence.database.schema import predictions
from londonpump.persistence.repositories.predictions import RiskStation, put_risk_stations

ROUTE = "/predict/time_pump"


@pytest.fixture
def live_service(database_url, tmp_path, small_brigade):
    with live_service_with_model(database_url, tmp_path, small_brigade.bundle) as running:
        yield running


@pytest.fixture
def signed_in(live_service):
    return live_service.bearer("amelia")


@pytest.fixture
def ask(live_service, signed_in):
    return lambda **sent: live_service.client.post(ROUTE, **{"headers": signed_in, **sent})


def stored(live_service):
    engine = connect(live_service.url)
    with reading(engine) as connection:
        rows = connection.execute(predictions.select()).mappings().all()
    engine.dispose()
    return rows


def test_a_body_goes_before_the_query_field_by_field(ask, live_service) -> None:
    for body in ({"data": {"month": 7}}, {"json": {"month": 7}}, {"files": {"month": (None, "7")}}):
        ask(params={"month": 5, "temp": 9.5}, **body)
    predicted = {
        (row["inputs"]["month"], row["inputs"]["temp"], row["inputs"]["precip"])
        for row in stored(live_service)
    }
    assert predicted == {(7, 9.5, 0.0)}


def test_null_and_an_empty_field_are_not_sent(ask, live_service) -> None:
    assert ask(json={"month": None}).status_code == ask(data={"month": ""}).status_code == 200


def test_a_body_of_another_kind_tells_nothing(ask) -> None:
    assert ask(content=b"\xff\x00").status_code == 200


UNUSABLE = (
    ("Distance", -0.001),
    ("Distance", "nan"),
    ("Distance", "inf"),
    ("Distance", "far"),
    ("temp", "-inf"),
    ("month", 13),
    ("Station_Code_of_ressource", "ZZ9"),
    ("IncidentStationGround_Code", "ZZ9"),
)
TEXTS = (
    "DeployedFromLocation",
    "Appliance",
    "PropertyCategory",
    "AddressQualifier",
    "IncidentType",
    "PumpAvailable",
    "conditions",
)


def test_a_value_that_cannot_be_used_is_422_and_named(ask, live_service) -> None:
    sent = [(name, {how: {name: value}}) for name, value in UNUSABLE for how in ("params", "data", "json")]
    answers = [(name, ask(**how)) for name, how in sent]
    assert {answer.status_code for _, answer in answers} == {422}
    assert all(answer.json()["errors"][0]["field"].endswith(name) for name, answer in answers)
    assert stored(live_service) == []


def test_a_body_that_is_no_json_object_or_not_finite_is_422(live_service, signed_in) -> None:
    headers = {**signed_in, "Content-Type": "application/json"}
    bodies = (b"{", b"[]", b"3", b"[" * 10_000, b"\xff", b'{"temp": NaN}')
    answers = [live_service.client.post(ROUTE, content=body, headers=headers).status_code for body in bodies]
    assert answers == [422] * len(bodies)


def test_a_text_that_nobody_knows_is_not_stated(ask) -> None:
    filled = ask(params=dict.fromkeys(TEXTS, "Dragon \x00 '; --")).json()["imputed"]
    assert {f"{name}=not stated" for name in TEXTS} <= set(filled)


def test_what_is_not_sent_is_labelled(ask) -> None:
    filled = ask(params={"temp": 2.6}).json()["imputed"]
    assert "precip=default" in filled
    assert "temp=default" not in filled


def test_the_answer_is_stored_as_it_was_given(ask, live_service) -> None:
    predicted = ask().json()
    (row,) = stored(live_service)
    assert row["answer"] == predicted
    assert (row["endpoint"], row["response_time_s"], row["model"]) == (
        "time_pump",
        predicted["time_pump_s"],
        predicted["model"],
    )


def test_a_station_on_a_newer_list_is_warned_of(ask, live_service) -> None:
    listed_at = live_service.clock()
    engine = connect(live_service.url)
    with writing(engine) as connection:
        put_risk_stations(connection, [RiskStation(listed_at, "A21", "Paddington", "a test")])
    engine.dispose()
    predicted = ask(params={"Station_Code_of_ressource": "A21", "IncidentStationGround_Code": "A21"}).json()
    assert predicted["risk_reasons"][0] == "its station is on the list of risk stations"
    assert stored(live_service)[0]["risk_listed_at"] == listed_at


def test_the_model_s_own_list_counts_where_it_is_the_newest(ask, small_bundle) -> None:
    worst = max(small_bundle.risk_stations, key=small_bundle.risk_stations.get)
    predicted = ask(params={"Station_Code_of_ressource": worst, "IncidentStationGround_Code": worst}).json()
    assert predicted["risk_underestimated"]


def test_without_a_model_it_is_503(live_service_without_model) -> None:
    answer = live_service_without_model.client.post(
        ROUTE, headers=live_service_without_model.bearer("amelia")
    )
    assert (answer.status_code, "risk_underestimated" in answer.json()) == (503, False)


@pytest.fixture
def live_service_without_model(database_url, tmp_path):
    from support.accounts_service import run_live_service

    with run_live_service(database_url, tmp_path) as running:
        yield running
