"""Map of errors to responses (`application/problem+json`). Endpoints raise errors and catch none.

The errors of the service itself are defined here too. Every `detail` except that of an unexpected error says what to
do next.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from math import ceil
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.params import Form
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import Scope

from londonpump.domain.errors import (
    BadFile,
    BadValue,
    DatabaseFailed,
    LondonPumpError,
    SourceFailed,
    TooFewRows,
)
from londonpump.domain.json_values import JsonObject
from londonpump.service.field_formats import OriginalError, format_error, original_error
from londonpump.service.telemetry import log, log_error

PROBLEM_JSON = "application/problem+json"
ORIGINAL_ROUTES = frozenset(
    {"/", "/register", "/login", "/refresh", "/me", "/predict/time_pump", "/historique"}
)
"""Routes whose errors keep the original's form: `application/json`, its texts in `detail`, and a list there for a 422."""
REQUEST_PARTS = frozenset({"body", "query", "header", "path"})
QUERY_ROUTES = frozenset({"/predict/time_pump", "/historique"})
MAX_ERRORS, MAX_FIELD_PATH_LENGTH = 20, 200


class ServiceError(LondonPumpError):
    """Base of the errors that concern one request."""

    original: str | list[OriginalError] | None = None
    """`detail` on the original's routes: the original's own text; None if it had no such case."""


class BadRequest(ServiceError):
    """The request is understood and rejected."""


class NotSignedIn(ServiceError):
    """No valid token was sent."""


class TokenExpired(ServiceError):
    """The token has expired."""


class NotAllowed(ServiceError):
    """The role of the account does not include this right."""


class NotFound(ServiceError):
    """The requested object does not exist, or is not visible to this person."""


class Conflict(ServiceError):
    """The present state does not allow the request."""

    def __init__(self, detail: str, state: JsonObject | None = None) -> None:
        super().__init__(detail)
        self.state = state
        """The present state, if it may be shown."""


class Unprocessable(ServiceError):
    """Some values are well-formed and cannot be used."""

    def __init__(self, *errors: tuple[str, str]) -> None:
        super().__init__("; ".join(f"{field_path}: {problem}" for field_path, problem in errors))
        self.errors = errors
        """(field, problem) of each value."""


class TooLarge(ServiceError):
    """The body exceeds the size limit."""


class TooMany(ServiceError):
    """The client sent too many requests."""

    def __init__(self, detail: str, retry_after_s: float) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class NoModel(ServiceError):
    """No model is active, or it does not answer."""

    retry_after_s = 5


STATUS_OF: dict[type[Exception], HTTPStatus] = {
    BadRequest: HTTPStatus.BAD_REQUEST,
    NotSignedIn: HTTPStatus.UNAUTHORIZED,
    TokenExpired: HTTPStatus.FORBIDDEN,
    NotAllowed: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Unprocessable: HTTPStatus.UNPROCESSABLE_ENTITY,
    BadValue: HTTPStatus.UNPROCESSABLE_ENTITY,
    TooMany: HTTPStatus.TOO_MANY_REQUESTS,
    NoModel: HTTPStatus.SERVICE_UNAVAILABLE,
    DatabaseFailed: HTTPStatus.SERVICE_UNAVAILABLE,
    SourceFailed: HTTPStatus.SERVICE_UNAVAILABLE,
    BadFile: HTTPStatus.SERVICE_UNAVAILABLE,
    TooFewRows: HTTPStatus.SERVICE_UNAVAILABLE,
    LondonPumpError: HTTPStatus.INTERNAL_SERVER_ERROR,
}
"""Status of each error class; the nearest base class of an error decides."""
RETRY_AFTER_S = 1
MORE_IN_THE_LOG = "Try again later. The log of the service has the details under the request id."
UNUSABLE: dict[type[Exception], str] = {
    DatabaseFailed: "The database cannot be used at the moment.",
    SourceFailed: "A required source does not answer.",
    BadFile: "A required file cannot be used.",
    TooFewRows: "There are too few records for this request.",
}
"""Public texts of errors whose messages name addresses, paths or rows: those are only for the operator's log."""
UNEXPECTED = "An unexpected error occurred. The log of the service has it under the request id."


@dataclass(frozen=True, slots=True)
class Problem:
    """Content of an error response."""

    status: int
    detail: str
    errors: tuple[tuple[str, str], ...] = ()
    """(field, problem) of each value that cannot be used."""
    headers: Mapping[str, str] = field(default_factory=dict)
    members: JsonObject = field(default_factory=dict)
    """Extension members of the problem document."""
    original: str | list[OriginalError] | None = None
    """`detail` on the original's routes, if it differs there."""

    def response(self, scope: Scope) -> JSONResponse:
        """Return the response in the form of the request's route."""
        is_original = _path_of(scope) in ORIGINAL_ROUTES
        content: JsonObject = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self._original_detail(scope) if is_original else self.detail,
            "request_id": request_id_of(scope),
            **self.members,
        }
        if self.errors:
            content["errors"] = [
                {"field": field_path, "problem": problem} for field_path, problem in self.errors
            ]
        media_type = "application/json" if is_original else PROBLEM_JSON
        return JSONResponse(content, self.status, self.headers, media_type=media_type)

    def _original_detail(self, scope: Scope) -> str | list[OriginalError]:
        # clients of the original compare these texts, so they must be its own
        if self.status != HTTPStatus.UNPROCESSABLE_ENTITY:
            return self.original or self.detail
        if isinstance(self.original, list):
            return self.original
        where = "query" if _path_of(scope) in QUERY_ROUTES else "body"
        found = self.errors or ((where, self.detail),)
        return [
            {"loc": _loc(field_path, where), "msg": problem, "type": "value_error"}
            for field_path, problem in found
        ]


def status_of(error: LondonPumpError) -> HTTPStatus:
    """Return the status that answers an error."""
    # the method resolution order lists the class itself first, then its bases, so the nearest entry is found
    return next(STATUS_OF[error_class] for error_class in type(error).__mro__ if error_class in STATUS_OF)


def to_problem(error: LondonPumpError) -> Problem:
    """Return the problem that answers an error."""
    status = status_of(error)
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        # an error without a mapping is a bug: its text may contain internals and is only logged
        return Problem(status, UNEXPECTED)
    state = getattr(error, "state", None)
    return Problem(
        status,
        public_text(error),
        _fields_of(error),
        _headers_of(error, status),
        {"state": state} if state else {},
        getattr(error, "original", None),
    )


def public_text(error: LondonPumpError) -> str:
    """Return the text of an error that any client may see: without addresses, paths and SQL."""
    public: str | None = getattr(error, "public", None)
    if public is not None:
        return public
    error_class = next((error_class for error_class in UNUSABLE if isinstance(error, error_class)), None)
    return str(error) if error_class is None else f"{UNUSABLE[error_class]} {MORE_IN_THE_LOG}"


def _fields_of(error: LondonPumpError) -> tuple[tuple[str, str], ...]:
    if isinstance(error, BadValue):
        return ((error.column, error.problem),)
    return error.errors if isinstance(error, Unprocessable) else ()


def _headers_of(error: LondonPumpError, status: HTTPStatus) -> dict[str, str]:
    # RFC 9110 requires the challenge with a 401, and clients rely on it to sign in again
    headers = {"WWW-Authenticate": "Bearer"} if status == HTTPStatus.UNAUTHORIZED else {}
    wait_s = getattr(error, "retry_after_s", None)
    if status == HTTPStatus.SERVICE_UNAVAILABLE and wait_s is None:
        wait_s = RETRY_AFTER_S
    if wait_s is not None:
        # whole seconds, rounded up: a client that waits a little too short would be rejected again
        headers["Retry-After"] = str(max(1, ceil(wait_s)))
    return headers


def validation_problem(error: RequestValidationError) -> Problem:
    """Return the problem that lists the invalid fields, up to a limit, without repeating their values."""
    # an anonymous client can send tens of thousands of invalid fields with names of any length
    found = error.errors()[:MAX_ERRORS]
    errors = tuple(
        (_field_path(entry["loc"])[:MAX_FIELD_PATH_LENGTH], format_error(entry)) for entry in found
    )
    # `errors` lists them all; `detail` stays readable in a log or a dialog
    detail = "; ".join(f"{field_path}: {problem}" for field_path, problem in errors[:5])
    original = [
        {
            "loc": [
                part if isinstance(part, int) else str(part)[:MAX_FIELD_PATH_LENGTH] for part in entry["loc"]
            ],
            **original_error(entry),
        }
        for entry in found
    ]
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, errors, original=original)


FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})


def form_expected_error(request: Request) -> RequestValidationError | None:
    """Return the error for a body that is no form, sent to a route that takes a form; None in all other cases.

    The framework would report each field of such a body as missing.
    """
    dependant = getattr(request.scope.get("route"), "dependant", None)
    fields = [each for each in getattr(dependant, "body_params", ()) if isinstance(each.field_info, Form)]
    sent = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not fields or sent in FORMS:
        return None
    names = " and ".join(each.name for each in fields)
    detail = f"is not a form. Send a form with {names}, with the header Content-Type: application/x-www-form-urlencoded"
    return RequestValidationError([{"type": "form_expected", "loc": ("body",), "msg": detail}])


def answer_errors(app: FastAPI) -> None:
    """Register the error handlers. `middleware` answers errors without a handler with a 500."""

    async def handle_own_error(request: Request, error: Exception) -> JSONResponse:
        problem = to_problem(error) if isinstance(error, LondonPumpError) else Problem(500, UNEXPECTED)
        log_problem(request, error, problem)
        return problem.response(request.scope)

    async def handle_validation_error(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it alone
        return validation_problem(form_expected_error(request) or error).response(request.scope)

    async def handle_http_exception(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)  # noqa: S101
        problem = Problem(error.status_code, error.detail, headers=error.headers or {})
        return problem.response(request.scope)

    app.add_exception_handler(LondonPumpError, handle_own_error)
    app.add_exception_handler(RequestValidationError, handle_validation_error)
    app.add_exception_handler(HTTPException, handle_http_exception)


def request_id_of(scope: Scope) -> str:
    """Return the id that `middleware` assigned to the request."""
    return str(scope.get("state", {}).get("request_id", ""))


def _path_of(scope: Scope) -> str:
    # a proxy may serve the API under a path prefix
    return str(scope["path"]).removeprefix(str(scope.get("root_path", "")))


def _loc(field_path: str, where: str) -> list[str]:
    parts = field_path.split(".")
    return parts if parts[0] in REQUEST_PARTS else [where, *parts]


def log_problem(request: Request, error: Exception, problem: Problem) -> None:
    """Log a server error with its text or traceback, and note the error type of every request."""
    # the log line of the request, written by `middleware`, includes the type of its error
    request.scope.setdefault("state", {})["problem"] = type(error).__name__
    request_id = request_id_of(request.scope)
    if problem.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        log_error("unexpected error", error, request_id=request_id)
    elif problem.status > HTTPStatus.INTERNAL_SERVER_ERROR:
        log(
            "not answered",
            logging.WARNING,
            problem=type(error).__name__,
            detail=str(error),
            request_id=request_id,
        )


def _field_path(parts: tuple[Any, ...]) -> str:
    return ".".join(str(part) for part in parts) or "body"
