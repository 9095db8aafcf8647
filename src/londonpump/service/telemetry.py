"""Log lines and Prometheus metrics of the service. No metric label holds personal data or unlimited values."""

import logging
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.registry import Collector

from londonpump.logs import FIELDS, LogFormat, log_to_stderr

LOGGER = logging.getLogger("londonpump.service")
# dense below 0.1 s, where predictions are answered
BUCKETS_S = (0.002, 0.005, 0.01, 0.02, 0.03, 0.06, 0.1, 0.25, 1.0, 5.0)

DEGRADED_BY = ("missing", "warning")
"""Fields of an answer that are empty if all inputs were known and current."""


def log_service(log_format: LogFormat) -> None:
    """Write the logs of the service, its database and uvicorn to standard error."""
    # uvicorn's access log stays off: it would contain query strings
    log_to_stderr(log_format, (LOGGER.name, "londonpump.database", "uvicorn.error"))


def log(event: str, level: int = logging.INFO, **fields: Any) -> None:
    """Log one line."""
    LOGGER.log(level, event, extra={FIELDS: fields})


def log_error(event: str, error: BaseException, **fields: Any) -> None:
    """Log one line with the traceback of an error."""
    LOGGER.error(event, exc_info=error, extra={FIELDS: {"error": type(error).__name__, **fields}})


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
        self.degraded = Counter(
            "londonpump_degraded_predictions",
            "Predictions whose answer names missing inputs (missing), or warns (warning)",
            ("field",),
            registry=self.registry,
        )
        for field in DEGRADED_BY:
            # from the start, because a rate needs a first value
            self.degraded.labels(field)
        self.checks = Gauge(
            "londonpump_check_passed",
            "1 if a check of /readyz passes, else 0",
            ("check",),
            registry=self.registry,
        )
        self.champion_problems = Counter(
            "londonpump_champion_problems", "Bundles that could not be activated", registry=self.registry
        )
        self.model = Gauge("londonpump_model_info", "Active model", ("model",), registry=self.registry)
        self.trained_until = Gauge(
            "londonpump_model_trained_until_seconds",
            "End of the training records of the active model, Unix time",
            ("model",),
            registry=self.registry,
        )

    def note_request(self, method: str, route: str, status: int, took_s: float) -> None:
        """Count a request."""
        self.requests.labels(method, route, str(status)).observe(took_s)

    def note_champion(self, name: str | None, trained_until: date | None = None) -> None:
        """Set the active model; the gauges of any other model are removed."""
        # the name is a label, so the series of the previous model must go, or two models would look active
        self.model.clear()
        self.trained_until.clear()
        if name is not None:
            self.model.labels(name).set(1)
        if name is not None and trained_until is not None:
            midnight = datetime(trained_until.year, trained_until.month, trained_until.day, tzinfo=UTC)
            self.trained_until.labels(name).set(midnight.timestamp())

    def note_answer(self, answer: Mapping[str, Any]) -> None:
        """Count an answer that names missing inputs or warns."""
        for field in DEGRADED_BY:
            if answer.get(field):
                self.degraded.labels(field).inc()

    def add(self, collector: Collector) -> None:
        """Register a collector, which is read at every scrape."""
        self.registry.register(collector)

    def remove(self, collector: Collector) -> None:
        """Unregister a collector, because one application may be opened and closed several times."""
        self.registry.unregister(collector)

    def text(self) -> bytes:
        """Return all metrics in the text format of Prometheus."""
        return generate_latest(self.registry)
