"""Issue 11, A10: HEAD for monitors, a form where JSON was sent, and the + of an offset in a query."""

import pytest

PUBLIC = ("/livez", "/readyz", "/", "/metrics", "/docs", "/docs/start.js", "/openapi.json")


@pytest.mark.parametrize("path", PUBLIC)
def test_a_monitor_s_head_is_answered_as_get_is_without_a_body(path, shared_api) -> None:
    got, probed = (shared_api.client.request(method, path) for method in ("GET", "HEAD"))
    assert (probed.status_code, probed.content) == (got.status_code, b"") == (200, b"")
    assert probed.headers["Content-Type"] == got.headers["Content-Type"]


@pytest.mark.parametrize("path", ["/statusz", "/v1/board", "/me", "/historique"])
def test_head_needs_the_right_that_get_needs(path, shared_api) -> None:
    answers = [shared_api.client.head(path, headers=headers) for headers in (None, shared_api.headers)]
    assert answers[0].status_code == 401
    assert answers[1].status_code == shared_api.client.get(path, headers=shared_api.headers).status_code
    assert [answer.content for answer in answers] == [b"", b""]


def test_head_where_there_is_no_get_is_405(shared_api) -> None:
    answer = shared_api.client.head("/login")
    assert (answer.status_code, answer.content) == (405, b"")


def test_a_service_that_is_not_ready_says_so_to_head_too(live_service) -> None:
    assert (
        live_service.client.head("/readyz").status_code
        == live_service.client.get("/readyz").status_code
        == 503
    )


def test_head_is_counted_as_head_under_its_route(shared_api) -> None:
    shared_api.client.head("/livez")
    counted = 'londonpump_request_seconds_count{method="HEAD",route="/livez",status="200"}'
    assert counted in shared_api.client.get("/metrics").text


@pytest.mark.parametrize(
    "sent",
    [
        {"json": {"username": "olaf", "password": "x"}},
        {"content": b"username=olaf", "headers": {"Content-Type": "text/plain"}},
        {},
    ],
    ids=["json", "text", "nothing"],
)
def test_a_sign_in_that_is_no_form_is_told_to_send_one(sent, shared_api) -> None:
    answer = shared_api.client.post("/login", **sent)
    assert answer.status_code == 422
    assert "Send a form with username and password" in answer.text
    assert "Field required" not in answer.text


def test_a_form_without_a_field_is_told_which(shared_api) -> None:
    answer = shared_api.client.post("/login", data={"username": "olaf"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "body.password")


@pytest.mark.parametrize("value", ["2025-06-02T09:30:00 01:00", "2025-06-02 09:30:00.250 0100"])
def test_an_unencoded_plus_in_a_query_is_told_how_to_write_it(value, shared_api) -> None:
    answer = shared_api.client.get("/historique", params={"created_at": value}, headers=shared_api.headers)
    assert (answer.status_code, "%2B" in answer.json()["detail"][0]["msg"]) == (422, True)


def test_an_encoded_plus_is_read(shared_api) -> None:
    answer = shared_api.client.get(
        "/historique?created_at=2025-06-02T09:30:00%2B01:00", headers=shared_api.headers
    )
    assert answer.status_code == 404


def test_a_blank_in_an_instant_of_a_body_is_not_taken_for_a_plus(shared_api) -> None:
    body = {"location": {"station_ground": "A24"}, "at": "2025-06-02T09:30:00 01:00"}
    answer = shared_api.client.post("/v1/predictions", json=body, headers=shared_api.headers)
    assert (answer.status_code, "%2B" in answer.text) == (422, False)
