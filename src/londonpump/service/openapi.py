"""OpenAPI document with the error responses of every route, and its pages `/docs` and `/redoc`.

A route lists only its own errors (404, 409, 429 ...) in `responses=`. Errors that follow from a right, a body or a
parameter are added here, so that no route can forget them. A test calls every route and fails on an undocumented status.

Swagger UI and Redoc are served from a Python package, because the pages must work in a closed control room. Their
policy allows no external sources and no inline scripts. Their addresses are relative, so that they work below a path
prefix of a proxy.
"""

import json
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from http import HTTPStatus
from importlib.resources import files
from pathlib import Path

from fastapi import FastAPI, HTTPException
from pydantic import ConfigDict
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from londonpump.domain.json_values import JsonObject
from londonpump.service.anonymous_requests import PUBLIC_PATHS
from londonpump.service.errors import ORIGINAL_ROUTES, PROBLEM_JSON
from londonpump.service.field_formats import ApiModel, is_known

METHODS = frozenset({"get", "put", "post", "delete", "patch", "head", "options"})
FRAMEWORK_SCHEMAS = ("HTTPValidationError", "ValidationError")
PROBLEM_CONTENT = {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}}
ORIGINAL_PROBLEM_CONTENT = {"application/json": {"schema": {"$ref": "#/components/schemas/OriginalProblem"}}}
AUTH_RESPONSES = {
    401: "No valid token, or its session has ended.",
    403: "The token has expired, or the role does not hold this right.",
}
BODY_RESPONSES = {400: "The body cannot be read."}
ANY_REQUEST_RESPONSES = {413: "The body is too large."}
"""Added to every route, because the size is checked before the route is known."""
PUBLIC_RESPONSES = {414: "The query is too long."}
VALIDATION_RESPONSES = {422: "Values that cannot be used; `errors` names each."}
OVERLOAD_RESPONSES = {503: "Too many requests without a valid token. `Retry-After` gives the time to wait."}
DATABASE_RESPONSES = {
    503: "The database is slow or no model is active. `Retry-After` gives the time to wait."
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
NOT_THE_PAGE = "default-src 'none'; frame-ancestors 'none'"
STATIC = Path(str(files("fastapi_offline"))) / "static"
ASSETS = {"swagger-ui.css": "text/css", "swagger-ui-bundle.js": "text/javascript"}
START = "start.js"
KEPT = {"Cache-Control": "public, max-age=3600", "Content-Security-Policy": NOT_THE_PAGE}
REDOC_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; worker-src blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
"""Policy of Redoc, which writes inline styles and creates a worker for its search."""
REDOC = "redoc.standalone.js"


class FieldProblem(ApiModel):
    """One value that cannot be used."""

    field: str
    """Where the value was sent, such as `body.location`."""
    problem: str
    """What is wrong with it."""


class ProblemSchema(ApiModel):
    """Problem details (RFC 9457)."""

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
    state: JsonObject | None = None
    """Present state that conflicts with the request (409)."""


class OriginalFieldProblem(ApiModel):
    """One value that cannot be used, as the original described it."""

    loc: list[str | int]
    """Where the value was sent."""
    msg: str
    """What is wrong with it."""
    type: str
    """Type of the problem."""


class OriginalProblemSchema(ProblemSchema):
    """Error on one of the original's routes."""

    model_config = ConfigDict(extra="forbid", title="OriginalProblem")

    detail: str | list[OriginalFieldProblem]  # type: ignore[assignment]  # wider, as the original's was
    """The original's text; for a 422 a list with one entry per value."""


def document_error_responses(app: FastAPI) -> None:
    """Add the error responses to `/openapi.json`. Call it after all routes are added."""
    framework_openapi = app.openapi

    # cached: generating the document would block the event loop on every request
    @cache
    def document() -> JsonObject:
        return add_error_responses(framework_openapi())

    app.openapi = document  # type: ignore[method-assign]  # the framework's way to do it


def add_error_responses(document: JsonObject) -> JsonObject:
    """Add the error responses to a document in place, and return it."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name in FRAMEWORK_SCHEMAS:
        schemas.pop(name, None)
    for model in (ProblemSchema, OriginalProblemSchema):
        problem = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(problem.pop("$defs"))
        schemas[problem["title"]] = problem
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if method in METHODS:
                _add_responses(path, operation)
                # an empty list marks the route as public; without it, it looks like an omission
                operation.setdefault("security", [])
                _describe_body(operation.get("requestBody"), schemas)
    return document


def _add_responses(path: str, operation: JsonObject) -> None:
    problem_content = ORIGINAL_PROBLEM_CONTENT if path in ORIGINAL_ROUTES else PROBLEM_CONTENT
    responses = operation["responses"]
    if _is_framework_response(responses.get("422")):
        # the framework documents errors as plain JSON
        del responses["422"]
    for status, description in _derived_responses(path, operation).items():
        responses.setdefault(str(status), {"description": description})
    for status, response in responses.items():
        if int(status) >= HTTPStatus.BAD_REQUEST and "content" not in response:
            response["content"] = problem_content


def _describe_body(body: JsonObject | None, schemas: JsonObject) -> None:
    """Add an example to a body. An optional body becomes a plain reference, which client generators understand."""
    for media in (body or {}).get("content", {}).values():
        schema = media["schema"]
        choices = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
        if body is not None and len(choices) < len(schema.get("anyOf", ())) and "$ref" in choices[0]:
            media["schema"] = schema = choices[0]
            body["required"] = False
        known = schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
        media.setdefault(
            "example", known["examples"][0] if "examples" in known else _example_from_fields(known)
        )


def _example_from_fields(schema: JsonObject) -> JsonObject:
    fields = schema.get("properties", {})
    return {
        name: field["examples"][0] if "examples" in field else field["default"]
        for name, field in fields.items()
        if "examples" in field or "default" in field
    }


def _derived_responses(path: str, operation: JsonObject) -> dict[int, str]:
    has_right, has_body = bool(operation.get("security")), "requestBody" in operation
    found = dict(ANY_REQUEST_RESPONSES)
    if path in PUBLIC_PATHS:
        found |= PUBLIC_RESPONSES
    if has_right:
        found |= AUTH_RESPONSES
    if has_body:
        found |= BODY_RESPONSES
    if has_body or operation.get("parameters"):
        found |= VALIDATION_RESPONSES
    if has_right or has_body:
        found |= DATABASE_RESPONSES
    else:
        found |= OVERLOAD_RESPONSES
    return found


def _is_framework_response(response: JsonObject | None) -> bool:
    return response is not None and "HTTPValidationError" in str(response.get("content"))


REDOC_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>londonpump: API</title>
<link rel="icon" href="data:,">
</head>
<body>
<redoc spec-url="openapi.json"></redoc>
<noscript>This page needs JavaScript. <a href="openapi.json">openapi.json</a> has the same content.</noscript>
<script src="redoc/redoc.standalone.js"></script>
</body>
</html>
"""
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>londonpump: API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<noscript>This page needs JavaScript. <a href="openapi.json">openapi.json</a> has the same content.</noscript>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
START_SCRIPT = """const dark = window.matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
follow();
dark.addEventListener("change", follow);
SwaggerUIBundle({
  url: new URL("openapi.json", document.baseURI).href,
  dom_id: "#swagger-ui",
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: "list",
  validatorUrl: null,
});
"""


def add_docs_page(app: FastAPI) -> None:
    """Serve the pages, their files and the document. All are public, and encoded once."""

    @cache
    def document() -> bytes:
        return json.dumps(app.openapi(), ensure_ascii=False, separators=(",", ":")).encode()

    async def openapi(request: Request) -> Response:
        return unless_known(request, document(), "application/json", {"Cache-Control": "no-cache"})

    app.add_route("/docs", _page, include_in_schema=False)
    app.add_route("/docs/{file}", _asset, include_in_schema=False)
    app.add_route("/openapi.json", openapi, include_in_schema=False)
    app.add_route("/redoc", _redoc_page, include_in_schema=False)
    app.add_route(f"/redoc/{REDOC}", _redoc_script, include_in_schema=False)


async def _page(_request: Request) -> Response:
    return HTMLResponse(PAGE, headers={"Content-Security-Policy": POLICY})


async def _redoc_page(_request: Request) -> Response:
    return HTMLResponse(REDOC_PAGE, headers={"Content-Security-Policy": REDOC_POLICY})


async def _redoc_script(request: Request) -> Response:
    return unless_known(request, _content(REDOC), "text/javascript", KEPT)


async def _asset(request: Request) -> Response:
    name = str(request.path_params["file"])
    if name == START:
        return Response(START_SCRIPT, media_type="text/javascript", headers=KEPT)
    # an allow-list, so that no path leads out of the folder of the package
    if name not in ASSETS:
        raise HTTPException(404)
    return unless_known(request, _content(name), ASSETS[name], KEPT)


@cache
def _content(name: str) -> bytes:
    """Return a file of the package. It is read once, because reading 1.4 MB per request would block the event loop."""
    return (STATIC / name).read_bytes()


@cache
def _tag(content: bytes) -> str:
    return f'"{sha256(content).hexdigest()[:32]}"'


def unless_known(request: Request, content: bytes, media_type: str, headers: Mapping[str, str]) -> Response:
    """Return the content, or a 304 if the client already has it."""
    headers = {**headers, "ETag": _tag(content)}
    if is_known(request.headers.get("if-none-match", ""), _tag(content)):
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=media_type, headers=headers)
