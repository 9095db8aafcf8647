"""Messages for rejected values are readable and contain no patterns or terms of a library."""

from collections.abc import Iterator
from typing import Any

import pytest
from support.api_client import SOHO

from londonpump.service.field_formats import PATTERN_MESSAGES

CLOCKLESS = {"location": SOHO, "at": "2025-06-02T09:30:00"}


@pytest.mark.parametrize(
    ("method", "path", "body", "message"),
    [
        ("POST", "/v1/predictions", {"location": {"station_ground": "Lambeth"}}, "like H27"),
        ("POST", "/v1/predictions", {"location": {}}, "location: give one of: easting_m and northing_m"),
        ("POST", "/v1/predictions", [], "Content-Type: application/json"),
        ("POST", "/v1/predictions", CLOCKLESS, "like 2025-06-02T09:30:00Z"),
        ("POST", "/v1/mobilisations", {"incident_number": "a b", "pump": "h271"}, "like 012345-02062025"),
        ("PUT", "/v1/pumps/h27b", {"state": "off_run"}, "like H271"),
        ("PUT", "/v1/pumps/H271", {"state": "off_run", "reason": " "}, "Give the reason as text"),
        ("GET", "/v1/predictions/1", None, "is not an id of this service"),
    ],
)
def test_a_value_is_refused_in_words(method, path, body, message, shared_api) -> None:
    answer = shared_api.client.request(method, path, json=body, headers=shared_api.headers)
    assert answer.status_code == 422
    assert message in answer.json()["detail"]
    assert "Value error" not in answer.text


@pytest.mark.parametrize(
    ("body", "media", "message"),
    [
        (b"{bad", "application/json", "is not JSON"),
        (b'{"location": {}}', "application/x-www-form-urlencoded", "Content-Type: application/json"),
    ],
)
def test_a_body_is_refused_in_words(body, media, message, shared_api) -> None:
    headers = {**shared_api.headers, "Content-Type": media}
    answer = shared_api.client.post("/v1/predictions", content=body, headers=headers)
    assert (answer.status_code, message in answer.json()["detail"]) == (422, True)


def test_a_question_of_a_batch_is_refused_in_words(shared_api) -> None:
    (item,) = shared_api.ask_many({"location": {"station_ground": "Lambeth"}}).json()["items"]
    assert "like H27" in item["problem"]["detail"]


def test_every_pattern_of_the_document_has_words(shared_api) -> None:
    patterns = set(_patterns(shared_api.client.get("/openapi.json").json()))
    assert patterns == set(PATTERN_MESSAGES)


def _patterns(document: Any) -> Iterator[str]:
    if isinstance(document, dict):
        if isinstance(document.get("pattern"), str):
            yield document["pattern"]
        yield from document.get("patternProperties", ())
        document = list(document.values())
    if isinstance(document, list):
        for each in document:
            yield from _patterns(each)
