"""Structured logs on standard error: JSON lines for machines, readable lines in a terminal.

Query strings, tokens, bodies and headers are never logged: each call names its fields, and free text comes only from our
own errors. No control character of a value reaches the output, so that no text can forge a line.
"""

import logging
import sys
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import structlog
from structlog.dev import Column, ConsoleRenderer, KeyValueColumnFormatter
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict, WrappedLogger

LogFormat = Literal["auto", "json", "text"]
"""`auto` is text in a terminal and JSON elsewhere."""
FIELDS = "fields"
"""Attribute of a record that holds the fields of its line."""


def log_to_stderr(log_format: LogFormat, names: Sequence[str]) -> None:
    """Write the records of some loggers to standard error, from level info on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter(is_json(log_format)))
    for name in names:
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(logging.INFO)
        logger.propagate = False


def is_json(log_format: LogFormat) -> bool:
    """Return whether lines are JSON."""
    return log_format == "json" or (log_format == "auto" and not sys.stderr.isatty())


def formatter(as_json: bool) -> logging.Formatter:
    """Return the formatter of a line, as JSON or as readable text."""
    renderer = structlog.processors.JSONRenderer(default=str) if as_json else _text_renderer()
    return ProcessorFormatter(processors=[_line, renderer])


def _line(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Return the fields of a line in their order: when, how bad, what, and what the call named."""
    record: logging.LogRecord = event["_record"]
    at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    line: dict[str, object] = {
        "at": at.replace("+00:00", "Z"),
        "level": record.levelname.lower(),
        "event": event["event"],
        **getattr(record, FIELDS, {}),
    }
    # never the standard traceback: its last line is the message of the error, which can contain values of a request
    if event.get("exc_info") and event["exc_info"][1] is not None:
        line["traceback"] = format_traceback(event["exc_info"][1])
    return line


def _text_renderer() -> ConsoleRenderer:
    def column(name: str, **more: Any) -> Column:
        settings: dict[str, Any] = {
            "key_style": None,
            "value_style": "",
            "reset_style": "",
            "value_repr": _printable,
        }
        return Column(name, KeyValueColumnFormatter(**(settings | more)))

    first = (column("at"), column("level", width=7), column("event"))
    return ConsoleRenderer(columns=[column("", key_style="", value_repr=repr), *first])


def _printable(value: object) -> str:
    return repr(str(value))[1:-1]


def format_traceback(error: BaseException) -> list[str]:
    """Return error types and code positions, without messages: those of libraries can contain values of a request."""
    lines = []
    current: BaseException | None = error
    while current is not None:
        lines.append(type(current).__name__)
        lines += [
            f"{frame.filename}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(current.__traceback__)
        ]
        # follow the chain as Python itself prints it: `raise ... from` first, and nothing after `from None`
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return lines
