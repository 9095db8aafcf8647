"""Forms that texts of a request have, and words for a value that cannot be used: the library's speak to programmers.

Each form is written once: shapes take it as their pattern, and a refusal tells what such a text looks like. Codes and
postcodes are taken as people write them; `brigade.spelling` brings them to the spelling of the records first.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

PUMP = r"^\s*[A-Za-z][0-9]{2,4}\s*$"
STATION = r"^\s*[A-Za-z][0-9]{1,3}\s*$"
DISTRICT = r"^\s*[A-Za-z]{1,2}[0-9][0-9A-Za-z]?(\s*[0-9][A-Za-z]{2}|\s+[0-9])?\s*$"
INCIDENT = r"^[A-Za-z0-9][A-Za-z0-9/_-]{0,39}$"
OUR_ID = r"^[0-9a-f]{32}$"
IDEMPOTENCY_KEY = r"^[\x21-\x7e]+$"
NAME = r"^[A-Za-z0-9._-]{1,64}$"
SESSION = r"^[A-Za-z0-9_-]{1,64}$"
PREDICTION_CURSOR = r"^[0-9A-Za-z-]{1,64}$"
TEXT = r"^[^\x00]+$"
REASON = r"^[^\x00]*[^\x00\s][^\x00]*$"
PATTERN_MESSAGES = {
    PUMP: "is no pump. Write its code, like H271",
    STATION: "is no station. Write its code, like H27",
    DISTRICT: "is no postcode. Write it whole, like SE1 7PB, or its first half, like SE1",
    INCIDENT: "is no incident number. Write it like 012345-02062025: up to 40 letters, digits, - _ and /",
    OUR_ID: "is no id of ours. Take it from the answer that gave it",
    IDEMPOTENCY_KEY: "is no key. Take up to 128 visible ASCII characters without blanks",
    NAME: "is no name. Take up to 64 letters, digits, dots, - and _",
    SESSION: "is no id of a session. Take it from GET /me/sessions",
    PREDICTION_CURSOR: "is no id of a prediction. Take it from the Link of the page before",
    TEXT: "holds a character that no text has. Leave it out",
    REASON: "says nothing. Give the reason in words",
}
NO_OBJECT = "is no json object. Send one, with the header Content-Type: application/json"
TYPE_MESSAGES = {
    "model_attributes_type": NO_OBJECT,
    "model_type": NO_OBJECT,
    "timezone_aware": "does not say its offset from UTC. Write it like 2025-06-02T09:30:00Z",
}
UNENCODED_PLUS = (
    "holds a blank where its offset begins: a + that is not encoded becomes one. Write the + as %2B, or the instant in "
    "UTC, like 2025-06-02T09:30:00Z"
)
_BLANK_OFFSET = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]+ [0-9]{2}:?[0-9]{2}")
ORIGINAL_ID_LENGTH = 24


class ApiModel(BaseModel):
    """A shape of the API: the docstring below each field is its description in the OpenAPI document."""

    model_config = ConfigDict(use_attribute_docstrings=True)


VALUE_ERROR_PREFIX = "Value error, "
"""How the library begins what our own rules say."""


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
"""Message and type of the original's library (pydantic 1), by the kind of today's: its clients may compare them."""
NULL = ("none is not an allowed value", "type_error.none.not_allowed")


def original_error(entry: Mapping[str, Any]) -> dict[str, str]:
    """`msg` and `type` of a value that cannot be used, as the original's 422 has them; our words where it has none."""
    error_type = str(entry.get("type", "value_error"))
    if "input" in entry and entry["input"] is None and error_type != "missing":
        # a whole body of null was none
        text, original_type = NULL if len(entry["loc"]) > 1 else ORIGINAL_MESSAGES["missing"]
    else:
        text, original_type = ORIGINAL_MESSAGES.get(error_type, ("", error_type))
    # of a + that came as a blank ours says more
    message = "" if _is_unencoded(entry) else text.format_map(entry.get("ctx", {}))
    return {"msg": message or format_error(entry), "type": original_type}


def naive_utc(timestamp: datetime) -> datetime:
    """UTC without saying so, as the original wrote its times."""
    return timestamp.astimezone(UTC).replace(tzinfo=None)


def original_id(own: str, imported: str | None = None) -> str:
    """The id of an account or a prediction on the original's routes: 24 hexadecimal digits, as MongoDB's have.

    imported: the id that it had in the original. Longer ids of ours are cut: their beginning finds them.
    """
    return imported or own.replace("-", "")[:ORIGINAL_ID_LENGTH]


def format_error(entry: Mapping[str, Any]) -> str:
    """What is wrong with a value. entry: an error of pydantic's; the value itself is not repeated."""
    error_type, context = entry.get("type", ""), entry.get("ctx", {})
    if error_type == "json_invalid":
        return f"is no json ({context.get('error', 'it cannot be read')})"
    if _is_unencoded(entry):
        return UNENCODED_PLUS
    known = PATTERN_MESSAGES.get(context.get("pattern", "")) or TYPE_MESSAGES.get(error_type)
    return known or str(entry["msg"]).removeprefix(VALUE_ERROR_PREFIX)


def _is_unencoded(entry: Mapping[str, Any]) -> bool:
    """Whether a value of a query is an instant whose + came as a blank."""
    value = entry.get("input")
    is_query = tuple(entry.get("loc", ()))[:1] == ("query",)
    return is_query and isinstance(value, str) and _BLANK_OFFSET.fullmatch(value) is not None
