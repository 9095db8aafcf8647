"""JSON whose fields are not known in advance: documents of publishers and of OpenAPI, and what was stored as text."""

from typing import Any

JsonObject = dict[str, Any]
"""A JSON object that is passed on as it is. What we make or read ourselves has a type of its own."""
