"""Patterns of request fields, and readable messages for invalid values.

Each pattern is defined once: schemas use it, and the error message shows what such a text looks like. Codes and
postcodes are accepted as people write them; `domain.canonical_spelling` normalises them first.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from londonpump.domain.columns import Range
from londonpump.domain.json_values import JsonObject
from londonpump.persistence.stored_json import REQUEST_NAMES

Responses = dict[int | str, dict[str, Any]]
"""Descriptions of responses by status, as FastAPI takes them."""
OriginalError = dict[str, Sequence[int | str]]
"""One invalid value as the original listed it: `loc`, `msg` and `type`."""
PUMP = r"^\s*[A-Za-z][0-9]{2,4}\s*$"
STATION = r"^\s*[A-Za-z][0-9]{1,3}\s*$"
DISTRICT = r"^\s*[A-Za-z]{1,2}[0-9][0-9A-Za-z]?(\s*[0-9][A-Za-z]{2}|\s+[0-9])?\s*$"
INCIDENT = r"^[A-Za-z0-9][A-Za-z0-9/_-]{0,39}$"
OUR_ID = r"^[0-9a-f]{32}$"
IDEMPOTENCY_KEY = r"^[\x21-\x7e]+$"
BUNDLE = r"^[0-9a-f]{16}$"
NAME = r"^[A-Za-z0-9._-]{1,64}$"
SESSION = r"^[A-Za-z0-9_-]{1,64}$"
PREDICTION_CURSOR = r"^[0-9A-Za-z-]{1,64}$"
WHOLE_SECONDS = r"^[0-9]{1,5}$"
TEXT = r"^[^\x00]+$"
REASON = r"^[^\x00]*[^\x00\s][^\x00]*$"
PATTERN_MESSAGES = {
    PUMP: "is not a pump code. Write it like H271",
    STATION: "is not a station code. Write it like H27",
    DISTRICT: "is not a postcode. Write it whole, like SE1 7PB, or its first half, like SE1",
    INCIDENT: "is not an incident number. Write it like 012345-02062025: up to 40 letters, digits, - _ and /",
    OUR_ID: "is not an id of this service. Use the id from the response that returned it",
    IDEMPOTENCY_KEY: "is not a key. Use up to 128 visible ASCII characters without blanks",
    BUNDLE: "is not the name of a model. Take it from GET /v1/models/decisions",
    NAME: "is not a name. Use up to 64 letters, digits, dots, - and _",
    SESSION: "is not a session id. Take it from GET /me/sessions",
    PREDICTION_CURSOR: "is not a prediction id. Take it from the Link header of the previous page",
    WHOLE_SECONDS: "is not a whole number of seconds. Write it like 360",
    TEXT: "contains a null character. Remove it",
    REASON: "is empty. Give the reason as text",
}
NO_OBJECT = "is not a JSON object. Send one, with the header Content-Type: application/json"
TYPE_MESSAGES = {
    "model_attributes_type": NO_OBJECT,
    "model_type": NO_OBJECT,
    "timezone_aware": "has no offset from UTC. Write it like 2025-06-02T09:30:00Z",
}
UNENCODED_PLUS = (
    "contains a blank where its offset begins, because an unencoded + is decoded to a blank. Write the + as %2B, or the "
    "time in UTC, like 2025-06-02T09:30:00Z"
)
# form decoding turns "+" into a blank, so "10:00+01:00" arrives as "10:00 01:00"
_BLANK_OFFSET = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]+ [0-9]{2}:?[0-9]{2}")
ORIGINAL_ID_LENGTH = 24


def in_range(allowed: Range) -> Any:
    """Return the field of a number in a range of the catalogue."""
    return Field(ge=allowed.low, le=allowed.high, allow_inf_nan=False)


class ApiModel(BaseModel):
    """Base of the API models. The docstring below each field becomes its description in the OpenAPI document."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class Strict(ApiModel):
    """Base that rejects unknown fields and values of another type."""

    model_config = ConfigDict(strict=True, extra="forbid")


VALUE_ERROR_PREFIX = "Value error, "
"""Prefix that pydantic adds to the messages of our own validators."""


ORIGINAL_MESSAGES = {
    "missing": ("field required", "value_error.missing"),
    "string_type": ("str type expected", "type_error.str"),
    "string_too_short": (
        "ensure this value has at least {min_length} characters",
        "value_error.any_str.min_length",
    ),
    "string_too_long": (
        "ensure this value has at most {max_length} characters",
        "value_error.any_str.max_length",
    ),
    "greater_than_equal": ("ensure this value is greater than or equal to {ge}", "value_error.number.not_ge"),
    "less_than_equal": ("ensure this value is less than or equal to {le}", "value_error.number.not_le"),
    "int_parsing": ("value is not a valid integer", "type_error.integer"),
    "int_from_float": ("value is not a valid integer", "type_error.integer"),
    "int_type": ("value is not a valid integer", "type_error.integer"),
    "float_parsing": ("value is not a valid float", "type_error.float"),
    "float_type": ("value is not a valid float", "type_error.float"),
    "bool_parsing": ("value could not be parsed to a boolean", "type_error.bool"),
    "bool_type": ("value could not be parsed to a boolean", "type_error.bool"),
    "datetime_parsing": ("invalid datetime format", "value_error.datetime"),
    "datetime_from_date_parsing": ("invalid datetime format", "value_error.datetime"),
    "datetime_type": ("invalid type; expected datetime, string, bytes, int or float", "type_error"),
    "model_attributes_type": ("value is not a valid dict", "type_error.dict"),
    "model_type": ("value is not a valid dict", "type_error.dict"),
    "json_invalid": ("{error}", "value_error.jsondecode"),
}
"""Message and type of pydantic 1, which the original used, by the error type of pydantic 2: clients may compare them."""
NULL = ("none is not an allowed value", "type_error.none.not_allowed")


def original_error(entry: JsonObject) -> dict[str, str]:
    """Return `msg` and `type` of an invalid value as the original's 422 had them; our message where it had none."""
    error_type = str(entry.get("type", "value_error"))
    if "input" in entry and entry["input"] is None and error_type != "missing":
        # the original treated a body of null as a missing body
        text, original_type = NULL if len(entry["loc"]) > 1 else ORIGINAL_MESSAGES["missing"]
    else:
        text, original_type = ORIGINAL_MESSAGES.get(error_type, ("", error_type))
    # for an unencoded + our own message is more helpful
    message = "" if _is_unencoded(entry) else text.format_map(entry.get("ctx", {}))
    return {"msg": message or format_error(entry), "type": original_type}


def is_known(if_none_match: str, tag: str) -> bool:
    """Return whether the header If-None-Match names a tag."""
    # it compares weakly (RFC 9110): proxies that compress mark tags as weak
    return tag in {each.strip().removeprefix("W/") for each in if_none_match.split(",")}


def naive_utc(timestamp: datetime) -> datetime:
    """Return a time in UTC without an offset, as the original wrote its times."""
    return timestamp.astimezone(UTC).replace(tzinfo=None)


def original_id(own: str, imported: str | None = None) -> str:
    """Return the id of an account or a prediction for the original's routes: 24 hexadecimal digits, like MongoDB's.

    imported: its id in the original system. Longer ids are cut; look-ups accept the prefix.
    """
    return imported or own.replace("-", "")[:ORIGINAL_ID_LENGTH]


def format_error(entry: Mapping[str, Any]) -> str:
    """Return the message for one error of pydantic, without the value itself."""
    error_type, context = entry.get("type", ""), entry.get("ctx", {})
    if error_type == "json_invalid":
        return f"is not JSON ({context.get('error', 'it cannot be read')})"
    if _is_unencoded(entry):
        return UNENCODED_PLUS
    # errors of pydantic have an `input`, unlike those of the original's route, which never had these names
    if error_type == "extra_forbidden" and "input" in entry and (name := entry["loc"][-1]) in REQUEST_NAMES:
        return f"{name!r} is now {REQUEST_NAMES[name]!r}"
    known = PATTERN_MESSAGES.get(context.get("pattern", "")) or TYPE_MESSAGES.get(error_type)
    return known or str(entry["msg"]).removeprefix(VALUE_ERROR_PREFIX)


def _is_unencoded(entry: Mapping[str, Any]) -> bool:
    """Return whether a query value is a time whose unencoded + was decoded to a blank."""
    value = entry.get("input")
    is_query = tuple(entry.get("loc", ()))[:1] == ("query",)
    return is_query and isinstance(value, str) and _BLANK_OFFSET.fullmatch(value) is not None
