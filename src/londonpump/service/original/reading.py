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

from londonpump.service.errors import MOST_ERRORS
from londonpump.service.original.shapes import TimePumpAsked

MOST_FIELDS = 200
TOO_MANY = f"has more than {MOST_FIELDS} fields"
KNOWN = frozenset(TimePumpAsked.model_fields)
IGNORED = "X-Ignored-Parameters"
LONGEST_NAME, MOST_NAMED = 64, 20
"""Of names in an error or a header: a stranger chooses them."""
JSON = "application/json"
URLENCODED, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"
Values = Mapping[str, Any]


async def asked_in(request: Request) -> TimePumpAsked:
    """What was asked. Raises: RequestValidationError (422) naming each value that cannot be used."""
    body = await _body_of(request)
    query = {name: value for name, value in request.query_params.items() if name not in body}
    try:
        return TimePumpAsked.model_validate({**query, **body})
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        told = [{**each, "loc": (_where(each["loc"], body), *each["loc"])} for each in found]
        raise RequestValidationError(told) from error


Asked = Annotated[TimePumpAsked, Depends(asked_in)]
"""The values, as an endpoint's parameter."""


async def _body_of(request: Request) -> Values:
    """What the body tells. A body of another kind tells nothing, as in the original."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == MULTIPART:
        form = await request.form(max_files=0, max_fields=MOST_FIELDS)
        _check_names(form)
        return {name: value for name, value in form.items() if value != ""}
    if kind and kind != URLENCODED and not _is_json(kind):
        return {}
    body = await request.body()
    if not kind and body.lstrip().startswith(b"{"):
        # json without a Content-Type is read on every route of the original
        kind = JSON
    if not body or not kind:
        return {}
    return _of_json(body) if _is_json(kind) else _of_form(body)


def _is_json(kind: str) -> bool:
    return kind == JSON or (kind.startswith("application/") and kind.endswith("+json"))


def _of_json(body: bytes) -> Values:
    try:
        # not the standard library's: a deep list would break that
        told = from_json(body)
    except ValueError as error:
        raise _unread("is no json") from error
    if not isinstance(told, dict):
        raise _unread("is no json object")
    if len(told) > MOST_FIELDS:
        raise _unread(TOO_MANY)
    _check_names(told)
    return {name: value for name, value in told.items() if value is not None}


def _of_form(body: bytes) -> Values:
    try:
        pairs = parse_qsl(body.decode(errors="replace"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError as error:
        raise _unread(TOO_MANY) from error
    _check_names(dict(pairs))
    return {name: value for name, value in pairs if value != ""}


def _check_names(told: Iterable[str]) -> None:
    """Raises: RequestValidationError for a name that is none of the 19: else the default would be answered for."""
    # no more than are answered: to look for the name that was meant takes a millisecond each
    unknown = list(islice((name for name in told if name not in KNOWN), MOST_ERRORS))
    if unknown:
        raise RequestValidationError(
            [{"type": "extra_forbidden", "loc": ("body", name), "msg": _not_known(name)} for name in unknown]
        )


def _not_known(name: str) -> str:
    by_letters = {known.casefold(): known for known in KNOWN}
    near = get_close_matches(name.casefold(), by_letters, 1) if len(name) <= LONGEST_NAME else []
    advice = f"Did you mean {by_letters[near[0]]}?" if near else "/openapi.json lists the fields."
    return f"is no field of this route. {advice}"


def ignored_parameters(request: Request) -> dict[str, str]:
    """The header that names the parameters of the query that nobody reads; empty if there are none.

    The original ignored them, and so do its clients.
    """
    unknown = dict.fromkeys(name for name in request.query_params if name not in KNOWN)
    names = [quote(name[:LONGEST_NAME], safe="") for name in unknown]
    return {IGNORED: ", ".join(names[:MOST_NAMED])} if names else {}


def _unread(problem: str) -> RequestValidationError:
    return RequestValidationError([{"type": "body", "loc": ("body",), "msg": problem}])


def _where(place: tuple[int | str, ...], body: Values) -> str:
    return "body" if place and place[0] in body else "query"
