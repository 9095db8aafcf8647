"""The values of a request: a body of json or of a form over the query, field by field; what none tells has its default.

The framework's own way would read 19 parameters one by one, which takes longer than the whole check here.
"""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from itertools import islice
from typing import Annotated, Any
from urllib.parse import parse_qsl, quote

from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from pydantic_core import from_json

from londonpump.service.errors import MAX_ERRORS
from londonpump.service.original.schemas import TimePumpRequest

MAX_FIELDS = 200
TOO_MANY = f"has more than {MAX_FIELDS} fields"
KNOWN = frozenset(TimePumpRequest.model_fields)
IGNORED = "X-Ignored-Parameters"
MAX_NAME_LENGTH, MAX_NAMES_SHOWN = 64, 20
"""Of names in an error or a header: a stranger chooses them."""
JSON = "application/json"
URLENCODED, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"
Values = Mapping[str, Any]


async def read_parameters(request: Request) -> TimePumpRequest:
    """What was asked. Raises: RequestValidationError (422) naming each value that cannot be used."""
    body = await _body_of(request)
    query = {name: value for name, value in request.query_params.items() if name not in body}
    try:
        return TimePumpRequest.model_validate({**query, **body})
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        errors = [{**each, "loc": (_where(each["loc"], body), *each["loc"])} for each in found]
        raise RequestValidationError(errors) from error


TimePumpParameters = Annotated[TimePumpRequest, Depends(read_parameters)]
"""The values, as an endpoint's parameter."""


async def _body_of(request: Request) -> Values:
    """What the body tells. A body of another kind tells nothing, as in the original."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == MULTIPART:
        form = await request.form(max_files=0, max_fields=MAX_FIELDS)
        _check_names(form)
        return {name: value for name, value in form.items() if value != ""}
    if media_type and media_type != URLENCODED and not _is_json(media_type):
        return {}
    body = await request.body()
    if not media_type and body.lstrip().startswith(b"{"):
        # json without a Content-Type is read on every route of the original
        media_type = JSON
    if not body or not media_type:
        return {}
    return _of_json(body) if _is_json(media_type) else _of_form(body)


def _is_json(media_type: str) -> bool:
    return media_type == JSON or (media_type.startswith("application/") and media_type.endswith("+json"))


def _of_json(body: bytes) -> Values:
    try:
        # not the standard library's: a deep list would break that
        values = from_json(body)
    except ValueError as error:
        raise _unreadable("is no json") from error
    if not isinstance(values, dict):
        raise _unreadable("is no json object")
    if len(values) > MAX_FIELDS:
        raise _unreadable(TOO_MANY)
    _check_names(values)
    return {name: value for name, value in values.items() if value is not None}


def _of_form(body: bytes) -> Values:
    try:
        pairs = parse_qsl(body.decode(errors="replace"), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise _unreadable(TOO_MANY) from error
    _check_names(dict(pairs))
    return {name: value for name, value in pairs if value != ""}


def _check_names(names: Iterable[str]) -> None:
    """Raises: RequestValidationError for a name that is none of the 19: else the default would be answered for."""
    # no more than are answered: to look for the name that was meant takes a millisecond each
    unknown = list(islice((name for name in names if name not in KNOWN), MAX_ERRORS))
    if unknown:
        raise RequestValidationError(
            [{"type": "extra_forbidden", "loc": ("body", name), "msg": _not_known(name)} for name in unknown]
        )


def _not_known(name: str) -> str:
    by_letters = {known.casefold(): known for known in KNOWN}
    near = get_close_matches(name.casefold(), by_letters, 1) if len(name) <= MAX_NAME_LENGTH else []
    advice = f"Did you mean {by_letters[near[0]]}?" if near else "/openapi.json lists the fields."
    return f"is no field of this route. {advice}"


def ignored_parameters(request: Request) -> dict[str, str]:
    """The header that names the parameters of the query that nobody reads; empty if there are none.

    The original ignored them, and so do its clients.
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
TIME_PUMP_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The time, stored before it was answered.",
        "headers": {
            IGNORED: {
                "description": "Parameters of the query that are not known, percent-encoded, with commas between.",
                "schema": {"type": "string"},
            }
        },
    }
}
TIME_PUMP_DOCUMENT: dict[str, Any] = {
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
        "description": "The same values once more: they go before the query, field by field.",
        "content": {
            media_type: {"schema": _AS_BODY}
            for media_type in ("application/json", "application/x-www-form-urlencoded", "multipart/form-data")
        },
    },
}
