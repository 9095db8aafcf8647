"""What the OpenAPI document says of refusals: `application/problem+json`, and which status a route can answer.

A route names in `responses=` what is its own (404, 409, 429 ...), by a description alone. What follows from a right,
a body or a parameter is added here, so that no route can forget it. A test calls every route and fails on a status
that the document does not hold.
"""

from functools import cache
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from pydantic import ConfigDict

from londonpump.service.errors import ORIGINAL_ROUTES, PROBLEM_JSON
from londonpump.service.strangers import PUBLIC
from londonpump.service.words import Described

METHODS = frozenset({"get", "put", "post", "delete", "patch", "head", "options"})
MADE_BY_THE_FRAMEWORK = ("HTTPValidationError", "ValidationError")
REFUSAL = {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}}
ORIGINAL_REFUSAL = {"application/json": {"schema": {"$ref": "#/components/schemas/OriginalProblem"}}}
WITH_A_RIGHT = {
    401: "No valid token, or its session has ended.",
    403: "The token has expired, or the role does not hold this right.",
}
WITH_A_BODY = {400: "The body cannot be read."}
WHATEVER_IS_SENT = {413: "The body is too large."}
"""Refused before it is known whether the route takes a body."""
FOR_EVERYBODY = {414: "The query is too long."}
WITH_VALUES = {422: "Values that cannot be used; `errors` names each."}
WITHOUT_A_RIGHT = {503: "Not now: too many requests without a valid token come. `Retry-After` says when."}
WITH_THE_DATABASE = {503: "Not now: the database is slow or no model is on duty. `Retry-After` says when."}


class FieldProblem(Described):
    """One value that cannot be used."""

    field: str
    """Where the value was sent, such as `body.place`."""
    problem: str
    """What is wrong with it."""


class ProblemShown(Described):
    """RFC 9457. errors: of values that cannot be used. state: the present one, where it stands in the way (409)."""

    model_config = ConfigDict(extra="forbid", title="Problem")

    type: str
    """Always `about:blank`."""
    title: str
    """Name of the status."""
    status: int
    """HTTP status."""
    detail: str
    """What failed and what to do."""
    request_id: str
    """Id of the request, as in the log of the service."""
    errors: list[FieldProblem] | None = None
    """Each value that cannot be used."""
    state: dict[str, Any] | None = None
    """The present state that stands in the way (409)."""


class OriginalFieldProblem(Described):
    """One value that cannot be used, as the original described it."""

    loc: list[str | int]
    """Where the value was sent."""
    msg: str
    """What is wrong with it."""
    type: str
    """Kind of the problem."""


class OriginalProblemShown(ProblemShown):
    """A refusal on the original's routes. detail: its text, or for a 422 a list with one entry per value."""

    model_config = ConfigDict(extra="forbid", title="OriginalProblem")

    detail: str | list[OriginalFieldProblem]  # type: ignore[assignment]  # wider, as the original's was
    """The original's text; for a 422 a list with one entry per value."""


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
    for shape in (ProblemShown, OriginalProblemShown):
        problem = shape.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(problem.pop("$defs"))
        schemas[problem["title"]] = problem
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if method in METHODS:
                _describe(path, operation)
                # public, and not forgotten
                operation.setdefault("security", [])
                _describe_body(operation.get("requestBody"), schemas)
    return document


def _describe(path: str, operation: dict[str, Any]) -> None:
    refusal = ORIGINAL_REFUSAL if path in ORIGINAL_ROUTES else REFUSAL
    responses = operation["responses"]
    if _is_the_framework_s(responses.get("422")):
        # it says that a refusal is plain json
        del responses["422"]
    for status, description in _that_follow(path, operation).items():
        responses.setdefault(str(status), {"description": description})
    for status, response in responses.items():
        if int(status) >= HTTPStatus.BAD_REQUEST and "content" not in response:
            response["content"] = refusal


def _describe_body(body: dict[str, Any] | None, schemas: dict[str, Any]) -> None:
    """Give a body its example; let one that may be left out be a plain reference, for clients that are generated."""
    for media in (body or {}).get("content", {}).values():
        schema = media["schema"]
        choices = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
        if body is not None and len(choices) < len(schema.get("anyOf", ())) and "$ref" in choices[0]:
            media["schema"] = schema = choices[0]
            body["required"] = False
        known = schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
        media.setdefault("example", known["examples"][0] if "examples" in known else _of_the_fields(known))


def _of_the_fields(schema: dict[str, Any]) -> dict[str, Any]:
    fields = schema.get("properties", {})
    return {
        name: field["examples"][0] if "examples" in field else field["default"]
        for name, field in fields.items()
        if "examples" in field or "default" in field
    }


def _that_follow(path: str, operation: dict[str, Any]) -> dict[int, str]:
    has_right, has_body = bool(operation.get("security")), "requestBody" in operation
    found = dict(WHATEVER_IS_SENT)
    if path in PUBLIC:
        found |= FOR_EVERYBODY
    if has_right:
        found |= WITH_A_RIGHT
    if has_body:
        found |= WITH_A_BODY
    if has_body or operation.get("parameters"):
        found |= WITH_VALUES
    if has_right or has_body:
        found |= WITH_THE_DATABASE
    else:
        found |= WITHOUT_A_RIGHT
    return found


def _is_the_framework_s(response: dict[str, Any] | None) -> bool:
    return response is not None and "HTTPValidationError" in str(response.get("content"))
