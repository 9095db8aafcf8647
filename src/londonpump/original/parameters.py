"""Read the parameters of `/predict/time_pump`: fields of a JSON or form body take precedence over the query.

FastAPI would read the 19 parameters one by one, which takes longer than the whole check here.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from itertools import islice
from typing import Annotated
from urllib.parse import parse_qsl, quote

from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from pydantic_core import from_json

from londonpump.domain.json_values import JsonObject
from londonpump.original.schemas import TimePumpRequest
from londonpump.service.errors import MAX_ERRORS
from londonpump.service.field_formats import Responses

MAX_FIELDS = 200
TOO_MANY = f"has more than {MAX_FIELDS} fields"
KNOWN = frozenset(TimePumpRequest.model_fields)
IGNORED = "X-Ignored-Parameters"
MAX_NAME_LENGTH, MAX_NAMES_SHOWN = 64, 20
"""Limits for names in errors and headers, as clients choose the names."""
JSON = "application/json"
URLENCODED, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"
Values = JsonObject


async def read_parameters(request: Request) -> TimePumpRequest:
    """Return the parameters of a request. Raises: RequestValidationError (422) with each value that cannot be used."""
    body = await _body_of(request)
    query = {name: value for name, value in request.query_params.items() if name not in body}
    try:
        return TimePumpRequest.model_validate({**query, **body})
    except ValidationError as error:
        # without the input: an error response must not repeat what the client sent
        found = error.errors(include_url=False, include_input=False)
        errors = [{**each, "loc": (_where(each["loc"], body), *each["loc"])} for each in found]
        raise RequestValidationError(errors) from error


TimePumpParameters = Annotated[TimePumpRequest, Depends(read_parameters)]
"""The parameters as a dependency of an endpoint."""


async def _body_of(request: Request) -> Values:
    """Return the fields of the body; a body of another media type is ignored, as in the original."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == MULTIPART:
        # no files, and few fields: the parser would otherwise buffer whatever is sent
        form = await request.form(max_files=0, max_fields=MAX_FIELDS)
        _check_names(form)
        return {name: value for name, value in form.items() if value != ""}
    if media_type and media_type != URLENCODED and not _is_json(media_type):
        return {}
    body = await request.body()
    if not media_type and body.lstrip().startswith(b"{"):
        # the original's routes accept JSON without a Content-Type
        media_type = JSON
    if not body or not media_type:
        return {}
    return _of_json(body) if _is_json(media_type) else _of_form(body)


def _is_json(media_type: str) -> bool:
    return media_type == JSON or (media_type.startswith("application/") and media_type.endswith("+json"))


def _of_json(body: bytes) -> Values:
    try:
        # not json.loads, which exceeds the recursion limit on deeply nested lists
        values = from_json(body)
    except ValueError as error:
        raise _unreadable("is not valid JSON") from error
    if not isinstance(values, dict):
        raise _unreadable("is not a JSON object")
    if len(values) > MAX_FIELDS:
        raise _unreadable(TOO_MANY)
    _check_names(values)
    # null counts as not sent, like an empty field of a form
    return {name: value for name, value in values.items() if value is not None}


def _of_form(body: bytes) -> Values:
    try:
        pairs = parse_qsl(body.decode(errors="replace"), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise _unreadable(TOO_MANY) from error
    _check_names(dict(pairs))
    return {name: value for name, value in pairs if value != ""}


def _check_names(names: Iterable[str]) -> None:
    """Reject unknown names, for which the default would be used otherwise. Raises: RequestValidationError."""
    # limited to the errors that are returned, as finding a similar name takes 1 ms each
    unknown = list(islice((name for name in names if name not in KNOWN), MAX_ERRORS))
    if unknown:
        raise RequestValidationError(
            [{"type": "extra_forbidden", "loc": ("body", name), "msg": _not_known(name)} for name in unknown]
        )


def _not_known(name: str) -> str:
    by_letters = {known.casefold(): known for known in KNOWN}
    near = get_close_matches(name.casefold(), by_letters, 1) if len(name) <= MAX_NAME_LENGTH else []
    advice = f"Did you mean {by_letters[near[0]]}?" if near else "/openapi.json lists the fields."
    return f"is not a field of this route. {advice}"


def ignored_parameters(request: Request) -> dict[str, str]:
    """Return the header that lists ignored query parameters; empty if there are none.

    The original ignored unknown query parameters, so they are no error here.
    """
    unknown = dict.fromkeys(name for name in request.query_params if name not in KNOWN)
    names = [quote(name[:MAX_NAME_LENGTH], safe="") for name in unknown]
    return {IGNORED: ", ".join(names[:MAX_NAMES_SHOWN])} if names else {}


def _unreadable(problem: str) -> RequestValidationError:
    return RequestValidationError([{"type": "body", "loc": ("body",), "msg": problem}])


def _where(location: tuple[int | str, ...], body: Values) -> str:
    return "body" if location and location[0] in body else "query"


_SCHEMA = TimePumpRequest.model_json_schema()
_AS_BODY = {"type": "object", "properties": _SCHEMA["properties"], "additionalProperties": False}
TIME_PUMP_RESPONSES: Responses = {
    200: {
        "description": "The predicted time, which was stored before it was returned.",
        "headers": {
            IGNORED: {
                "description": "Unknown query parameters, which were ignored: percent-encoded, separated by commas.",
                "schema": {"type": "string"},
            }
        },
    }
}
TIME_PUMP_DOCUMENT: JsonObject = {
    "parameters": [
        {
            "name": name,
            "in": "query",
            "required": False,
            "schema": {key: value for key, value in schema.items() if key != "description"},
            **({"description": schema["description"]} if "description" in schema else {}),
        }
        for name, schema in _SCHEMA["properties"].items()
    ],
    "requestBody": {
        "required": False,
        "description": "The same fields; each takes precedence over the parameter of the query.",
        "content": {
            media_type: {"schema": _AS_BODY}
            for media_type in ("application/json", "application/x-www-form-urlencoded", "multipart/form-data")
        },
    },
}
