"""The original's contract, status code by status code, as its clients and its own API tests use it.

On SQLite; the tests of each route, in `integration/service`, run on PostgreSQL too.
"""

import pytest
from support.on_duty import desk_on_duty
from support.signing_in import bearer

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
def desk(tmp_path, small_brigade):
    with desk_on_duty(
        f"sqlite:///{tmp_path}/a.db", tmp_path, small_brigade.bundle, password_min=6
    ) as running:
        yield running


@pytest.fixture
def client(desk):
    return desk.client


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
    told = client.get("/me", headers=signed_in).json()
    assert (told["status"], set(told["user"])) == ("success", {"id", "username", "created_at"})


@pytest.mark.parametrize("route", ["/me", "/historique"])
def test_without_a_token_it_is_401(client, route) -> None:
    assert client.get(route).status_code == 401


@pytest.mark.parametrize("route", ["/me", "/historique"])
def test_with_an_expired_token_it_is_403(desk, signed_in, route) -> None:
    desk.clock.move(minutes=11)
    assert desk.client.get(route, headers=signed_in).status_code == 403


def test_a_prediction_without_a_token_is_401(client) -> None:
    assert client.post(TIME_PUMP, params=VALUES).status_code == 401


def test_a_prediction_says_seconds_and_risk(client, signed_in) -> None:
    told = client.post(TIME_PUMP, headers=signed_in, params=VALUES).json()
    assert told["time_pump"] == f"{round(told['time_pump_s'])} secondes"
    assert isinstance(told["risk_underestimated"], bool)


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
    told = client.post(TIME_PUMP, headers=signed_in).json()
    (entry,) = client.get("/historique", headers=signed_in).json()
    assert set(entry) == {"id", "userId", "prediction", "risk_underestimated", "created_at"}
    assert (entry["prediction"], entry["created_at"]) == (round(told["time_pump_s"]), "2025-06-02 09:30:00")


def test_the_document_tells_every_parameter_and_default(client) -> None:
    operation = client.get("/openapi.json").json()["paths"][TIME_PUMP]["post"]
    assert {each["name"]: each["schema"]["default"] for each in operation["parameters"]} == VALUES


def test_the_interactive_page_has_what_its_authorize_button_needs(client) -> None:
    assert client.get("/docs").status_code == 200
    schemes = client.get("/openapi.json").json()["components"]["securitySchemes"]
    assert schemes["OAuth2PasswordBearer"]["flows"]["password"]["tokenUrl"] == "login"
