"""The value in a json answer, or words for what came in its place."""

import json
from typing import Any

from londonpump.brigade.errors import SourceFailed


def json_of(publisher: str, body: bytes) -> Any:
    """Raises: SourceFailed if it is not json; what came instead is said, not shown."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        kind = (
            "a web page"
            if body.lstrip().startswith(b"<")
            else "something else"
            if body.strip()
            else "nothing"
        )
    raise SourceFailed(
        publisher, f"it answers with {kind} instead of json", "Ask again later, or check its address."
    )
