"""Structured logs: one json object a line, on standard error. Never a query string, a token, a body or a header.

What may be logged is named field by field where it is logged; free text comes from our own errors alone.
"""

import json
import logging
import sys
import traceback
from typing import Any, TextIO

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.registry import Collector

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


BUCKETS_S = (0.002, 0.005, 0.01, 0.02, 0.03, 0.06, 0.1, 0.25, 1.0, 5.0)


class Metrics:
    """Counters of one process, in a registry of its own, so that two services in one process do not mix."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Histogram(
            "londonpump_request_seconds",
            "Time a request took in the service, s",
            ("method", "route", "status"),
            buckets=BUCKETS_S,
            registry=self.registry,
        )
        self.predictions = Counter(
            "londonpump_predictions", "Predictions made", ("kind", "model"), registry=self.registry
        )
        self.champion_problems = Counter(
            "londonpump_champion_problems", "Bundles that could not go on duty", registry=self.registry
        )
        self.model = Gauge("londonpump_model_info", "The model on duty", ("model",), registry=self.registry)

    def note_request(self, method: str, route: str, status: int, took_s: float) -> None:
        """Count a request."""
        self.requests.labels(method, route, str(status)).observe(took_s)

    def note_champion(self, name: str | None) -> None:
        """Say which model is on duty: one of them at a time, or none."""
        self.model.clear()
        if name is not None:
            self.model.labels(name).set(1)

    def add(self, collector: Collector) -> None:
        """Have a part's own figures, read when they are asked for (live error and coverage by model)."""
        self.registry.register(collector)

    def remove(self, collector: Collector) -> None:
        """End what `add` began: one application may be opened and closed again and again."""
        self.registry.unregister(collector)

    def text(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return generate_latest(self.registry)
