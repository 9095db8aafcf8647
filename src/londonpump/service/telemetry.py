"""Structured logs and Prometheus metrics of one process.

Logs are JSON lines on standard error. Query strings, tokens, bodies and headers are never logged: each call names its
fields, and free text comes only from our own errors. No metric label holds personal data or unlimited values.
"""

import json
import logging
import sys
import time
import traceback
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.registry import Collector

LOGGER = logging.getLogger("londonpump.service")
FIELDS = "fields"
# dense below 0.1 s, where predictions are answered
BUCKETS_S = (0.002, 0.005, 0.01, 0.02, 0.03, 0.06, 0.1, 0.25, 1.0, 5.0)


class JsonLines(logging.Formatter):
    """Formatter that writes one JSON object per line. Control characters are escaped, so no text can forge a line."""

    # UTC, as every time of the product
    converter = staticmethod(time.gmtime)

    def format(self, record: logging.LogRecord) -> str:
        """Return the line. Tracebacks are written without the messages of their errors."""
        line: dict[str, Any] = {
            "at": self.formatTime(record, "%Y-%m-%dT%H:%M:%S") + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, FIELDS, {}),
        }
        # never the standard traceback: its last line is the message of the error, which can contain values of a request
        if record.exc_info and record.exc_info[1] is not None:
            line["traceback"] = format_traceback(record.exc_info[1])
        return json.dumps(line, default=str)


def log_to_stderr() -> None:
    """Write the logs of the service and of uvicorn to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    # uvicorn's access log stays off: it would contain query strings
    for name in ("londonpump.service", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(logging.INFO)
        logger.propagate = False


def log(event: str, level: int = logging.INFO, **fields: Any) -> None:
    """Log one line."""
    LOGGER.log(level, event, extra={FIELDS: fields})


def log_error(event: str, error: BaseException, **fields: Any) -> None:
    """Log one line with the traceback of an error."""
    LOGGER.error(event, exc_info=error, extra={FIELDS: {"error": type(error).__name__, **fields}})


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


class Metrics:
    """Metrics of one service, in its own registry, so that two services in one process do not mix."""

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
            "londonpump_champion_problems", "Bundles that could not be activated", registry=self.registry
        )
        self.model = Gauge("londonpump_model_info", "Active model", ("model",), registry=self.registry)

    def note_request(self, method: str, route: str, status: int, took_s: float) -> None:
        """Count a request."""
        self.requests.labels(method, route, str(status)).observe(took_s)

    def note_champion(self, name: str | None) -> None:
        """Set the active model; the gauge of any other model is removed."""
        # the name is a label, so the series of the previous model must go, or two models would look active
        self.model.clear()
        if name is not None:
            self.model.labels(name).set(1)

    def add(self, collector: Collector) -> None:
        """Register a collector, which is read at every scrape."""
        self.registry.register(collector)

    def remove(self, collector: Collector) -> None:
        """Unregister a collector, because one application may be opened and closed several times."""
        self.registry.unregister(collector)

    def text(self) -> bytes:
        """Return all metrics in the text format of Prometheus."""
        return generate_latest(self.registry)
