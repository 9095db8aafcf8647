"""The value in a json answer, or words for what came in its place."""

import json
from typing import Any

from londonpump.domain.errors import SourceFailed

MAX_DIGITS = 20
"""Digits: sizes in bytes and seconds of 1970 have fewer. What has more fits into no column."""


def parse_json(publisher: str, body: bytes, address: str = "it") -> Any:
    """asked: the address, without keys. Raises: SourceFailed if it is not json; what came is said, not shown."""
    try:
        return json.loads(body, parse_int=_whole_number)
    except (ValueError, RecursionError):
        is_page = body.lstrip().startswith(b"<")
    content = "a web page" if is_page else "something else" if body.strip() else "nothing"
    problem = f"{address} answers with {content} instead of json"
    raise SourceFailed(publisher, problem, "Ask again later, or check the address in the settings.")


def _whole_number(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"a number of {len(digits)} digits")
    return int(digits)
