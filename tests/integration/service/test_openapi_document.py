"""Issue 11, A11: the OpenAPI document describes every field, and its examples work."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from openapi_spec_validator import validate
from requests import Response
from support.contract_service import Contract, contract_of

from londonpump.assembly import create_app
from londonpump.service.middleware import LARGE_BODIES
from londonpump.settings import Settings

DOCUMENT = create_app(Settings()).openapi()
SCHEMAS = DOCUMENT["components"]["schemas"]
OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}
BODIES = [
    (label, media)
    for label, operation in OPERATIONS.items()
    for media in operation.get("requestBody", {}).get("content", {})
]
OF_THE_FRAMEWORK = {"Successful Response", "Service Unavailable", "Validation Error"}
PUBLIC = {
    "GET /", "POST /register", "POST /login", "GET /livez", "GET /readyz", "GET /metrics",
}  # fmt: skip
OPTIONAL = {"POST /refresh", "POST /predict/time_pump", "POST /v1/mobilisations/{mobilisation_id}/{event}"}
ID = re.compile(r"[a-z]+(_[a-z]+){0,4}")
READ_WELL = {
    "POST /v1/predictions": "rank_pumps",
    "POST /v1/mobilisations": "record_mobilisation",
    "POST /login": "sign_in",
}
UNPROCESSABLE, FAILED = 422, 500
OF_EVERYBODY = sorted(PUBLIC | {"POST /refresh"})


@pytest.fixture(scope="module")
def contract(small_brigade, tmp_path_factory) -> Iterator[Contract]:
    with contract_of(small_brigade.bundle, tmp_path_factory.mktemp("document")) as running:
        yield running


def test_the_document_is_valid() -> None:
    validate(DOCUMENT)


def test_every_field_has_a_description() -> None:
    fields = {
        f"{name}.{field}": inner
        for name, schema in SCHEMAS.items()
        for field, inner in schema.get("properties", {}).items()
    }
    assert len(fields) > 200
    assert [name for name, inner in fields.items() if not inner.get("description", "").strip()] == []


def test_every_parameter_has_a_description() -> None:
    parameters = {
        f"{label}: {each['name']}": each
        for label, operation in OPERATIONS.items()
        for each in operation.get("parameters", ())
    }
    assert [name for name, each in parameters.items() if not each.get("description", "").strip()] == []


def test_every_answer_has_a_description_of_its_own() -> None:
    answers = {
        f"{label} {status}": response["description"]
        for label, operation in OPERATIONS.items()
        for status, response in operation["responses"].items()
    }
    assert [name for name, text in answers.items() if text in OF_THE_FRAMEWORK or not text.strip()] == []


def test_operation_ids_read_well() -> None:
    ids = [operation["operationId"] for operation in OPERATIONS.values()]
    assert [each for each in ids if not ID.fullmatch(each)] == []
    assert [each for each in ids if each.endswith(("_get", "_post", "_put", "_patch", "_delete"))] == []
    assert len(set(ids)) == len(ids)
    assert {label: OPERATIONS[label]["operationId"] for label in READ_WELL} == READ_WELL


def test_the_server_is_named() -> None:
    assert [server["url"] for server in DOCUMENT["servers"]] == ["/"]


def test_every_operation_says_whether_it_needs_a_token() -> None:
    assert [label for label, operation in OPERATIONS.items() if "security" not in operation] == []
    assert {label for label, operation in OPERATIONS.items() if operation["security"] == []} == PUBLIC


@pytest.mark.parametrize(
    "label", [label for label, operation in OPERATIONS.items() if "requestBody" in operation]
)
def test_a_body_that_may_be_left_out_says_so_and_no_body_is_null(label: str) -> None:
    body = OPERATIONS[label]["requestBody"]
    assert body.get("required", False) is (label not in OPTIONAL)
    for media in body["content"].values():
        assert "anyOf" not in media["schema"]
        assert "$ref" in media["schema"] or label == "POST /predict/time_pump"


@pytest.mark.parametrize(("label", "media"), BODIES)
def test_the_example_of_a_body_works(label: str, media: str, contract: Contract) -> None:
    """The examples of "Try it out" are accepted; a 404 for an unknown name counts as accepted."""
    method, path = label.split()
    operation = OPERATIONS[label]
    example = operation["requestBody"]["content"][media]["example"]
    names = {
        each["name"]: _real(each, contract)
        for each in operation.get("parameters", ())
        if each["in"] == "path"
    }
    sent = {"json": example} if media == "application/json" else {"data": example}
    if media == "multipart/form-data":
        sent["files"] = {"": b""}
    contract.forget_attempts()
    answer = contract.client.request(method, path.format(**names), headers=contract.headers("admin"), **sent)
    assert answer.status_code != UNPROCESSABLE, answer.text
    assert answer.status_code < FAILED


@pytest.mark.parametrize("label", OF_EVERYBODY)
def test_what_everybody_may_ask_says_how_long_a_query_may_be(label: str, contract: Contract) -> None:
    method, path = label.split()
    answer = contract.client.request(method, path, params={"a": "b" * 4_096})
    assert answer.status_code == 414
    _assert_documented(label, answer)


@pytest.mark.parametrize("label", sorted(OPERATIONS))
def test_every_operation_says_that_a_body_can_be_too_large(label: str, contract: Contract) -> None:
    method, path = label.split()
    headers = contract.headers("admin") | {"Content-Type": "application/json"}
    body = b" " * (1_000_001 if path in LARGE_BODIES else 65_537)
    answer = contract.client.request(method, path, data=body, headers=headers)
    assert answer.status_code == 413
    _assert_documented(label, answer)


def test_readiness_may_be_refused_as_well_as_be_none() -> None:
    content = OPERATIONS["GET /readyz"]["responses"]["503"]["content"]
    assert {media: each["schema"]["$ref"].rpartition("/")[2] for media, each in content.items()} == {
        "application/json": "Readiness",
        "application/problem+json": "Problem",
    }


def _assert_documented(label: str, answer: Response) -> None:
    documented = OPERATIONS[label]["responses"].get(str(answer.status_code), {"content": {}})
    assert answer.headers["content-type"] in documented["content"]


def test_optional_bodies_can_be_left_out(contract: Contract) -> None:
    headers = contract.headers("admin")
    # not the first one: the example of its withdrawal works too
    mobilisation = contract.real["mobilisation_id"][1]
    for path in ("/refresh", "/predict/time_pump", f"/v1/mobilisations/{mobilisation}/mobile"):
        assert contract.client.post(path, headers=headers).status_code == 200


def _real(parameter: dict[str, Any], contract: Contract) -> str:
    if parameter["name"] in contract.real:
        return str(contract.real[parameter["name"]][0])
    schema = parameter["schema"]
    if "$ref" in schema:
        schema = SCHEMAS[schema["$ref"].rpartition("/")[2]]
    return str(schema["enum"][0])
