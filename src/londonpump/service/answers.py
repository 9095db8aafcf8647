"""What the OpenAPI document says of refusals: `application/problem+json`, and which status a route can answer.

A route names in `responses=` what is its own (404, 409, 429 ...), by a description alone. What follows from a right,
a body or a parameter is added here, so that no route can forget it. A test calls every route and fails on a status
that the document does not hold.
"""

from functools import cache
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict

from londonpump.service.errors import PROBLEM_JSON

METHODS = frozenset({"get", "put", "post", "delete", "patch", "head", "options"})
MADE_BY_THE_FRAMEWORK = ("HTTPValidationError", "ValidationError")
WITH_A_RIGHT = {
    401: "No valid token, or its session has ended.",
    403: "The token has expired, or the role does not hold this right.",
}
WITH_A_BODY = {
    400: "The body cannot be read.",
    413: "The body is too large.",
}
WITH_VALUES = {422: "Values that cannot be used; `errors` names each."}
WITH_THE_DATABASE = {503: "Not now: the database is slow or no model is on duty. `Retry-After` says when."}


class FieldProblem(BaseModel):
    """One value that cannot be used."""

    field: str
    problem: str


class ProblemShown(BaseModel):
    """RFC 9457. errors: of values that cannot be used. state: the present one, where it stands in the way (409)."""

    model_config = ConfigDict(extra="forbid", title="Problem")

    type: str
    title: str
    status: int
    detail: str
    request_id: str
    errors: list[FieldProblem] | None = None
    state: dict[str, Any] | None = None


def describe_answers(app: FastAPI) -> None:
    """Let `/openapi.json` tell every refusal. For use once all routes are there."""

    of_the_framework = app.openapi

    @cache
    def document() -> dict[str, Any]:
        return described(of_the_framework())

    app.openapi = document  # type: ignore[method-assign]  # the framework's way to do it


def described(document: dict[str, Any]) -> dict[str, Any]:
    """The document with its refusals; changed in place."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name in MADE_BY_THE_FRAMEWORK:
        schemas.pop(name, None)
    problem = ProblemShown.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs"))
    schemas["Problem"] = problem
    for path in document["paths"].values():
        for method, operation in path.items():
            if method in METHODS:
                _describe(operation)
    return document


def _describe(operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    if _is_the_framework_s(responses.get("422")):
        # it says that a refusal is plain json
        del responses["422"]
    for status, description in _that_follow(operation).items():
        responses.setdefault(str(status), {"description": description})
    for status, response in responses.items():
        if int(status) >= HTTPStatus.BAD_REQUEST and "content" not in response:
            response["content"] = {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}}


def _that_follow(operation: dict[str, Any]) -> dict[int, str]:
    has_right, has_body = bool(operation.get("security")), "requestBody" in operation
    found: dict[int, str] = {}
    if has_right:
        found |= WITH_A_RIGHT
    if has_body:
        found |= WITH_A_BODY
    if has_body or operation.get("parameters"):
        found |= WITH_VALUES
    if has_right or has_body:
        found |= WITH_THE_DATABASE
    return found


def _is_the_framework_s(response: dict[str, Any] | None) -> bool:
    return response is not None and "HTTPValidationError" in str(response.get("content"))
