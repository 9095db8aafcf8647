"""What the OpenAPI document says of `/predict/time_pump`, whose values are read by `reading` and not by the framework."""

from typing import Any

from londonpump.service.original.parameters import IGNORED
from londonpump.service.original.schemas import TimePumpRequest

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
