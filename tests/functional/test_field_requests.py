"""Issue 11, the field case `api_requests`: requests as people and their programs send them, by A8, A10, A12, A14 and C1.

Where no point decides, what log.md calls right stands, and a clear refusal or the better answer passes.
"""

import gzip
import json
import re
from dataclasses import dataclass
from typing import Any

import pytest
from support.accounts_service import PASSWORD

HERE = {"latitude": 51.508, "longitude": -0.128}
DISTRICT = "CR0"
"""A postcode district that the small Brigade had calls from."""
JSON = {"Content-Type": "application/json"}
PREDICTIONS, TIME_PUMP, LOGIN, MOBILISATIONS = (
    "/v1/predictions",
    "/predict/time_pump",
    "/login",
    "/v1/mobilisations",
)


@dataclass(frozen=True)
class RequestCase:
    """A request and its right answer.

    statuses: any of them is right. says: patterns of the answer, for statuses from 400 on. bearer: how the header is
    made of the access token.
    """

    method: str
    path: str
    sent: dict[str, Any]
    statuses: tuple[int, ...]
    says: tuple[str, ...] = ()
    bearer: str = "Bearer {}"


def expect(statuses: int | tuple[int, ...], *says: str, **question: Any) -> RequestCase:
    """A question at the place HERE, unless it names another."""
    body = {"location": HERE, **question}
    return RequestCase("POST", PREDICTIONS, {"json": body}, _statuses(statuses), says)


def raw(statuses: int | tuple[int, ...], content: bytes, headers: dict[str, str], *says: str) -> RequestCase:
    """A question as bytes."""
    return RequestCase(
        "POST", PREDICTIONS, {"content": content, "headers": headers}, _statuses(statuses), says
    )


def other(method: str, path: str, statuses: int | tuple[int, ...], *says: str, **sent: Any) -> RequestCase:
    """Another request."""
    bearer = sent.pop("bearer", "Bearer {}")
    return RequestCase(method, path, sent, _statuses(statuses), says, bearer)


def _statuses(statuses: int | tuple[int, ...]) -> tuple[int, ...]:
    return statuses if isinstance(statuses, tuple) else (statuses,)


BODY = json.dumps({"location": HERE})
TWICE = '{"location":{"latitude":51.508,"longitude":-0.128},"location":{"latitude":51.6,"longitude":-0.3}}'
NOT_A_NUMBER = '{"location":{"latitude":NaN,"longitude":-0.128}}'
LOCATIONS = {
    "base": expect(200, incident_type="Fire"),
    "pc_unknown": expect(422, "ZZ99", location={"postcode_district": "ZZ99"}),
    "pc_outside": expect(422, "M1", location={"postcode_district": "M1"}),
    "pc_field_name": expect((200, 422), "postcode", location={"postcode": "CR0 1AA"}),
    "ground_lower": expect(200, location={"station_ground": "g30"}),
    "ground_name": expect((200, 422), "station_ground", location={"station_ground": "Wembley"}),
    "num_strings": expect((200, 422), "latitude", location={"latitude": "51.508", "longitude": "-0.128"}),
    "comma_dec": expect(422, "latitude", location={"latitude": "51,508", "longitude": "-0,128"}),
    "latlon_swapped": expect(422, "latitude", location={"latitude": -0.128, "longitude": 51.508}),
    "en_swapped": expect(422, "km from the nearest", location={"easting_m": 180000, "northing_m": 530000}),
    "en_km": expect(422, "km from the nearest", location={"easting_m": 530.0, "northing_m": 180.0}),
    "en_zero": expect(422, "km from the nearest", location={"easting_m": 0, "northing_m": 0}),
    "lon_sign": expect(200, location={"latitude": 51.508, "longitude": 0.428}),
    "four": expect(422, "give one of", location={**HERE, "easting_m": 530000, "northing_m": 180000}),
}
BODIES = {
    "form_body": other(
        "POST", PREDICTIONS, 422, "Content-Type", data={"latitude": "51.5", "longitude": "-0.1"}
    ),
    "no_ct": raw((200, 422), BODY.encode(), {}, "Content-Type"),
    "text_plain": raw((200, 422), BODY.encode(), {"Content-Type": "text/plain"}, "Content-Type"),
    "bom_json": raw(200, b"\xef\xbb\xbf" + BODY.encode(), JSON),
    "utf16_json": raw(200, BODY.encode("utf-16"), JSON),
    "gzip_body": raw((400, 415, 422), gzip.compress(BODY.encode()), {**JSON, "Content-Encoding": "gzip"}),
    "nan": raw(422, NOT_A_NUMBER.encode(), JSON, "latitude"),
    "dup_keys": raw((200, 422), TWICE.encode(), JSON),
    "at_naive": expect(422, "offset", at="2026-11-29T08:00:00"),
    "at_space": expect(200, at="2026-11-29 08:00:00Z"),
    "at_uk": expect(422, "body.at", at="29/11/2026 08:00"),
    "at_epoch": expect(422, "body.at", at=1764403200),
    "at_plus": expect(200, at="2026-07-01T08:00:00+01:00"),
    "at_plus_lost": expect(422, "body.at", at="2026-07-01T08:00:00 01:00"),
    "at_2030": expect(422, "2040", at="2099-07-01T08:00:00Z"),
    "kind_lower": expect((200, 422), "incident_type", incident_type="fire"),
    "kind_group": expect(422, "incident_type", incident_type="False Alarm"),
    "pumps_lower": expect(200, pumps=["a241", "A242"]),
    "pumps_unknown": expect(422, "Z991", pumps=["Z991"]),
    "pumps_visitor": expect(422, "C121", "K211", pumps=["C121", "K211"]),
    "trailing_slash": other(
        "POST", PREDICTIONS + "/", (200, 307, 404), json={"location": HERE}, follow_redirects=False
    ),
}
TOKENS = {
    "token_nobearer": other("GET", "/me", 401, bearer="{}"),
    "token_lower": other("GET", "/me", 200, bearer="bearer {}"),
    "token_quotes": other("GET", "/me", 401, "logged in|authenticated", bearer='Bearer "{}"'),
    "token_double": other("GET", "/me", 401, "logged in|authenticated", bearer="Bearer Bearer {}"),
    "token_jwtprefix": other("GET", "/me", 401, "logged in|authenticated", bearer="JWT {}"),
    "login_json": other(
        "POST", LOGIN, 422, "send a form|as a form", json={"username": "olaf", "password": PASSWORD}
    ),
    "login_user_case": other("POST", LOGIN, 200, data={"username": "Olaf", "password": PASSWORD}),
    "login_user_space": other("POST", LOGIN, (200, 400), data={"username": "olaf ", "password": PASSWORD}),
    "login_multipart": other(
        "POST", LOGIN, 200, files={"username": (None, "olaf"), "password": (None, PASSWORD)}
    ),
    "login_json_refresh": other("POST", "/refresh", 401, json={"refresh_token": "TOKEN"}),
    "register_json": other(
        "POST",
        "/register",
        (400, 403, 422),
        json={"username": "amelia", "password": "two loud lanterns", "confirm_password": "two loud lanterns"},
    ),
}
QUERIED = "?Station_Code_of_ressource=g30&IncidentStationGround_Code=g30&Distance=1.2"
ORIGINAL = {
    "timepump_query_lower": other("POST", TIME_PUMP + QUERIED, 200),
    "timepump_comma": other("POST", TIME_PUMP + "?Distance=1,2", 422, "Distance"),
    "timepump_json_strings": other("POST", TIME_PUMP, 200, json={"Distance": "1.2", "month": "6"}),
    "timepump_form": other(
        "POST", TIME_PUMP, 200, data={"Distance": "1.2", "month": "6", "Station_Code_of_ressource": "G30"}
    ),
    "timepump_unknown_station": other("POST", TIME_PUMP + "?Station_Code_of_ressource=Z99", 422, "Z99"),
    "timepump_metres": other("POST", TIME_PUMP + "?Distance=1200", 422, "Distance"),
    "timepump_month_name": other("POST", TIME_PUMP + "?month=Jun", 422, "month"),
    "tp608": other("POST", TIME_PUMP + "?Distance=608", (200, 422)),
    "tp_body_lower": other(
        "POST", TIME_PUMP, 422, "distance", json={"distance": 1.2, "station_code_of_ressource": "A21"}
    ),
    "tp_body_typo": other(
        "POST",
        TIME_PUMP,
        422,
        "Station_Code_of_resource",
        json={"Station_Code_of_resource": "A21", "Distance": 1.2},
    ),
    "tp_form_typo": other("POST", TIME_PUMP, 422, "distance", data={"distance": "1.2"}),
    "tp_form_comma": other("POST", TIME_PUMP, 422, "Distance", data={"Distance": "1,2"}),
    "tp_form_semantics": other("POST", TIME_PUMP, (200, 422), json={"IncidentType": "fire"}),
    "hist_space": other("GET", "/historique?created_at=2026-11-29%2008:00:00Z", (200, 404)),
    "hist_date": other("GET", "/historique?created_at=2026-11-29", (200, 404)),
    "hist_uk": other("GET", "/historique?created_at=29/11/2026", 422, "created_at"),
    "hist_user_case": other("GET", "/historique?username=Olaf&limit=1", (200, 404)),
}
ACTS = {
    "mob_ok": other("POST", MOBILISATIONS, 201, json={"incident_number": "000123-02062025", "pump": "A241"}),
    "mob_old_time": other(
        "POST",
        MOBILISATIONS,
        422,
        "offset",
        json={"incident_number": "000124-02062025", "pump": "A242", "at": "2025-06-02T08:05:00"},
    ),
    "head": other("HEAD", "/livez", 200),
    "head_readyz": other("HEAD", "/readyz", 200),
    "head_statusz": other("HEAD", "/statusz", 200),
    "head_docs": other("HEAD", "/docs", 200),
}
REQUESTS = {**LOCATIONS, **BODIES, **TOKENS, **ORIGINAL, **ACTS}


def send(api, one: RequestCase):
    """The answer to a request of the person who asks."""
    headers = {"Authorization": one.bearer.format(api.headers["Authorization"].removeprefix("Bearer "))}
    sent = {**one.sent, "headers": {**headers, **one.sent.get("headers", {})}}
    return api.client.request(one.method, one.path, **sent)


@pytest.mark.parametrize("name", sorted(REQUESTS))
def test_a_request_of_the_field_is_answered_rightly(name, shared_api) -> None:
    one = REQUESTS[name]
    answer = send(shared_api, one)
    assert answer.status_code in one.statuses, answer.text
    if answer.status_code >= 400:
        assert [text for text in one.says if not re.search(text, answer.text, re.IGNORECASE)] == [], (
            answer.text
        )
    if one.method == "HEAD":
        assert answer.content == b""


@pytest.mark.parametrize(
    "spelled", [DISTRICT.lower(), f" {DISTRICT} ", f"{DISTRICT} 1AA", "cr0 1aa", "CR01AA"]
)
def test_a_postcode_in_any_spelling_is_its_district(spelled, shared_api) -> None:
    """Issue 11, A12: full, in small letters, padded; until a gazetteer is loaded."""
    plain = shared_api.prediction(location={"postcode_district": DISTRICT})
    answer = shared_api.ask(location={"postcode_district": spelled})
    assert answer.status_code == 200, answer.text
    assert answer.json()["location"] == plain["location"]


@pytest.mark.parametrize("spelled", ["sw1a", "SW1A 1AA", "sw1a 1aa", " SW1A "])
def test_a_district_without_calls_is_named_whatever_its_spelling(spelled, shared_api) -> None:
    """Issue 11, A12: the district is understood, and its name is in the refusal."""
    plain = shared_api.ask(location={"postcode_district": "SW1A"})
    answer = shared_api.ask(location={"postcode_district": spelled})
    assert answer.status_code == plain.status_code
    if answer.status_code == 422:
        assert "SW1A" in answer.json()["detail"]
        assert "no past calls" in answer.json()["detail"]


def test_an_unknown_field_in_the_query_is_listed_in_a_header(shared_api) -> None:
    """Issue 11, A14: the original ignored it, so it is no error, but it is named."""
    answer = shared_api.client.post(TIME_PUMP + "?distance=1.2", headers=shared_api.headers)
    assert answer.status_code == 200, answer.text
    assert any("distance" in value.split(", ") or value == "distance" for value in answer.headers.values())


def test_a_mobilised_pump_is_not_available_before_it_has_returned(shared_api) -> None:
    """Issue 11, A8: 409 with the present state and what to do, and no second open mobilisation."""
    pump = next(code for code in reversed(shared_api.fleet()) if code != "A241")
    sent = {"incident_number": "000125-02062025", "pump": pump}
    first = shared_api.post(MOBILISATIONS, sent)
    assert first.status_code == 201, first.text
    answer = shared_api.client.put(
        f"/v1/pumps/{pump}", json={"state": "available"}, headers=shared_api.headers
    )
    assert answer.status_code == 409, answer.text
    assert [word for word in ("mobilised", "returned") if word not in answer.text] == []
    again = shared_api.post(MOBILISATIONS, {**sent, "incident_number": "000126-02062025"})
    assert again.status_code == 409, again.text


def test_a_category_in_another_case_is_the_same_category(shared_api) -> None:
    """Issue 11, B5 at the other door: a category that the model does not know would give another answer."""
    stated = {"property_category": "Dwelling", "address_qualifier": "Within same building"}
    spelled = {name: text.upper() for name, text in stated.items()}
    plain, shouted = (shared_api.prediction(incident_type="Fire", **texts) for texts in (stated, spelled))
    assert shouted["candidates"] == plain["candidates"]
