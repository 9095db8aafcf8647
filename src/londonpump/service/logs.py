"""Structured logs: one json object a line, on standard error. Never a query string, a token, a body or a header.

What may be logged is named field by field where it is logged; free text comes from our own errors alone.
"""

import json
import logging
import sys
import traceback
from typing import Any, TextIO

LOGGER = logging.getLogger("londonpump.service")
FIELDS = "fields"


class JsonLines(logging.Formatter):
    """A record as one line of json; control characters are escaped, so no text can begin a line of its own."""

    def format(self, record: logging.LogRecord) -> str:
        """The line. A traceback is told without the values that its errors hold."""
        line: dict[str, Any] = {
            "at": self.formatTime(record, "%Y-%m-%dT%H:%M:%S") + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, FIELDS, {}),
        }
        if record.exc_info and record.exc_info[1] is not None:
            line["traceback"] = format_traceback(record.exc_info[1])
        return json.dumps(line, default=str)


def log_to(stream: TextIO | None = None, level: int = logging.INFO) -> None:
    """Send the service's log, and uvicorn's own words, to a stream."""
    handler = logging.StreamHandler(stream or sys.stderr)
    formatter = JsonLines()
    formatter.converter = _gmtime
    handler.setFormatter(formatter)
    for name in ("londonpump.service", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(level)
        logger.propagate = False


def log(event: str, level: int = logging.INFO, **fields: Any) -> None:
    """One line."""
    LOGGER.log(level, event, extra={FIELDS: fields})


def log_error(event: str, error: BaseException, **fields: Any) -> None:
    """One line with where an error came from."""
    LOGGER.error(event, exc_info=error, extra={FIELDS: {"error": type(error).__name__, **fields}})


def format_traceback(error: BaseException) -> list[str]:
    """Where an error came from: places and kinds, no messages, as those of libraries can hold values."""
    lines = []
    current: BaseException | None = error
    while current is not None:
        lines.append(type(current).__name__)
        lines += [
            f"{frame.filename}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(current.__traceback__)
        ]
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return lines


def _gmtime(seconds: float | None) -> Any:
    import time  # noqa: PLC0415

    return time.gmtime(seconds)
