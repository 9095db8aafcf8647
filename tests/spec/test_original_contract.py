"""The original's contract, status code by status code, as its clients and its own API tests use it.

On SQLite; the tests of each route, in `integration/service`, run on PostgreSQL too.
"""

from collections import Counter
from datetime import UTC, datetime

import pytest
from support.accounts_service import bearer, run_live_service
from support.original_responses import (
    EXPIRED,
    MADE_AT,
    NOBODY,
    OTHER,
    PASSWORD,
    READER,
    ROWS,
    SIGNED_IN,
    Row,
    faults,
)
from support.service_with_model import live_service_with_model

from londonpump.persistence.database import connect, writing
from londonpump.persistence.repositories.predictions import ImportedPrediction, put_imported_predictions

USER = {"username": "test", "password": "test-password", "passwordConfirm": "test-password"}
LOGIN = {"username": "test", "password": "test-password"}
VALUES = {
    "DeployedFromLocation": "Home Station",
    "Appliance": "Pump Ladder",
    "PropertyCategory": "Other Residential",
    "AddressQualifier": "Correct incident location",
    "IncidentType": "Fire",
    "Distance": 0.608,
    "TotalOfPumpInLondon_Out": 3,
    "Station_Code_of_ressource": "G30",
    "IncidentStationGround_Code": "G30",
    "PumpAvailable": "2",
    "month": 1,
    "temp": 2.6,
    "precip": 0.0,
    "cloudcover": 0.0,
    "visibility": 28.3,
    "conditions": "Clear",
    "workingday": 1,
    "school_holidays": 0,
    "congestion_rate": 0.04,
}
TIME_PUMP = "/predict/time_pump"


@pytest.fixture
def live_service(tmp_path, small_brigade):
    with live_service_with_model(
        f"sqlite:///{tmp_path}/a.db", tmp_path, small_brigade.bundle, password_min=6
    ) as running:
        yield running


@pytest.fixture
def client(live_service):
    return live_service.client


@pytest.fixture
def token(client):
    client.post("/register", json=USER)
    return client.post("/login", data=LOGIN).json()["access_token"]


@pytest.fixture
def signed_in(token):
    return bearer(token)


def test_the_status_is_as_it_was(client) -> None:
    assert client.get("/").json() == {"message": "Bienvenue sur l'api", "statut": "Ready"}


def test_register_gives_id_name_and_moment(client) -> None:
    answer = client.post("/register", json=USER)
    assert (answer.status_code, set(answer.json())) == (201, {"id", "username", "created_at"})


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, 409),
        ({"username": "other", "passwordConfirm": "test-password2"}, 400),
        ({"username": "other", "password": "12345", "passwordConfirm": "12345"}, 422),
        ({"username": "other", "password": "123456", "passwordConfirm": "123456"}, 201),
    ],
)
def test_register_answers_as_it_did(client, changes, status) -> None:
    client.post("/register", json=USER)
    assert client.post("/register", json={**USER, **changes}).status_code == status


def test_register_without_a_name_is_422(client) -> None:
    assert (
        client.post("/register", json={"password": "123456", "passwordConfirm": "123456"}).status_code == 422
    )


def test_login_gives_a_token_and_its_end(client) -> None:
    client.post("/register", json=USER)
    answer = client.post(
        "/login",
        content="username=test&password=test-password",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert (answer.status_code, answer.json()["token_expiry"]) == (200, "02/06/2025, 09:40:00")


def test_a_wrong_login_is_400(client) -> None:
    assert client.post("/login", data={**LOGIN, "username": "test2"}).status_code == 400


def test_refresh_takes_a_valid_access_token(client, signed_in) -> None:
    answer = client.post("/refresh", headers=signed_in)
    assert client.get("/me", headers=bearer(answer.json()["access_token"])).status_code == 200


def test_me_tells_status_and_user(client, signed_in) -> None:
    response_body = client.get("/me", headers=signed_in).json()
    assert (response_body["status"], set(response_body["user"])) == (
        "success",
        {"id", "username", "created_at"},
    )


@pytest.mark.parametrize("route", ["/me", "/historique"])
def test_without_a_token_it_is_401(client, route) -> None:
    assert client.get(route).status_code == 401


@pytest.mark.parametrize("route", ["/me", "/historique"])
def test_with_an_expired_token_it_is_403(live_service, signed_in, route) -> None:
    live_service.clock.move(minutes=11)
    assert live_service.client.get(route, headers=signed_in).status_code == 403


def test_a_prediction_without_a_token_is_401(client) -> None:
    assert client.post(TIME_PUMP, params=VALUES).status_code == 401


def test_a_prediction_says_seconds_and_risk(client, signed_in) -> None:
    response_body = client.post(TIME_PUMP, headers=signed_in, params=VALUES).json()
    assert response_body["time_pump"] == f"{round(response_body['time_pump_s'])} secondes"
    assert isinstance(response_body["risk_underestimated"], bool)


def test_nothing_sent_means_the_original_s_defaults_however_they_are_sent(client, signed_in) -> None:
    sent = [{}, {"params": VALUES}, {"data": VALUES}, {"json": VALUES}]
    answers = [client.post(TIME_PUMP, headers=signed_in, **how).json() for how in sent]
    assert len({answer["time_pump_s"] for answer in answers}) == 1


def test_the_original_s_own_two_tests_of_predictions_pass(client, signed_in) -> None:
    client.headers["Content-Type"] = "application/x-www-form-urlencoded"
    assert client.post(TIME_PUMP, data=VALUES, headers=signed_in).status_code == 200
    assert client.get("/historique?username=test", headers=signed_in).status_code == 200


def test_history_without_predictions_is_404(client, signed_in) -> None:
    assert client.get("/historique", headers=signed_in).status_code == 404


def test_history_lists_what_was_predicted(client, signed_in) -> None:
    response_body = client.post(TIME_PUMP, headers=signed_in).json()
    (entry,) = client.get("/historique", headers=signed_in).json()
    assert set(entry) == {"id", "userId", "prediction", "risk_underestimated", "created_at"}
    assert (entry["prediction"], entry["created_at"]) == (
        round(response_body["time_pump_s"]),
        "2025-06-02 09:30:00",
    )


def test_the_document_tells_every_parameter_and_default(client) -> None:
    operation = client.get("/openapi.json").json()["paths"][TIME_PUMP]["post"]
    assert {each["name"]: each["schema"]["default"] for each in operation["parameters"]} == VALUES


def test_the_interactive_page_has_what_its_authorize_button_needs(client) -> None:
    assert client.get("/docs").status_code == 200
    schemes = client.get("/openapi.json").json()["components"]["securitySchemes"]
    assert schemes["OAuth2PasswordBearer"]["flows"]["password"]["tokenUrl"] == "login"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory, small_brigade):
    """A service with the table's accounts, and the Authorization header of each who."""
    folder = tmp_path_factory.mktemp("recorded")
    url = f"sqlite:///{folder}/a.db"
    with live_service_with_model(url, folder, small_brigade.bundle, password_min=6) as live_service:
        reader = live_service.add(READER, password=PASSWORD)
        live_service.add(OTHER, password=PASSWORD)
        engine = connect(url)
        made_at = datetime.fromisoformat(MADE_AT).replace(tzinfo=UTC)
        with writing(engine) as connection:
            put_imported_predictions(
                connection, [ImportedPrediction("ab" * 16, reader, made_at, "time_pump", 316.4, True)]
            )
        engine.dispose()
        expired = live_service.login(READER, PASSWORD).json()["access_token"]
        live_service.clock.move(minutes=10)
        token = live_service.login(READER, PASSWORD).json()["access_token"]
        yield live_service, {SIGNED_IN: f"Bearer {token}", EXPIRED: f"Bearer {expired}"}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.request}: {row.name}")
def test_an_answer_is_as_the_original_s(row: Row, recorded) -> None:
    """Issue 11, C1: status, media type, shape, texts and types; where we differ on purpose, the status we mean."""
    live_service, tokens = recorded
    method, path = row.request.split()
    headers = dict(row.send.get("headers", {}))
    if row.who != NOBODY:
        headers["Authorization"] = tokens.get(row.who, row.who)
    answer = live_service.client.request(method, path, **{**row.send, "headers": headers})
    assert answer.status_code == (row.ours or row.status), answer.text
    assert answer.headers["content-type"] == row.media
    if row.ours is None and row.body is not None:
        assert faults(answer.json(), row.body) == []


def test_the_table_holds_what_the_issue_asks_for() -> None:
    assert len(ROWS) >= 70
    assert max(Counter((row.request, row.name) for row in ROWS).values()) == 1


def test_a_refusal_without_a_token_says_how_to_sign_in(recorded) -> None:
    """Issue 11, C1."""
    live_service, _ = recorded
    for route in ("/me", "/historique"):
        assert live_service.client.get(route).headers["www-authenticate"] == "Bearer"


def test_the_moment_of_a_registration_is_never_the_client_s(client) -> None:
    """Issue 11, C1: created_at is taken and ignored."""
    answer = client.post("/register", json={**USER, "created_at": "2009-01-01T00:00:00"})
    assert answer.json()["created_at"] == "2025-06-02 09:30:00"


def test_one_account_has_one_id_on_every_route(client, signed_in) -> None:
    """Issue 11, C1."""
    own = client.get("/me", headers=signed_in).json()["user"]["id"]
    response_body = client.post(TIME_PUMP, headers=signed_in).json()
    (entry,) = client.get("/historique", headers=signed_in).json()
    assert (entry["id"], entry["userId"]) == (response_body["id"], own)


@pytest.mark.parametrize(("minutes", "ends"), [(10, "09:40:00"), (1, "09:31:00"), (720, "21:30:00")])
def test_the_lifetime_of_a_token_is_a_setting(tmp_path, minutes, ends) -> None:
    """Issue 11, C1."""
    url = f"sqlite:///{tmp_path}/a.db"
    with run_live_service(url, tmp_path, token_minutes=minutes) as live_service:
        headers = live_service.bearer("amelia")
        assert live_service.login("amelia").json()["token_expiry"] == f"02/06/2025, {ends}"
        live_service.clock.move(minutes=minutes, seconds=-1)
        assert live_service.client.get("/me", headers=headers).status_code == 200
        live_service.clock.move(seconds=1)
        assert live_service.client.get("/me", headers=headers).status_code in {401, 403}


def test_json_without_a_content_type_is_read_for_a_time_too(client, signed_in) -> None:
    """Issue 11, C1: it is not answered for the default distance."""
    near, far = (
        client.post(TIME_PUMP, headers=signed_in, content=b'{"Distance": %d}' % distance)
        for distance in (1, 6)
    )
    assert near.json()["time_pump_s"] < far.json()["time_pump_s"]
    assert client.post(TIME_PUMP, headers=signed_in, content=b"no json").status_code == 200
